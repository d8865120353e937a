namespace Varve;

/// <summary>One entry of a map as an enumeration shows it.</summary>
/// <remarks>
/// It and its spans are valid until the enumeration moves on or ends; kept longer, their content is undefined. Copy what is to stay.
/// </remarks>
public readonly ref struct Entry
{
    private readonly Cursor _cursor;

    internal Entry(Cursor cursor)
    {
        _cursor = cursor;
        Key = cursor.Key;
    }

    /// <summary>The key, 0 to 16,384 bytes.</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>The value, 0 to 64 MiB. One over 16 KiB is read here, not by the move to the entry.</summary>
    /// <exception cref="CorruptDataException">The value is damaged; the enumeration can go on.</exception>
    public ReadOnlySpan<byte> Value => _cursor.Value;

    /// <summary>When the entry expires; null when it never does.</summary>
    public DateTimeOffset? Expiry => _cursor.Expiry;

    /// <summary>The entry's version, for conditions on it.</summary>
    public EntryVersion Version => _cursor.Version;

    /// <summary>Takes the entry apart: <c>foreach (var (key, value) in map.Range(a, b))</c>.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    public void Deconstruct(out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        key = Key;
        value = Value;
    }
}

/// <summary>Which way an enumeration goes.</summary>
public enum Direction
{
    /// <summary>From the smallest key to the greatest.</summary>
    Ascending = 0,

    /// <summary>From the greatest key to the smallest; as fast as the other way.</summary>
    Descending = 1,
}
