using System.Globalization;
using System.Text;
using Varve.Bytes;
using Varve.Files;

namespace Varve.Levels;

// current := name "\n" salt:16 hex digits "\n" checksum:8 hex digits "\n"        (ASCII, docs/formats/manifest.md)
// The checksum covers the two lines before it. The salt is the manifest's: an older file under the same name does not pass.

/// <summary>CURRENT: the file that names the manifest.</summary>
internal static class CurrentFile
{
    /// <summary>Longer than any CURRENT that was ever written.</summary>
    public const int BytesMax = 128;

    public static byte[] Format(long number, ulong salt)
    {
        string lines = string.Create(CultureInfo.InvariantCulture, $"{FileNames.Manifest(number)}\n{salt:x16}\n");
        uint checksum = Crc32C.Compute(Encoding.ASCII.GetBytes(lines));
        return Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{lines}{checksum:x8}\n"));
    }

    /// <summary>False when the bytes are not exactly what <see cref="Format"/> gives for some number and salt.</summary>
    public static bool TryParse(ReadOnlySpan<byte> file, out long number, out ulong salt)
    {
        salt = 0;
        string[] lines = Encoding.Latin1.GetString(file).Split('\n');
        return FileNames.TryParseManifest(lines[0], out number)
            && lines.Length > 1
            && ulong.TryParse(lines[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out salt)
            && file.SequenceEqual(Format(number, salt));
    }
}
