using Varve.Bytes;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Simulation;

/// <summary>The keys and values of the journal's rows (docs/formats/journal.md).</summary>
internal sealed class JournalRowTarget() : RewriteTarget("journal-row", MakeKinds())
{
    private const long Time = 0x0192_F3A4_B5C6;
    private const int FingerprintBytes = 32;
    private const int ExpiryKeyBytes = 25;

    private static RewrittenKind[] MakeKinds()
    {
        var id = new Guid("0192f3a4-b5c6-7d8e-9f01-23456789abcd");
        var counts = new RunCounts(Epoch: 300, Attempts: 4, Recoveries: 2, Round: 1);
        var expiry = new ExpiryRow(ExpiryKind.Keyed, Time, id, 1_000);
        RequestRow request = new()
        {
            Recovery = RecoveryMode.Resume,
            CreatedMilliseconds = Time,
            Name = "charge",
            Principal = "größe",
            Key = "key-1",
            ReplayOf = id,
            Origin = "from"u8.ToArray(),
            Arguments = "{}"u8.ToArray(),
        };
        PendingRow pending = new() { State = InvocationState.Running, Counts = counts, Owner = id, SinceMilliseconds = Time };
        FinishedRow finished = new()
        {
            State = InvocationState.Completed,
            IsError = true,
            FinishedMilliseconds = Time,
            Counts = counts,
            Outcome = "answer"u8.ToArray(),
        };
        var tries = new Tries(Attempt: 200, Round: 2, InRound: 3);
        return
        [
            Kind("request", request.Encode(), row => RequestRow.Decode(row).Encode()),
            Kind("pending row", pending.Encode(), row => PendingRow.Decode(row).Encode()),
            Kind("finished row", finished.Encode(), row => FinishedRow.Decode(row).Encode()),
            Kind("keyed row", new KeyRow(id, new byte[FingerprintBytes]).Encode(), row => KeyRow.Decode(row).Encode()),
            Kind("stored step", StepRow.Stored(300, "System.String", "\"a\""u8.ToArray()).Encode(), RewriteStep),
            Kind("started step", StepRow.Started(tries).Encode(), RewriteStep),
            Kind("retryable step", StepRow.Retryable(tries, new IOException("hält")).Encode(), RewriteStep),
            Kind("failed step", StepRow.Failed(4, new IOException("")).Encode(), RewriteStep),
            Kind("map write", StepRow.Written.Encode(), RewriteStep),
            Kind("expiry row", [.. expiry.EncodeKey(), .. expiry.EncodeValue()], RewriteExpiry),
            Kind("key of an invocation", JournalKeys.Pending(id), RewriteKey),
            Kind("key of a guard", JournalKeys.Guard(id, "aliaß"), RewriteStepKey),
            Kind("key of a named write", JournalKeys.Write(id, WriteAlias.Named("map", "alias")), RewriteStepKey),
            Kind("key of an unnamed write", JournalKeys.Write(id, WriteAlias.Unnamed("map", "guard", 300)), RewriteStepKey),
        ];
    }

    /// <summary>Rows that cannot be read have one exception.</summary>
    private static RewrittenKind Kind(string name, byte[] seed, Func<byte[], byte[]> rewrite) => new(name, seed, row =>
    {
        try
        {
            return rewrite(row);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    });

    private static byte[] RewriteStep(byte[] row) => StepRow.Decode(row).Encode();

    private static byte[] RewriteExpiry(byte[] row)
    {
        int keyBytes = Math.Min(row.Length, ExpiryKeyBytes);
        ExpiryRow read = ExpiryRow.Decode(row.AsSpan(0, keyBytes), row.AsSpan(keyBytes));
        return [.. read.EncodeKey(), .. read.EncodeValue()];
    }

    private static byte[] RewriteKey(byte[] key)
    {
        Guid id = JournalKeys.ReadId(key);
        return [key[0], .. JournalKeys.Pending(id)[1..]];
    }

    private static byte[] RewriteStepKey(byte[] key)
    {
        (string? guard, WriteAlias write) = JournalKeys.ReadStep(key);
        var id = new Guid(key.AsSpan(0, RowWriter.IdBytes), bigEndian: true);
        return guard is not null ? JournalKeys.Guard(id, guard) : JournalKeys.Write(id, write);
    }
}

/// <summary>The bodies of frames between processes that share a directory, and the rows of leases (docs/formats/sharing.md).</summary>
internal sealed class SharingBodyTarget() : RewriteTarget("sharing-body", MakeKinds())
{
    private const string Failure = "failure";

