namespace Varve.Entries;

/// <summary>Where a value stands that a cursor shows by its length only.</summary>
/// <param name="Source">Who reads it; stays as long as what the cursor reads.</param>
/// <param name="Offset">Known to the source.</param>
/// <param name="ValueBytes">The value's length.</param>
internal readonly record struct ValuePlace(IValueSource Source, long Offset, int ValueBytes);

/// <summary>What holds values that are read on demand. Safe for concurrent use.</summary>
internal interface IValueSource
{
    /// <summary>Fills the destination, which has the value's length.</summary>
    /// <exception cref="CorruptDataException">The value is damaged.</exception>
    void ReadValue(long offset, Span<byte> destination);
}
