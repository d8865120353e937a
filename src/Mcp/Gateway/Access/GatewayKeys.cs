using System.Security.Cryptography;
using System.Text;

namespace Varve.Mcp.Gateway.Access;

/// <summary>The gateway's API keys, from its environment or a file; it never runs without one.</summary>
/// <param name="Keys">Names and secrets, for <see cref="McpHttpOptions.ApiKeys"/>.</param>
/// <param name="Made">The secret that was made because none was set, to be shown once; null: there were some.</param>
internal sealed record GatewayKeys(IReadOnlyDictionary<string, string> Keys, string? Made)
{
    private const int LengthLeast = 32;
    private const int KindsLeast = 8;
    private const int NameLengthMax = 64;
    private const int MadeBytes = 32;
    private const string MadeName = "generated";

    // Words of keys that stand in examples.
    private static readonly string[] KnownWords =
    [
        "super-secret", "supersecret", "changeme", "change-me", "change_me", "password", "secret-key", "your-api-key", "yourapikey",
        "example",
    ];

    /// <summary>Reads what is set, or makes a key.</summary>
    /// <param name="keys">Keys between commas, each <c>name:secret</c> or a secret alone; null or empty: none.</param>
    /// <param name="file">A file with <c>name:secret</c> a line, that nobody but its owner may read; null or empty: none.</param>
    /// <param name="isDevelopment">Whether keys that others may guess will do.</param>
    /// <param name="isRemote">Whether others than programs of this machine are served: then a key must be set.</param>
    /// <exception cref="InvalidOperationException">A key will not do; the message never has the secret.</exception>
    public static GatewayKeys Read(string? keys, string? file, bool isDevelopment, bool isRemote)
    {
        Dictionary<string, string> read = new(StringComparer.Ordinal);
        foreach (string entry in (keys ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            Add(read, entry, mayBeNameless: true, isDevelopment);
        if (!string.IsNullOrEmpty(file))
            foreach (string line in ReadFile(file))
                if (line.Trim() is { Length: > 0 } entry && entry[0] != '#') Add(read, entry, mayBeNameless: false, isDevelopment);
        if (read.Count > 0) return new GatewayKeys(read, null);
        if (isRemote) throw new InvalidOperationException("Serving other machines needs an API key: set API_KEY or API_KEY_FILE.");
        string made = Convert.ToBase64String(RandomNumberGenerator.GetBytes(MadeBytes)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        return new GatewayKeys(new Dictionary<string, string>(StringComparer.Ordinal) { [MadeName] = made }, made);
    }

    private static void Add(Dictionary<string, string> keys, string entry, bool mayBeNameless, bool isDevelopment)
    {
        int colon = entry.IndexOf(':');
        if (colon < 0 && !mayBeNameless) throw Refusal("Each line of the file of API keys is name:secret.");
        string secret = entry[(colon + 1)..];
        string name = colon < 0 ? NameOf(secret) : entry[..colon];
        if (name.Length is 0 or > NameLengthMax || !name.All(IsOfName))
            throw Refusal($"The name of an API key is 1 to {NameLengthMax} letters, digits, '-', '_' or '.'.");
        if (name == Calls.ToolCall.LocalPrincipal) throw Refusal($"'{name}' is no name for an API key: calls without any have it.");
        if (secret.Length == 0 || secret.AsSpan().ContainsAnyExceptInRange('!', '~'))
            throw Refusal($"The API key '{name}' must be printable ASCII without spaces.");
        if (!isDevelopment && FindWeakness(secret) is { } weakness)
            throw Refusal($"The API key '{name}' {weakness}. Outside Development that is refused.");
        if (keys.ContainsValue(secret)) throw Refusal($"The API key '{name}' is the same as another one.");
        if (!keys.TryAdd(name, secret)) throw Refusal($"Two API keys are named '{name}'.");
    }

    private static bool IsOfName(char character) => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.';

    private static string? FindWeakness(string secret)
    {
        if (KnownWords.Any(word => secret.Contains(word, StringComparison.OrdinalIgnoreCase)))
            return "is, or has in it, one that everybody knows";
        if (secret.Length < LengthLeast) return $"has fewer than {LengthLeast} characters";
        return secret.Distinct().Count() < KindsLeast ? $"has fewer than {KindsLeast} different characters" : null;
    }

    /// <summary>The same for the same secret, wherever it stands, and says nothing of it.</summary>
    private static string NameOf(string secret) =>
        "key-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)).AsSpan(0, 4));

    private static string[] ReadFile(string file)
    {
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        try
        {
            // Of the open file: it cannot be another one by the time it is read.
            using FileStream stream = File.OpenRead(file);
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(stream.SafeFileHandle) & others) != 0)
                throw Refusal($"The file of API keys may be read by its owner alone: chmod 600 {file}");
            using StreamReader reader = new(stream);
            return reader.ReadToEnd().Split('\n');
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"The file of API keys cannot be read: {failure.Message}", failure);
        }
    }

    private static InvalidOperationException Refusal(string text) => new(text);
}
