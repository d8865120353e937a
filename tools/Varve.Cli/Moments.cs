using System.Globalization;
using System.Text;

namespace Varve.Cli;

// duration := (number unit)+           number: digits; unit: ms | s | m | h | d | w
// moment   := date [T time [offset]]   2030-01-31, 2030-01-31T12:00, 2030-01-31T12:00:00.000Z; without an offset: UTC

/// <summary>Moments and durations on the command line and in files.</summary>
internal static class Moments
{
    /// <summary>Longer than any moment; nothing beyond it is looked at.</summary>
    private const int MomentBytesMax = 64;

    private static readonly string[] Forms =
        ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    /// <summary>UTC, to the millisecond: all that an entry keeps.</summary>
    public static string Format(DateTimeOffset moment) =>
        moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static bool TryParse(string text, out DateTimeOffset moment) =>
        DateTimeOffset.TryParseExact(text, Forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out moment);

    public static bool TryParse(ReadOnlySpan<byte> text, out DateTimeOffset moment)
    {
        moment = default;
        return text.Length <= MomentBytesMax && TryParse(Encoding.UTF8.GetString(text), out moment);
    }

    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        duration = default;
        if (text.Length == 0) return false;
        decimal milliseconds = 0;
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            int digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits is < 1 or > 18) return false;
            int unitEnd = rest[digits..].IndexOfAnyInRange('0', '9');
            ReadOnlySpan<char> unit = unitEnd < 0 ? rest[digits..] : rest.Slice(digits, unitEnd);
            if (MillisecondsOf(unit) is not { } factor) return false;
            milliseconds += long.Parse(rest[..digits], CultureInfo.InvariantCulture) * factor;
            rest = rest[(digits + unit.Length)..];
        }

        if (milliseconds * TimeSpan.TicksPerMillisecond > long.MaxValue) return false;
        duration = TimeSpan.FromTicks((long)(milliseconds * TimeSpan.TicksPerMillisecond));
        return true;
    }

    private static decimal? MillisecondsOf(ReadOnlySpan<char> unit) => unit switch
    {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => null,
    };
}
