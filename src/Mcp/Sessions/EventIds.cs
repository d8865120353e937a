using System.Globalization;

namespace Varve.Mcp.Sessions;

/// <summary>Names of streams and events as clients see them: <c>{stream}-{8 hex digits}</c>.</summary>
/// <remarks>
/// A stream's name has nothing of its request's id, which is the client's text and could hold anything, and may come again.
/// </remarks>
internal static class EventIds
{
    /// <summary>The stream of messages that answer no request.</summary>
    public const string UnsolicitedStream = "session";

    /// <summary>How many characters <see cref="NewStream"/> has: no other stream's name has so many.</summary>
    public const int NewStreamCharacters = 24;

    private const int NumberCharacters = 8;
    private const long CountMask = (1L << 48) - 1;

    private static long s_count = Random.Shared.NextInt64();

    /// <summary>
    /// A name for the stream of a request that comes now, unlike that of any other: <see cref="NewStreamsFrom"/>, and 12 hex digits that
    /// count from a random number in each process.
    /// </summary>
    public static string NewStream(DateTimeOffset now) =>
        NewStreamsFrom(now.ToUnixTimeMilliseconds())
        + (Interlocked.Increment(ref s_count) & CountMask).ToString("x12", CultureInfo.InvariantCulture);

    /// <summary>What the names of streams begin with that begin at a time, as 12 hex digits: in the order of names they began.</summary>
    public static string NewStreamsFrom(long milliseconds) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Max(milliseconds, 0):x12}");

    public static string Format(string stream, uint number) => string.Create(CultureInfo.InvariantCulture, $"{stream}-{number:x8}");

    public static bool TryParse(string id, out string stream, out uint number)
    {
        int dash = id.Length - NumberCharacters - 1;
        stream = dash > 0 ? id[..dash] : "";
        number = 0;
        return dash > 0 && id[dash] == '-'
            && uint.TryParse(id.AsSpan(dash + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
    }
}
