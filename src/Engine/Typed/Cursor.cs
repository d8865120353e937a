using Varve.Typed;

namespace Varve;

/// <summary>A position in a typed map that moves both ways. As <see cref="Cursor"/>, which it wraps: its rules are the same.</summary>
/// <typeparam name="TKey">The keys' type.</typeparam>
/// <typeparam name="TValue">The values' type.</typeparam>
public sealed class Cursor<TKey, TValue> : IDisposable
{
    private readonly SortedMap<TKey, TValue> _map;

    internal Cursor(SortedMap<TKey, TValue> map, Cursor bytes)
    {
        _map = map;
        Bytes = bytes;
    }

    /// <summary>The cursor over the bytes; moving one moves the other.</summary>
    public Cursor Bytes { get; }

    /// <summary>Whether it stands on an entry.</summary>
    public bool IsValid => Bytes.IsValid;

    /// <summary>The key, decoded at each call.</summary>
    /// <exception cref="InvalidOperationException">It stands on no entry.</exception>
    /// <exception cref="CorruptDataException">The codec cannot read it.</exception>
    public TKey Key => _map.ReadKey(Bytes.Key);

    /// <summary>The value, decoded at each call.</summary>
    /// <exception cref="InvalidOperationException">It stands on no entry.</exception>
    /// <exception cref="CorruptDataException">It is damaged, or the codec cannot read it.</exception>
    public TValue Value => _map.ReadValue(Bytes.Key, Bytes.Value);

    /// <summary>When the entry expires; null when it never does.</summary>
    /// <exception cref="InvalidOperationException">It stands on no entry.</exception>
    public DateTimeOffset? Expiry => Bytes.Expiry;

    /// <summary>The entry's version, for conditions on it.</summary>
    /// <exception cref="InvalidOperationException">It stands on no entry.</exception>
    public EntryVersion Version => Bytes.Version;

    /// <summary>To the first entry at or behind a key; false when there is none.</summary>
    /// <param name="key">Where to.</param>
    public bool Seek(TKey key)
    {
        using CodecBuffer bytes = _map.Encode(key);
        return Bytes.Seek(bytes.Written);
    }

    /// <summary>To the last entry at or before a key; false when there is none.</summary>
    /// <param name="key">Where to.</param>
    public bool SeekForPrevious(TKey key)
    {
        using CodecBuffer bytes = _map.Encode(key);
        return Bytes.SeekForPrevious(bytes.Written);
    }

    /// <summary>To the first entry; false when there is none.</summary>
    public bool SeekToFirst() => Bytes.SeekToFirst();

    /// <summary>To the last entry; false when there is none.</summary>
    public bool SeekToLast() => Bytes.SeekToLast();

    /// <summary>To the next entry; false at the end.</summary>
    public bool Next() => Bytes.Next();

    /// <summary>To the entry before; false at the begin.</summary>
    public bool Previous() => Bytes.Previous();

    /// <summary>Ends it.</summary>
    public void Dispose() => Bytes.Dispose();
}
