using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Varve.Mcp.Sessions;

/// <summary>Names of streams and events as clients see them: <c>{stream}-{8 hex digits}</c>.</summary>
/// <remarks>
/// A request's id is the client's text and could hold anything, so the stream's name is a digest of it: the same after a restart.
/// </remarks>
internal static class EventIds
{
    /// <summary>The stream of messages that answer no request.</summary>
    public const string UnsolicitedStream = "session";

    private const int NumberCharacters = 8;

    public static string StreamOf(string requestId) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(requestId)).AsSpan(0, 8));

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
