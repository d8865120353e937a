using Varve.Log;

namespace Varve.Tests.Log;

/// <summary>Every byte of a small log is changed, and frames and headers are forged with valid checksums.</summary>
public class LogDamageTests
{
    private const long SegmentBytes = 8192;

    [Fact]
    public void Every_flipped_byte_of_a_cleanly_closed_log_is_found_or_harmless()
    {
        LogHouse house = new(SegmentBytes);
        LogEnd end;
        using (LogWriter log = house.OpenWriter())
        {
            AppendMixed(log, syncEach: false);
            end = log.Close();
        }

        int found = FlipEveryByte(house, () => house.Recover(cleanEnd: end).AssertSequences(1, 12));
        Assert.True(found > 4500, $"{found} flips found");
    }

    [Fact]
    public void Every_flipped_byte_below_the_last_mark_of_a_crashed_log_is_found_or_harmless()
    {
        LogHouse house = new(SegmentBytes);
        using LogWriter log = house.OpenWriter();
        AppendMixed(log, syncEach: true);
        log.WriteMark();

        int found = FlipEveryByte(house, () => house.Recover().AssertSequences(1, 12));
        Assert.True(found > 4500, $"{found} flips found");
    }

    [Fact]
    public void Every_flipped_byte_of_a_log_never_synced_leaves_a_prefix_or_is_found()
    {
        LogHouse house = new(SegmentBytes);
        using LogWriter log = house.OpenWriter();
        AppendMixed(log, syncEach: false);
        log.Drain();

        FlipEveryByte(house, () =>
        {
            Recovered recovered = house.Recover();
            recovered.AssertSequences(1, (ulong)recovered.Records.Count);
        });
    }

    [Theory]
    [InlineData("valid bytes less")]
    [InlineData("valid bytes more")]
    [InlineData("valid bytes odd")]
    [InlineData("valid bytes beyond")]
    [InlineData("last sequence")]
    [InlineData("first sequence")]
    [InlineData("first sequence none")]
    [InlineData("durable mark")]
    [InlineData("predecessor")]
    [InlineData("version")]
    [InlineData("slot")]
    [InlineData("segment bytes")]
    public void A_successor_that_states_something_else_is_damage(string what)
    {
        LogHouse house = new(SegmentBytes);
        using LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= 6; sequence++) LogHouse.Append(log, sequence, 900);
        log.Drain();
        house.Recover().AssertSequences(1, 6);

