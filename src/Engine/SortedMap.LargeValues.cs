using System.Buffers;
using Varve.Entries;
using Varve.Reading;

namespace Varve;

// Values that are better not held in one piece by the caller.
public sealed partial class SortedMap
{
    /// <summary>Gives a key a value that stands in several pieces; otherwise as the put of a span.</summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence.</returns>
    public ulong PutPieces(ReadOnlySpan<byte> key, in ReadOnlySequence<byte> value, Durability? durability = null)
    {
        if (value.IsSingleSegment) return Put(key, value.FirstSpan, durability);
        using WriteBatch batch = Database.CreateBatch();
        batch.PutPieces(this, key, value);
        return Database.Write(batch, durability);
    }

    /// <summary>
    /// Gives a key a value that is read from a stream, into memory of the engine's own, before anything is written; otherwise as the put
    /// of a span.
    /// </summary>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">Read synchronously, to the length and no further.</param>
    /// <param name="valueBytes">The value's length: 0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence.</returns>
    /// <exception cref="EndOfStreamException">The stream ends before the length: nothing was written.</exception>
    public ulong Put(ReadOnlySpan<byte> key, Stream value, int valueBytes, Durability? durability = null)
    {
        using WriteBatch batch = Database.CreateBatch();
        batch.Put(this, key, value, valueBytes);
        return Database.Write(batch, durability);
    }

    /// <summary>
    /// A key's value as a stream that reads and seeks; null when the key is absent. A value over 16 KiB that is in a table is read in
    /// pieces of 64 KiB, so that it is never in memory as a whole.
    /// </summary>
    /// <remarks>
    /// Not safe for concurrent use. It keeps the memtables and tables of its moment: dispose it. Each piece is checked before a byte of it
    /// is given; damage further on is reported when it is reached, as <see cref="CorruptDataException"/>.
    /// </remarks>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="snapshot">The moment to read; default: now.</param>
    /// <exception cref="CorruptDataException">A file that the read needs is damaged.</exception>
    public Stream? OpenValue(ReadOnlySpan<byte> key, Snapshot? snapshot = null)
    {
        Limits.CheckKey(key);
        using var full = new FullKey(Identity, key, stackalloc byte[FullKey.StackBytes]);
        ReadView view = Database.Views.Pin();
        bool isKept = false;
        try
        {
            // The view first, the sequence of this moment second: see ReadViews.
            ReadMoment moment = Database.MomentOf(snapshot);
            if (!PointLookup.TryFind(view, full.Span, moment.Sequence, out FoundEntry found)) return null;
            using (found)
            {
                if (found.IsAbsent(moment)) return null;
                var stream = new ValueStream(Database, view, found);
                isKept = true;
                return stream;
            }
        }
        finally
        {
            if (!isKept) view.Release();
        }
    }
}
