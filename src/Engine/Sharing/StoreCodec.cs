using Varve.Bytes;
using Varve.Entries;

namespace Varve.Sharing;

/// <summary>What the bodies of frames hold, apart from failures: docs/formats/sharing.md.</summary>
internal static class StoreCodec
{
    private const byte HasStart = 1;
    private const byte HasMap = 2;
    private const byte ShowsNotDurable = 4;
    private const byte IsFirstPiece = 1;
    private const byte IsLastPiece = 2;
    private const int OperationBytesMin = 4;
    private const int EntryBytesMin = 2;
    private const int ChangeBytesMin = 6;

    public static void WriteHello(FrameBuffer frame, Hello hello)
    {
        frame.UInt32(SharingProtocol.Magic);
        frame.Number(SharingProtocol.Version);
        frame.Id(hello.Incarnation);
        frame.Number(hello.ProcessId);
    }

    /// <summary>Null: it is none. With another version the rest is not read.</summary>
    public static Hello? ReadHello(ReadOnlySpan<byte> body)
    {
        var reader = new BodyReader(body);
        if (reader.UInt32() != SharingProtocol.Magic) return null;
        int version = reader.Count();
        if (version != SharingProtocol.Version) return reader.HasFailed ? null : new Hello(version, Guid.Empty, 0);
        var hello = new Hello(version, reader.Id(), reader.Count());
        return reader.IsWhole && hello.Incarnation != Guid.Empty ? hello : null;
    }

    public static void WriteWelcome(FrameBuffer frame, Welcome welcome)
    {
        frame.Number(welcome.Version);
        frame.Number(welcome.Database.High);
        frame.Number(welcome.Database.Low);
        frame.Id(welcome.Owner);
        frame.Number(welcome.OwnerProcessId);
        frame.Number(welcome.RequestBytesMax);
    }

    public static Welcome? ReadWelcome(ReadOnlySpan<byte> body)
    {
        var reader = new BodyReader(body);
        var welcome = new Welcome(
            reader.Count(), new DatabaseId(reader.Number(), reader.Number()), reader.Id(), reader.Count(), reader.Count());
        return reader.IsWhole && welcome.Version == SharingProtocol.Version ? welcome : null;
    }

    public static void WriteRange(FrameBuffer frame, StoreRange range)
    {
        frame.Text(range.Map);
        frame.Flag(range.Direction == Direction.Descending);
        frame.Number(range.Limit);
        frame.Number(range.BytesMax);
        frame.Prefixed(range.Start.Span);
        frame.Prefixed(range.End.Span);
    }

    /// <summary>Null: it is none. The bounds are copied.</summary>
    public static StoreRange? ReadRange(ReadOnlySpan<byte> body)
    {
        var reader = new BodyReader(body);
        var range = new StoreRange
        {
            Map = reader.Text(),
            Direction = reader.Flag() ? Direction.Descending : Direction.Ascending,
            Limit = reader.Count(),
            BytesMax = reader.Count(),
            Start = reader.Prefixed().ToArray(),
            End = reader.Prefixed().ToArray(),
        };
        return reader.IsWhole ? range : null;
    }

    public static void WritePage(FrameBuffer frame, StorePage page)
    {
        frame.Flag(page.NextKey is not null);
        frame.Prefixed(page.NextKey);
        frame.Number(page.Entries.Count);
        foreach (PageEntry entry in page.Entries)
        {
            frame.Prefixed(entry.Key.Span);
            frame.Prefixed(entry.Value.Span);
        }
    }

    /// <summary>Null: it is none. The entries lie in the body.</summary>
    public static StorePage? ReadPage(ReadOnlyMemory<byte> body)
    {
        var reader = new BodyReader(body.Span);
        bool hasNext = reader.Flag();
        byte[] next = reader.Prefixed().ToArray();
        var entries = new PageEntry[reader.CountOf(EntryBytesMin)];
        for (int i = 0; i < entries.Length; i++) entries[i] = new PageEntry(reader.Prefixed(body), reader.Prefixed(body));
        return reader.IsWhole ? new StorePage(entries, hasNext ? next : null) : null;
    }

