using System.Runtime.CompilerServices;
using Varve.Entries;
using Varve.Reading;

namespace Varve;

/// <summary>A named map of a database, from keys to values, both bytes, sorted by the keys' bytes.</summary>
/// <remarks>
/// Got by <see cref="Database.GetMap"/>; exists on disk from its first write. Safe for concurrent use. Reads see every write that was
/// acknowledged before they began.
/// </remarks>
public sealed partial class SortedMap
{
    internal SortedMap(Database database, MapIdentity identity)
    {
        Database = database;
        Identity = identity;
    }

    /// <summary>The map's name.</summary>
    public string Name => Identity.Name;

    /// <summary>The database the map is in.</summary>
    public Database Database { get; }

    internal MapIdentity Identity { get; }

    /// <summary>Gives a key a value; returns when it is as durable as asked.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence.</returns>
    /// <exception cref="ArgumentException">Key or value is over its limit.</exception>
    /// <exception cref="StorageException">The system refused before anything was written: the write did not happen.</exception>
    /// <exception cref="CommitOutcomeUnknownException">The log's sync failed: the write may exist after the next open.</exception>
    /// <exception cref="MapDroppedException">The map was dropped after its handle was taken: nothing was written.</exception>
    /// <exception cref="DatabaseReadOnlyException">The database takes no writes.</exception>
    public ulong Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, Durability? durability = null) =>
        Database.Put(Identity, key, value, durability);

    /// <summary>Removes a key; no error where it is absent. Parameters, result and errors as the put of a span.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence.</returns>
    public ulong Delete(ReadOnlySpan<byte> key, Durability? durability = null) => Database.Delete(Identity, key, durability);

    /// <summary>
    /// Deletes the keys from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive): one small write, whatever their
    /// number. The space comes back with compaction, whole files first. Result and errors as
    /// <see cref="Put(ReadOnlySpan{byte}, ReadOnlySpan{byte}, Durability?)"/>.
    /// </summary>
    /// <param name="start">First key, 0 to 16,384 bytes; empty: from the first entry.</param>
    /// <param name="end">First key behind the range, 0 to 16,384 bytes; empty: to the last entry. Equal to the start: no write.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence; the latest one where nothing was written.</returns>
    /// <exception cref="ArgumentException">The start lies behind the end, or a bound is over the limit of a key.</exception>
    public ulong DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, Durability? durability = null) =>
        Database.DeleteRange(Identity, start, end, durability);

    /// <summary>Deletes the keys that begin with the given bytes, as <see cref="DeleteRange"/>.</summary>
    /// <param name="prefix">What the keys begin with, 0 to 16,384 bytes; empty: all.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence.</returns>
    /// <exception cref="ArgumentException">The prefix is over the limit of a key.</exception>
    public ulong DeletePrefix(ReadOnlySpan<byte> prefix, Durability? durability = null) =>
        Database.DeletePrefix(Identity, prefix, durability);

    /// <summary>Copies a key's value. Allocates nothing.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="destination">Where the value goes; where it is too short nothing is copied.</param>
    /// <param name="length">The value's length, also where it was not copied; 0 when the key is absent.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <returns>Whether the key is present: compare <paramref name="length"/> with the destination to know whether it was copied.</returns>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    public bool TryGet(ReadOnlySpan<byte> key, Span<byte> destination, out int length, Snapshot? snapshot = null)
    {
        var reader = new ValueCopier(destination);
        bool isPresent = Find(key, snapshot, ref reader);
        length = reader.Length;
        return isPresent;
    }

    /// <summary>A copy of a key's value; null when the key is absent.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    public byte[]? Get(ReadOnlySpan<byte> key, Snapshot? snapshot = null)
    {
        var reader = new ArrayMaker();
        return Find(key, snapshot, ref reader) ? reader.Value : null;
    }

    /// <summary>Whether a key is present. Allocates nothing.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    public bool Contains(ReadOnlySpan<byte> key, Snapshot? snapshot = null)
    {
        var reader = new ValueCopier([]);
        return Find(key, snapshot, ref reader);
    }

    /// <summary>All entries.</summary>
    /// <param name="direction">Which way; both are equally fast.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    public EntryRange All(Direction direction = Direction.Ascending, long limit = long.MaxValue, Snapshot? snapshot = null) =>
        new(this, [], [], RangeBounds.FromInclusive, direction, limit, snapshot);

    /// <summary>The entries from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive), ascending.</summary>
    /// <param name="start">First key; empty: from the first entry.</param>
    /// <param name="end">First key behind the range; empty: to the last entry.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    public EntryRange Range(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, long limit = long.MaxValue, Snapshot? snapshot = null) =>
        new(this, start, end, RangeBounds.FromInclusive, Direction.Ascending, limit, snapshot);

    /// <summary>The entries from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive), either way.</summary>
    /// <param name="start">Smallest key; empty: no bound.</param>
    /// <param name="end">First key behind the range; empty: no bound.</param>
    /// <param name="direction">Which way; the entries are the same.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    public EntryRange Range(
        ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, Direction direction, long limit = long.MaxValue, Snapshot? snapshot = null) =>
        new(this, start, end, RangeBounds.FromInclusive, direction, limit, snapshot);

    /// <summary>
    /// The entries from <paramref name="start"/> (the greatest, inclusive) down to <paramref name="end"/> (exclusive), descending.
    /// </summary>
    /// <param name="start">Greatest key; empty: from the last entry.</param>
    /// <param name="end">First key below the range; empty: to the first entry.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    public EntryRange ReverseRange(
        ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, long limit = long.MaxValue, Snapshot? snapshot = null) =>
        new(this, end, start, RangeBounds.UpToInclusive, Direction.Descending, limit, snapshot);

    /// <summary>The entries whose keys begin with the given bytes.</summary>
    /// <param name="prefix">What the keys begin with; empty: all.</param>
    /// <param name="direction">Which way; both are equally fast.</param>
    /// <param name="limit">Entries at most; default: no limit.</param>
    /// <param name="snapshot">The moment to read; default: when the enumeration begins.</param>
    public EntryRange Prefix(
        ReadOnlySpan<byte> prefix, Direction direction = Direction.Ascending, long limit = long.MaxValue, Snapshot? snapshot = null) =>
        new(this, prefix, [], RangeBounds.Prefix, direction, limit, snapshot);

    /// <summary>A cursor over the map as it is now, or as the snapshot sees it.</summary>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <exception cref="MemoryBudgetException">Open cursors keep too much memory already; the message says which.</exception>
    public Cursor CreateCursor(Snapshot? snapshot = null) => OpenRange([], [], RangeBounds.FromInclusive, snapshot);

    internal Cursor OpenRange(ReadOnlySpan<byte> lower, ReadOnlySpan<byte> upper, RangeBounds bounds, Snapshot? snapshot) =>
        Database.OpenCursor(Identity, BoundsOf(lower, upper, bounds), snapshot);

    /// <summary>Whether the first entries of a range are probably in memory.</summary>
    internal bool ProbablyHoldsStart(ReadOnlySpan<byte> lower, ReadOnlySpan<byte> upper, RangeBounds bounds, Direction direction)
    {
        ReadView view = Database.Views.Pin();
        try
        {
            return ScanSources.ProbablyHoldStart(view, BoundsOf(lower, upper, bounds), direction == Direction.Ascending);
        }
        finally
        {
            view.Release();
        }
    }

    private ScanBounds BoundsOf(ReadOnlySpan<byte> lower, ReadOnlySpan<byte> upper, RangeBounds bounds)
    {
        byte[] prefix = Identity.Prefix;
        byte[] first = prefix;
        byte[] end = Identity.PrefixEnd;
        switch (bounds)
        {
            case RangeBounds.FromInclusive:
                if (!lower.IsEmpty) first = [.. prefix, .. lower];
                if (!upper.IsEmpty) end = [.. prefix, .. upper];
                break;
            case RangeBounds.UpToInclusive:
                // The first key behind a key is the key and a zero byte.
                if (!lower.IsEmpty) first = [.. prefix, .. lower, 0];
                if (!upper.IsEmpty) end = [.. prefix, .. upper, 0];
                break;
            case RangeBounds.Prefix:
                first = [.. prefix, .. lower];
                end = MapIdentity.SuccessorOfPrefix(first);
                break;
        }

        return new ScanBounds(prefix, first, end);
    }

    [SkipLocalsInit]
    private bool Find<TReader>(ReadOnlySpan<byte> key, Snapshot? snapshot, ref TReader reader)
        where TReader : struct, IValueReader, allows ref struct
    {
        Limits.CheckKey(key);
        using var full = new FullKey(Identity, key, stackalloc byte[FullKey.StackBytes]);
        ReadView view = Database.Views.Enter(out int stripe);
        try
        {
            // The view first, the sequence of this moment second: see ReadViews.
            ReadMoment moment = Database.MomentOf(snapshot);
            if (!PointLookup.TryFind(view, full.Span, moment.Sequence, out FoundEntry found)) return false;
            try
            {
                if (found.IsAbsent(moment)) return false;
                reader.Read(found);
                return true;
            }
            finally
            {
                found.Dispose();
            }
        }
        finally
        {
            view.Leave(stripe);
        }
    }

    /// <summary>What a lookup does with the value it found; a struct, so that each use is compiled for itself.</summary>
    private interface IValueReader
    {
        void Read(in FoundEntry found);
    }

    private ref struct ValueCopier(Span<byte> destination) : IValueReader
    {
        private readonly Span<byte> _destination = destination;

        public int Length { get; private set; }

        public void Read(in FoundEntry found)
        {
            Length = found.Length;
            if (Length <= _destination.Length) found.CopyTo(_destination);
        }
    }

    private struct ArrayMaker : IValueReader
    {
        public byte[]? Value { get; private set; }

        public void Read(in FoundEntry found)
        {
            Value = GC.AllocateUninitializedArray<byte>(found.Length);
            found.CopyTo(Value);
        }
    }
}
