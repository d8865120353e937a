using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Varve.Files;

/// <summary>The names of the files in a database's directory.</summary>
internal static class FileNames
{
    public const string Lock = "LOCK";
    public const string Current = "CURRENT";
    public const string CurrentTemporary = "CURRENT.tmp";

    /// <summary>The end of the log that is not in its slot yet, mapped into memory.</summary>
    public const string LogWindow = "WINDOW";

    /// <summary>Disk space that is kept for an open that finds the disk full.</summary>
    public const string Reserve = "RESERVE";

    private const string TableSuffix = ".table";
    private const string LogSuffix = ".log";
    private const string ManifestPrefix = "MANIFEST-";

    public static string Table(long number) => number.ToString("D6", CultureInfo.InvariantCulture) + TableSuffix;

    /// <summary>A log slot: a fixed file that holds one log segment after another.</summary>
    public static string LogSlot(int slot) => slot.ToString("D4", CultureInfo.InvariantCulture) + LogSuffix;

    public static string Manifest(long number) => ManifestPrefix + number.ToString("D6", CultureInfo.InvariantCulture);

    public static bool TryParseTable(string name, out long number) => TryParse(name, "", TableSuffix, out number);

    public static bool TryParseManifest(string name, out long number) => TryParse(name, ManifestPrefix, "", out number);

    public static bool TryParseLogSlot(string name, out int slot)
    {
        bool parsed = TryParse(name, "", LogSuffix, out long number) && number <= int.MaxValue;
        slot = parsed ? (int)number : 0;
        return parsed;
    }

    /// <summary>Whether it is a slot or the window of the log.</summary>
    public static bool IsOfLog(string name) => name == LogWindow || TryParseLogSlot(name, out _);

    private static bool TryParse([NotNull] string name, string prefix, string suffix, out long number)
    {
        number = 0;
        return name.Length > prefix.Length + suffix.Length
            && name.StartsWith(prefix, StringComparison.Ordinal)
            && name.EndsWith(suffix, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan()[prefix.Length..^suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
