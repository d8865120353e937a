using System.Buffers.Binary;
using Varve.Bytes;
using Varve.Files;
using Varve.Log;
using Varve.Runtime;

namespace Varve.Tests.Log;

/// <summary>A directory on a simulated disk with one log era in it, and the shortest ways to write, read and damage it.</summary>
internal sealed class LogHouse
{
    public const string Directory = "data";

    public LogHouse(long segmentBytes = 16 * 1024, ulong databaseIdLow = 7, bool mapsFiles = true)
    {
        Disk = new SimulatedDisk { MapsFiles = mapsFiles };
        Disk.CreateDirectory(Directory);
        Context = new LogContext(Disk, Directory, new DatabaseId(High: 1, databaseIdLow), new CountingRandom(), segmentBytes);
        Era = Context.CreateEra(firstSegment: 1);
    }

    public SimulatedDisk Disk { get; private set; }

    public string WindowPath => Path.Combine(Directory, FileNames.LogWindow);

    public LogContext Context { get; private set; }

    public LogEra Era { get; set; }

    public LogWriter OpenWriter(ulong nextSequence = 1) => new(Context, Era, nextSequence);

    /// <summary>A payload that is a function of its sequence.</summary>
    public static byte[] Payload(ulong sequence, int bytes)
    {
        byte[] payload = new byte[bytes];
        new Random((int)sequence * 31 + bytes).NextBytes(payload);
        if (bytes >= sizeof(ulong)) BinaryPrimitives.WriteUInt64LittleEndian(payload, sequence);
        return payload;
    }

    public static void Append(LogWriter log, ulong sequence, int bytes, int count = 1) =>
        log.Append(sequence, count, Payload(sequence, bytes));

    /// <summary>The machine goes down and starts again; the house goes on with the disk found, writers from before cannot.</summary>
    public void Crash(CrashMode mode, int seed = 0)
    {
        Disk = Disk.Crash(mode, seed);
        Context = Context with { Files = Disk };
    }

    /// <summary>Goes on with another disk that has the same directory.</summary>
    public void MoveTo(SimulatedDisk disk, LogContext context)
    {
        Disk = disk;
        Context = context with { Files = disk };
    }

    public Recovered Recover(ulong flushedSequence = 0, LogEnd? cleanEnd = null)
    {
        List<RecoveredRecord> records = [];
        LogRecoveryResult result = LogRecovery.Run(
            Context,
            Era,
            flushedSequence,
            cleanEnd,
            (first, count, payload) => records.Add(new RecoveredRecord(first, count, payload.ToArray())),
            CancellationToken.None);
        return new Recovered(result, records);
    }

    public List<string> ListSlots() => [.. Disk.ListAllFiles().Where(path => path.EndsWith(".log", StringComparison.Ordinal))];

    public byte[] ReadSlot(int number) => Disk.ReadAll(Context.SlotPath(number));

    public void WriteSlot(int number, ReadOnlySpan<byte> content) => Disk.WriteAll(Context.SlotPath(number), content);

    /// <summary>Flips the lowest bit of a byte.</summary>
    public void DamageSlot(int number, long offset) => Disk.FlipBit(Context.SlotPath(number), offset * 8);

    /// <summary>The calls from now on, in order.</summary>
    public List<DiskCall> RecordCalls()
    {
        List<DiskCall> calls = [];
        Disk.Faults = call =>
        {
            calls.Add(call);
            return null;
        };
        return calls;
    }

    /// <summary>Deterministic, and different at each call.</summary>
    private sealed class CountingRandom : RandomSource
    {
        private int _calls;

        public override void Fill(Span<byte> destination) => new Random(++_calls).NextBytes(destination);
    }
}

internal sealed record RecoveredRecord(ulong FirstSequence, int Count, byte[] Payload);

internal sealed record Recovered(LogRecoveryResult Result, List<RecoveredRecord> Records)
{
    /// <summary>The records are those from one sequence to another, one sequence each, whole and in order.</summary>
    public void AssertSequences(ulong first, ulong last, string context = "")
    {
        Assert.True((ulong)Records.Count == last + 1 - first, $"{context} {Records.Count} records, expected {first} to {last}");
        for (int i = 0; i < Records.Count; i++)
        {
            RecoveredRecord record = Records[i];
            Assert.True(record.FirstSequence == first + (ulong)i, $"{context} record {i} has sequence {record.FirstSequence}");
            Assert.True(
                record.Payload.AsSpan().SequenceEqual(LogHouse.Payload(record.FirstSequence, record.Payload.Length)),
                $"{context} payload of {record.FirstSequence} differs");
        }
    }
}