    private delegate void WriteBody<in T>(FrameBuffer frame, T value);

    /// <summary>An exception's own words may come to those that were sent.</summary>
    protected override bool MayGrow(string kind) => kind == Failure;

    private static RewrittenKind[] MakeKinds()
    {
        var id = new Guid("0192f3a4-b5c6-7d8e-9f01-23456789abcd");
        byte[] key = "key"u8.ToArray();
        var batch = new StoreBatch
        {
            Conditions = [StoreCondition.Absent("a", key), StoreCondition.Value("größe", default, key)],
            Operations = [StoreOperation.Put("b", key, new byte[300]), StoreOperation.DeleteRange("a", key, default)],
            Durability = Durability.None,
        };
        Change[] changes =
        [
            new(ChangeKind.Put, "m", key, default, key, 1_234_567), new(ChangeKind.DeleteRange, "m", key, key, default, 0),
            new(ChangeKind.DropMap, "n", default, default, default, 0),
        ];
        StoreRange range = new() { Map = "m", Direction = Direction.Descending, Limit = 3, BytesMax = 1_000, Start = key, End = key };
        StoreFeed feed = new() { After = 5, Map = "m", KeyPrefix = key, IncludeNotDurable = true };
        return
        [
            Kind("hello", new Hello(SharingProtocol.Version, id, 12), StoreCodec.WriteHello, ReadOwnHello),
            Kind(
                "welcome", new Welcome(SharingProtocol.Version, new DatabaseId(1, 2), id, 3, 4), StoreCodec.WriteWelcome,
                body => StoreCodec.ReadWelcome(body)),
            Kind("range", range, StoreCodec.WriteRange, body => StoreCodec.ReadRange(body)),
            Kind(
                "page", new StorePage([new PageEntry(key, key), new PageEntry(default, default)], key), StoreCodec.WritePage,
                body => StoreCodec.ReadPage(body)),
            KindOfValue("batch", (batch, new BatchAttempt(id, IsAgain: true)), StoreCodec.WriteBatch, body => StoreCodec.ReadBatch(body)),
            KindOfValue("outcome", new StoreOutcome(true, 77, 3), StoreCodec.WriteOutcome, body => StoreCodec.ReadOutcome(body)),
            Kind("feed", feed, StoreCodec.WriteFeed, body => StoreCodec.ReadFeed(body)),
            Kind(
                "changes", new ChangeBatch(7, 9, changes, isFirstPiece: true, isLastPiece: false), StoreCodec.WriteChanges,
                body => StoreCodec.ReadChanges(body)),
            Kind<IReadOnlyList<string>>("names", ["a", "größe"], StoreCodec.WriteNames, body => StoreCodec.ReadNames(body)),
            Kind<Exception>(Failure, new ArgumentException("text", "name"), FailureCodec.Write, body => FailureCodec.Read(body)),
            Kind<Exception>(Failure, new StorageException("pwrite", "/a", 28, "full"), FailureCodec.Write, body => FailureCodec.Read(body)),
            new("key of a lease", LeaseRow.KeyOf(id), row => LeaseRow.TryReadKey(row, out Guid holder) ? LeaseRow.KeyOf(holder) : null),
            new("lease", LeaseRow.ValueOf(300), row => LeaseRow.TryReadValue(row, out int process) ? LeaseRow.ValueOf(process) : null),
        ];
    }

    /// <summary>Of a hello of another version no more than that is read.</summary>
    private static Hello? ReadOwnHello(byte[] body) =>
        StoreCodec.ReadHello(body) is { Version: SharingProtocol.Version } hello ? hello : null;

    private static RewrittenKind Kind<T>(string name, T seed, WriteBody<T> write, Func<byte[], T?> read)
        where T : class => new(name, Write(seed, write), body => read(body) is { } value ? Write(value, write) : null);

    private static RewrittenKind KindOfValue<T>(string name, T seed, WriteBody<T> write, Func<byte[], T?> read)
        where T : struct => new(name, Write(seed, write), body => read(body) is { } value ? Write(value, write) : null);

    private static byte[] Write<T>(T value, WriteBody<T> write)
    {
        var frame = new FrameBuffer();
        write(frame, value);
        return frame.Written.ToArray();
    }
}