    public static void WriteBatch(FrameBuffer frame, (StoreBatch Batch, BatchAttempt Attempt) write)
    {
        StoreBatch batch = write.Batch;
        frame.Flag(write.Attempt.IsAgain);
        frame.Id(write.Attempt.Id);
        frame.Number(batch.Durability is { } level ? (int)level + 1 : 0);
        List<string> names = [];
        foreach (StoreCondition condition in batch.Conditions) AddName(names, condition.Map);
        foreach (StoreOperation operation in batch.Operations) AddName(names, operation.Map);
        frame.Number(names.Count);
        foreach (string name in names) frame.Text(name);
        frame.Number(batch.Conditions.Count);
        foreach (StoreCondition condition in batch.Conditions)
        {
            frame.Number((int)condition.Kind);
            frame.Number(names.IndexOf(condition.Map));
            frame.Prefixed(condition.Key.Span);
            frame.Prefixed(condition.Expected.Span);
        }

        frame.Number(batch.Operations.Count);
        foreach (StoreOperation operation in batch.Operations)
        {
            frame.Number((int)operation.Kind);
            frame.Number(names.IndexOf(operation.Map));
            frame.Prefixed(operation.Key.Span);
            frame.Prefixed(operation.Value.Span);
        }
    }

    /// <summary>Null: it is none. Keys and values lie in the body.</summary>
    public static (StoreBatch Batch, BatchAttempt Attempt)? ReadBatch(ReadOnlyMemory<byte> body)
    {
        var reader = new BodyReader(body.Span);
        bool isAgain = reader.Flag();
        var attempt = new BatchAttempt(reader.Id(), isAgain);
        int level = reader.Count();
        string[] names = new string[reader.CountOf(bytesMin: 1)];
        for (int i = 0; i < names.Length; i++) names[i] = reader.Text();
        var conditions = new StoreCondition[reader.CountOf(OperationBytesMin)];
        for (int i = 0; i < conditions.Length; i++)
        {
            conditions[i] = new StoreCondition(
                (StoreConditionKind)reader.Count(), NameOf(ref reader, names), reader.Prefixed(body), reader.Prefixed(body));
        }

        var operations = new StoreOperation[reader.CountOf(OperationBytesMin)];
        for (int i = 0; i < operations.Length; i++)
        {
            operations[i] = new StoreOperation(
                (StoreOperationKind)reader.Count(), NameOf(ref reader, names), reader.Prefixed(body), reader.Prefixed(body));
        }

        if (!reader.IsWhole) return null;
        var batch = new StoreBatch
        {
            Conditions = conditions,
            Operations = operations,
            Durability = level == 0 ? null : (Durability)(level - 1),
        };
        return (batch, attempt);
    }

    public static void WriteOutcome(FrameBuffer frame, StoreOutcome outcome)
    {
        frame.Flag(outcome.IsCommitted);
        frame.Number(outcome.Sequence);
        frame.Number(outcome.FailedCondition + 1);
    }

    public static StoreOutcome? ReadOutcome(ReadOnlySpan<byte> body)
    {
        var reader = new BodyReader(body);
        var outcome = new StoreOutcome(reader.Flag(), reader.Number(), reader.Count() - 1);
        return reader.IsWhole ? outcome : null;
    }

    public static void WriteFeed(FrameBuffer frame, StoreFeed feed)
    {
        int flags = (feed.After is null ? 0 : HasStart) | (feed.Map is null ? 0 : HasMap) | (feed.IncludeNotDurable ? ShowsNotDurable : 0);
        frame.Byte((byte)flags);
        frame.Number(feed.After ?? 0);
        frame.Text(feed.Map ?? "");
        frame.Prefixed(feed.KeyPrefix.Span);
    }

    /// <summary>Null: it is none. The prefix is copied.</summary>
    public static StoreFeed? ReadFeed(ReadOnlySpan<byte> body)
    {
        var reader = new BodyReader(body);
        byte flags = reader.Byte();
        ulong after = reader.Number();
        string map = reader.Text();
        var feed = new StoreFeed
        {
            After = (flags & HasStart) != 0 ? after : null,
            Map = (flags & HasMap) != 0 ? map : null,
            KeyPrefix = reader.Prefixed().ToArray(),
            IncludeNotDurable = (flags & ShowsNotDurable) != 0,
        };
        return reader.IsWhole && flags <= (HasStart | HasMap | ShowsNotDurable) ? feed : null;
    }

