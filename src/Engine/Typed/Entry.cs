namespace Varve;

/// <summary>One entry of a typed map as an enumeration shows it.</summary>
/// <typeparam name="TKey">The keys' type.</typeparam>
/// <typeparam name="TValue">The values' type.</typeparam>
/// <remarks>
/// Valid until the enumeration moves on or ends. Key and value are decoded when they are asked for, each time: what is not asked for costs
/// nothing.
/// </remarks>
public readonly ref struct Entry<TKey, TValue>
{
    private readonly SortedMap<TKey, TValue> _map;
    private readonly Cursor _cursor;

    internal Entry(SortedMap<TKey, TValue> map, Cursor cursor)
    {
        _map = map;
        _cursor = cursor;
    }

    /// <summary>The key.</summary>
    /// <exception cref="CorruptDataException">The codec cannot read it; the enumeration can go on.</exception>
    public TKey Key => _map.ReadKey(_cursor.Key);

    /// <summary>The value.</summary>
    /// <exception cref="CorruptDataException">It is damaged, or the codec cannot read it; the enumeration can go on.</exception>
    public TValue Value => _map.ReadValue(_cursor.Key, _cursor.Value);

    /// <summary>The key as it is stored; the span is valid as long as the entry.</summary>
    public ReadOnlySpan<byte> KeyBytes => _cursor.Key;

    /// <summary>The value as it is stored; the span is valid as long as the entry.</summary>
    public ReadOnlySpan<byte> ValueBytes => _cursor.Value;

    /// <summary>When the entry expires; null when it never does.</summary>
    public DateTimeOffset? Expiry => _cursor.Expiry;

    /// <summary>The entry's version, for conditions on it.</summary>
    public EntryVersion Version => _cursor.Version;

    /// <summary>Takes the entry apart: <c>foreach (var (key, value) in map.Range(a, b))</c>.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    public void Deconstruct(out TKey key, out TValue value)
    {
        key = Key;
        value = Value;
    }
}