        byte[] content = house.ReadSlot(2);
        Assert.True(LogSegmentHeader.TryRead(content, out LogSegmentHeader header));
        LogSegmentHeader forged = what switch
        {
            "valid bytes less" => header with { PredecessorValidBytes = header.PredecessorValidBytes - 8 },
            "valid bytes more" => header with { PredecessorValidBytes = LogFormat.HeaderAreaBytes - 8 },
            "valid bytes odd" => header with { PredecessorValidBytes = header.PredecessorValidBytes - 1 },
            "valid bytes beyond" => header with { PredecessorValidBytes = SegmentBytes + 8 },
            "last sequence" => header with { PredecessorLastSequence = header.PredecessorLastSequence + 1 },
            "first sequence" => header with { FirstSequence = header.FirstSequence + 1 },
            "first sequence none" => header with { FirstSequence = 0 },
            "durable mark" => header with { DurableMark = header.PredecessorLastSequence + 1 },
            "predecessor" => header with { Predecessor = 0 },
            "version" => header with { Version = 2 },
            "slot" => header with { Slot = 3 },
            "segment bytes" => header with { SegmentBytes = -8 },
            _ => throw new ArgumentOutOfRangeException(nameof(what)),
        };
        forged.Write(content);
        house.WriteSlot(2, content);
        Assert.Throws<CorruptDataException>(() => house.Recover());
    }

    [Theory]
    [InlineData(nameof(LogFrameType.Full), 3, 1, 0, 0)] // skips sequence 2
    [InlineData(nameof(LogFrameType.Full), 1, 1, 0, 0)] // repeats
    [InlineData(nameof(LogFrameType.Full), 2, 0, 0, 0)] // takes no sequence
    [InlineData(nameof(LogFrameType.Full), 2, uint.MaxValue, 0, 0)]
    [InlineData(nameof(LogFrameType.Full), 2, 1, 5, 0)] // begins in its middle
    [InlineData(nameof(LogFrameType.Full), 2, 1, 0, 2)] // the mark runs ahead
    [InlineData(nameof(LogFrameType.First), 3, 1, 0, 0)]
    [InlineData(nameof(LogFrameType.Middle), 2, 1, 0, 0)] // without a beginning
    [InlineData(nameof(LogFrameType.Last), 2, 1, 0, 0)]
    [InlineData(nameof(LogFrameType.Last), 1, 1, 0, 0)]
    [InlineData(nameof(LogFrameType.Mark), 3, 0, 0, 0)]
    [InlineData(nameof(LogFrameType.Mark), 2, 1, 0, 0)]
    public void A_frame_that_cannot_follow_is_damage(string type, ulong firstSequence, uint count, uint recordOffset, ulong mark)
    {
        LogHouse house = WithOneRecord(out long position);
        Forge(house, position, new LogFrame(Enum.Parse<LogFrameType>(type), 0, firstSequence, count, recordOffset, mark));
        Assert.Throws<CorruptDataException>(() => house.Recover());
    }

    [Theory]
    [InlineData(nameof(LogFrameType.Last), 2, 3, 16)] // another number of sequences
    [InlineData(nameof(LogFrameType.Last), 3, 2, 16)] // another record
    [InlineData(nameof(LogFrameType.Last), 2, 2, 8)] // bytes repeat
    [InlineData(nameof(LogFrameType.Middle), 2, 2, 24)] // bytes are missing
    [InlineData(nameof(LogFrameType.Full), 2, 2, 0)]
    [InlineData(nameof(LogFrameType.First), 2, 2, 0)]
    [InlineData(nameof(LogFrameType.Mark), 2, 0, 0)]
    public void A_fragment_that_cannot_follow_is_damage(string type, ulong firstSequence, uint count, uint recordOffset)
    {
        LogHouse house = WithOneRecord(out long position);
        position += Forge(house, position, new LogFrame(LogFrameType.First, 16, 2, 2, 0, 0));
        house.Recover().AssertSequences(1, 1);
        Forge(house, position, new LogFrame(Enum.Parse<LogFrameType>(type), 0, firstSequence, count, recordOffset, 0));
        Assert.Throws<CorruptDataException>(() => house.Recover());
    }

    [Fact]
    public void A_frame_longer_than_any_is_none()
    {
        LogHouse house = WithOneRecord(out long position);
        LogFrame frame = new(LogFrameType.Full, LogFormat.FramePayloadBytesMax + 1, 2, 1, 0, 0);
        byte[] slot = new byte[position + frame.TotalBytes];
        house.ReadSlot(1).AsSpan(0, (int)position).CopyTo(slot);
        house.WriteSlot(1, slot);
        Forge(house, position, frame);
        house.Recover().AssertSequences(1, 1);
    }

    [Fact]
    public void A_frame_that_was_moved_is_none()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= 4; sequence++) LogHouse.Append(log, sequence, 100);
        log.Sync();
        log.WriteMark();
        string path = house.Context.SlotPath(1);
        house.Disk.CopyRange(path, LogFormat.HeaderAreaBytes + 2 * 144, path, LogFormat.HeaderAreaBytes + 1 * 144, count: 144);
        Assert.Throws<CorruptDataException>(() => house.Recover());
    }

    [Fact]
    public void Garbage_gives_no_other_exception_than_damage()
    {
        for (int seed = 1; seed <= 80; seed++)
        {
            Random random = new(seed);
            LogHouse house = new(SegmentBytes);
            using (LogWriter log = house.OpenWriter())
            {
                AppendMixed(log, syncEach: random.Next(2) == 0);
                log.Drain();
            }

            for (int hit = random.Next(1, 6); hit > 0; hit--)
            {
                int slot = random.Next(1, house.ListSlots().Count + 1);
                byte[] content = house.ReadSlot(slot);
                int offset = random.Next(content.Length);
                int length = random.Next(1, Math.Min(1024, content.Length - offset) + 1);
                if (random.Next(4) == 0) content = content[..(offset + 1)];
                else if (random.Next(3) == 0) content.AsSpan(offset, length).Clear();
                else random.NextBytes(content.AsSpan(offset, length));
                house.WriteSlot(slot, content);
            }

            try
            {
                Recovered recovered = house.Recover();
                recovered.AssertSequences(1, (ulong)recovered.Records.Count, $"seed {seed}:");
            }
            catch (CorruptDataException)
            {
                continue;
            }
            catch (Exception other) when (other is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}: {other}");
            }
        }
    }

    private static LogHouse WithOneRecord(out long position)
    {
        LogHouse house = new(SegmentBytes);
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 40);
        log.Drain();
        position = log.GetLiveSegments()[0].ValidBytes;
        return house;
    }

    private static int Forge(LogHouse house, long position, LogFrame frame)
    {
        byte[] content = house.ReadSlot(1);
        Span<byte> destination = content.AsSpan((int)position, frame.TotalBytes);
        frame.Write(destination, new byte[frame.PayloadBytes], LogFormat.SegmentSalt(house.Era, 1), position);
        house.WriteSlot(1, content);
        return frame.TotalBytes;
    }

    /// <summary>Twelve records over two segments: small, empty, and one in two fragments.</summary>
    private static void AppendMixed(LogWriter log, bool syncEach)
    {
        for (ulong sequence = 1; sequence <= 12; sequence++)
        {
            int bytes = sequence switch { 3 => 0, 5 => 3800, _ => 30 + (int)sequence };
            LogHouse.Append(log, sequence, bytes);
            if (syncEach) log.Sync();
        }
    }

    /// <summary>
    /// Answers how many flips were reported as damage; the others must satisfy the check. Of stretches that were never written a few
    /// bytes stand for all.
    /// </summary>
    private static int FlipEveryByte(LogHouse house, Action check)
    {
        int found = 0;
        foreach (string path in house.Disk.ListAllFiles())
        {
            byte[] content = house.Disk.ReadAll(path);
            for (int offset = 0; offset < content.Length; offset++)
            {
                bool isUnwritten = content.AsSpan(offset, Math.Min(64, content.Length - offset)).IndexOfAnyExcept((byte)0) < 0;
                if (isUnwritten && offset % 61 != 0) continue;
                house.Disk.FlipBit(path, offset * 8L + offset % 8);
                try
                {
                    check();
                }
                catch (CorruptDataException)
                {
                    found++;
                }
                catch (Exception other)
                {
                    Assert.Fail($"{path} at {offset}: {other}");
                }

                house.Disk.WriteAll(path, content);
            }
        }

        return found;
    }
}
