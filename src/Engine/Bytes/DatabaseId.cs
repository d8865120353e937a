using System.Globalization;

namespace Varve.Bytes;

/// <summary>The 128 random bits that name a database; every file of it carries them. On disk: low, then high, u64 little-endian.</summary>
internal readonly record struct DatabaseId(ulong High, ulong Low)
{
    public const int SizeBytes = 2 * sizeof(ulong);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{High:x16}{Low:x16}");
}
