using System.Globalization;

namespace Varve.Cli.Output;

/// <summary>Numbers as people read them, the same in every culture.</summary>
internal static class Figures
{
    private static readonly string[] ByteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    public static string Bytes(long bytes)
    {
        double size = bytes;
        int unit = 0;
        while (size >= 1024 && unit < ByteUnits.Length - 1)
        {
            size /= 1024;
            unit++;
        }

        return size.ToString(unit == 0 ? "N0" : "N1", CultureInfo.InvariantCulture) + " " + ByteUnits[unit];
    }

    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>"1 table", "2 tables".</summary>
    public static string Count(long count, string singular, string plural) => $"{Count(count)} {(count == 1 ? singular : plural)}";

    public static string Percent(double share) => (share * 100).ToString("N1", CultureInfo.InvariantCulture) + " %";

    public static string Duration(TimeSpan time)
    {
        if (time.TotalSeconds >= 1) return time.TotalSeconds.ToString("N2", CultureInfo.InvariantCulture) + " s";
        if (time.TotalMilliseconds >= 1) return time.TotalMilliseconds.ToString("N1", CultureInfo.InvariantCulture) + " ms";
        return time.TotalMicroseconds.ToString("N0", CultureInfo.InvariantCulture) + " µs";
    }
}
