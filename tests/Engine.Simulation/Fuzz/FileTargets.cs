using System.Buffers;
using Varve.Bytes;
using Varve.Levels;
using Varve.Log;

namespace Varve.Simulation;

/// <summary>The header of a log slot: what is read is the same when it is written again.</summary>
internal sealed class LogHeaderTarget() : FuzzTarget("log-header")
{
    public override IReadOnlyList<byte[]> Seeds { get; } = MakeSeeds();

    public override void Seal(Span<byte> input) => Sealing.SealLogHeader(input);

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (!LogSegmentHeader.TryRead(input, out LogSegmentHeader header)) return;
        Span<byte> written = stackalloc byte[LogSegmentHeader.SizeBytes];
        header.Write(written);
        if (!LogSegmentHeader.TryRead(written, out LogSegmentHeader again) || again != header)
            throw new HistoryViolationException("a header is another when it is written again");
    }

    private static List<byte[]> MakeSeeds()
    {
        byte[] seed = new byte[LogSegmentHeader.SizeBytes];
        var header = new LogSegmentHeader
        {
            Version = LogFormat.Version,
            Slot = 3,
            DatabaseId = new DatabaseId(1, 2),
            Number = 7,
            Salt = 0x0123_4567_89AB_CDEF,
            SegmentBytes = 8 << 10,
            Predecessor = 6,
            PredecessorValidBytes = 5_000,
            PredecessorLastSequence = 41,
            FirstSequence = 42,
            DurableMark = 40,
            ClockMark = 1_700_000_000_000,
        };
        header.Write(seed);
        return [seed];
    }
}

/// <summary>An edit of the manifest: what is read means the same when it is written again.</summary>
internal sealed class EditTarget() : FuzzTarget("edit")
{
    public override IReadOnlyList<byte[]> Seeds { get; } = MakeSeeds();

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (!LevelEditCodec.TryDecode(input, out LevelEdit? edit)) return;
        byte[] written = Encode(edit);
        if (!LevelEditCodec.TryDecode(written, out LevelEdit? again) || !Encode(again).AsSpan().SequenceEqual(written))
            throw new HistoryViolationException("an edit is another when it is written again");
        var state = new ManifestState(new DatabaseId(1, 2));
        if (!state.TryApply(edit, out _) || state.FindProblem() is not null) return;

        // A state without problems can be written, read and made a map of levels.
        var full = new ManifestState(new DatabaseId(1, 2));
        if (!LevelEditCodec.TryDecode(Encode(state.ToEdit()), out LevelEdit? whole) || !full.TryApply(whole, out string? problem))
            throw new HistoryViolationException("the whole state cannot be read again");
        if (full.FindProblem() is not null) throw new HistoryViolationException($"the whole state has a problem: {problem}");
        LevelMap empty = LevelMap.CreateEmpty();
        LevelMap levels = empty.Apply(full.ToEdit(), static info => new Tables.Table(info, null!));
        if (levels.FileBytes < 0) throw new HistoryViolationException($"all tables have {levels.FileBytes} bytes");
    }

    private static byte[] Encode(LevelEdit edit)
    {
        var written = new ArrayBufferWriter<byte>();
        LevelEditCodec.Encode(edit, written);
        return written.WrittenSpan.ToArray();
    }

    private static List<byte[]> MakeSeeds()
    {
        var tables = new LevelEdit { FlushedSequence = 40, NextFileNumber = 9, ClockMarkMilliseconds = 1_700_000_000_000 };
        tables.Remove(0, 5);
        tables.Add(1, SampleTable.Raw.Info);
        var log = new LevelEdit
        {
            LogEra = new LogEra(77, 3),
            CleanEnd = new LogEnd(4, 5_000, 41),
            SequenceBound = 40,
            LogPast = new LogPast(40, [new LogPastEra(new LogEra(76, 1), new LogEnd(2, 4_200, 40), 9)]),
        };
        return [Encode(tables), Encode(log)];
    }
}

/// <summary>CURRENT: only what it is written as is read.</summary>
internal sealed class CurrentTarget() : FuzzTarget("current")
{
    public override IReadOnlyList<byte[]> Seeds { get; } = [CurrentFile.Format(1, 0), CurrentFile.Format(1_234_567, ulong.MaxValue)];

    public override void Seal(Span<byte> input) => Sealing.SealCurrent(input);

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (CurrentFile.TryParse(input, out long number, out ulong salt) && !input.SequenceEqual(CurrentFile.Format(number, salt)))
            throw new HistoryViolationException($"manifest {number} is named otherwise than it is written");
    }
}