    public static void WriteChanges(FrameBuffer frame, ChangeBatch batch)
    {
        frame.Byte((byte)((batch.IsFirstPiece ? IsFirstPiece : 0) | (batch.IsLastPiece ? IsLastPiece : 0)));
        frame.Number(batch.FirstSequence);
        frame.Number(batch.Sequence);
        List<string> names = [];
        foreach (Change change in batch.Changes) AddName(names, change.MapName);
        frame.Number(names.Count);
        foreach (string name in names) frame.Text(name);
        frame.Number(batch.Changes.Count);
        foreach (Change change in batch.Changes)
        {
            frame.Number((int)change.Kind);
            frame.Number(names.IndexOf(change.MapName));
            frame.Prefixed(change.Key.Span);
            frame.Prefixed(change.EndKey.Span);
            frame.Prefixed(change.Value.Span);
            frame.Number((ulong)(change.Expiry?.ToUnixTimeMilliseconds() ?? 0));
        }
    }

    /// <summary>Null: it is none. Keys and values lie in the body.</summary>
    public static ChangeBatch? ReadChanges(ReadOnlyMemory<byte> body)
    {
        var reader = new BodyReader(body.Span);
        byte flags = reader.Byte();
        ulong firstSequence = reader.Number();
        ulong sequence = reader.Number();
        string[] names = new string[reader.CountOf(bytesMin: 1)];
        for (int i = 0; i < names.Length; i++) names[i] = reader.Text();
        var changes = new Change[reader.CountOf(ChangeBytesMin)];
        for (int i = 0; i < changes.Length; i++)
        {
            changes[i] = new Change(
                (ChangeKind)reader.Count(), NameOf(ref reader, names), reader.Prefixed(body), reader.Prefixed(body), reader.Prefixed(body),
                ReadExpiry(ref reader));
        }

        if (!reader.IsWhole || flags > (IsFirstPiece | IsLastPiece)) return null;
        return new ChangeBatch(firstSequence, sequence, changes, (flags & IsFirstPiece) != 0, (flags & IsLastPiece) != 0);
    }

    public static void WriteNames(FrameBuffer frame, IReadOnlyList<string> names)
    {
        frame.Number(names.Count);
        foreach (string name in names) frame.Text(name);
    }

    public static IReadOnlyList<string>? ReadNames(ReadOnlySpan<byte> body)
    {
        var reader = new BodyReader(body);
        string[] names = new string[reader.CountOf(bytesMin: 1)];
        for (int i = 0; i < names.Length; i++) names[i] = reader.Text();
        return reader.IsWhole ? names : null;
    }

    private static void AddName(List<string> names, string name)
    {
        // Batches are of few maps, and mostly of the one seen last.
        if (names.Count > 0 && ReferenceEquals(names[^1], name)) return;
        if (!names.Contains(name)) names.Add(name);
    }

    /// <summary>Beyond the last one there are no dates.</summary>
    private static long ReadExpiry(ref BodyReader reader)
    {
        ulong milliseconds = reader.Number();
        if (milliseconds <= Expiry.Latest) return (long)milliseconds;
        reader.Fail();
        return 0;
    }

    private static string NameOf(ref BodyReader reader, string[] names)
    {
        int index = reader.Count();
        if (index < names.Length) return names[index];
        reader.Fail();
        return "";
    }
}

/// <summary>What a client says of itself.</summary>
internal sealed record Hello(int Version, Guid Incarnation, int ProcessId);

/// <summary>What an owner says of itself.</summary>
internal sealed record Welcome(int Version, DatabaseId Database, Guid Owner, int OwnerProcessId, int RequestBytesMax);

/// <summary>The id that is committed with a batch; empty: none. The second time it is sent it asks for the id first.</summary>
internal readonly record struct BatchAttempt(Guid Id, bool IsAgain);
