namespace Varve.Typed;

/// <summary>From what is stored to the value it stands for; false where it stands for none.</summary>
internal delegate bool FromStored<TStored, T>(TStored stored, out T value);

/// <summary>A caller's conversions as codecs use them.</summary>
internal static class Conversion
{
    /// <summary>A type that checks its values has only exceptions to refuse one with.</summary>
    public static FromStored<TStored, T> Of<TStored, T>(Func<TStored, T> fromStored) => (TStored stored, out T value) =>
    {
        try
        {
            value = fromStored(stored);
            return true;
        }
        catch (Exception refusal) when (refusal is ArgumentException or FormatException or OverflowException)
        {
            value = default!;
            return false;
        }
    };
}
