using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Varve.Mcp.Sessions;

/// <summary>Names of streams and events as clients see them: <c>{stream}-{8 hex digits}</c>.</summary>
/// <remarks>
/// A request's id is the client's text and could hold anything, so the stream's name is a digest of it where it is not as short and plain
/// as those of most clients are. It is the same after a restart.
/// </remarks>
internal static class EventIds
{
    /// <summary>The stream of messages that answer no request.</summary>
    public const string UnsolicitedStream = "session";

    private const int NumberCharacters = 8;
    private const int PlainCharactersMax = 40;

    private static readonly SearchValues<char> s_plain =
        SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-");

    /// <summary>The name of the stream of the request with an id: "i" and the id, or "d" and 16 hex digits of its SHA-256.</summary>
    public static string StreamOf(string requestId)
    {
        bool isPlain = requestId.Length <= PlainCharactersMax && !requestId.AsSpan().ContainsAnyExcept(s_plain);
        return isPlain ? $"i{requestId}" : $"d{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(requestId)).AsSpan(0, 8))}";
    }

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
