using Varve.Typed;

namespace Varve;

// Deletes of many keys as one.
public sealed partial class SortedMap<TKey, TValue>
{
    /// <summary>
    /// Deletes the keys from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive): one small write, whatever their
    /// number. Every key is a bound, the empty one too; errors of the write as those of a put.
    /// </summary>
    /// <param name="start">First key, 0 to 16,384 bytes as the codec writes it.</param>
    /// <param name="end">First key behind the range. Equal to the start: no write.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence; the latest one where nothing was written.</returns>
    /// <exception cref="ArgumentException">
    /// The start lies behind the end, a bound is over the limit of a key, or the codec refuses it.
    /// </exception>
    public ulong DeleteRange(TKey start, TKey end, Durability? durability = null)
    {
        using CodecBuffer startBytes = Encode(start);
        using CodecBuffer endBytes = Encode(end);
        return IsNothing(startBytes, endBytes)
            ? Database.LatestSequence
            : Bytes.DeleteRange(startBytes.Written, endBytes.Written, durability);
    }

    /// <summary>Deletes the keys that begin so, as <see cref="DeleteRange"/>: what <see cref="Prefix"/> shows.</summary>
    /// <typeparam name="TPart">As of <see cref="Prefix"/>.</typeparam>
    /// <param name="part">What the keys begin with. An empty text or no bytes: all.</param>
    /// <param name="durability">When to return; default: the database's level.</param>
    /// <returns>The write's sequence.</returns>
    /// <exception cref="ArgumentException">The map's keys do not begin with that type, or the codec refuses the part.</exception>
    public ulong DeletePrefix<TPart>(TPart part, Durability? durability = null)
    {
        using CodecBuffer prefix = EncodePrefix(part);
        return Bytes.DeletePrefix(prefix.Written, durability);
    }

    /// <summary>
    /// Whether a range holds no key whatever the map holds: no key lies below the empty one, which for the map of bytes, as an end, is
    /// the map's end.
    /// </summary>
    internal static bool IsNothing(CodecBuffer start, CodecBuffer end)
    {
        if (end.Count > 0) return false;
        if (start.Count > 0) throw new ArgumentException("The range's start lies behind its end.", nameof(start));
        return true;
    }

    internal CodecBuffer EncodePrefix<TPart>(TPart part)
    {
        CodecBuffer buffer = CodecBuffer.Rent();
        WritePrefix(part, buffer);
        return buffer;
    }
}
