using System.Buffers.Text;
using System.Security.Cryptography;

namespace Varve.Mcp.Cli.Commands;

/// <summary>
/// Where a gateway's API keys come from: a file that nobody else reads, the environment, or chance; never the command line.
/// </summary>
internal static class GatewayKeys
{
    public const string Variable = "API_KEY";

    /// <summary>The caller's name where there is one key, and it came without one.</summary>
    private const string OnlyName = "default";

    private const int LengthMin = 32;
    private const int MadeBytes = 32;

    // Those of manuals: whoever finds a gateway tries them.
    private static readonly string[] s_known =
        ["super-secret", "changeme", "change-me", "secret", "password", "api-key", "test", "default"];

    /// <summary>One of a file's lines or of the variable's keys.</summary>
    private sealed record NamedKey(string Name, string Secret, string Source);

    /// <param name="file">Lines <c>name:secret</c>; null: none.</param>
    /// <param name="variable">Keys parted by commas: one is the caller <c>default</c>, more are <c>key-1</c> and so on; null: none.</param>
    /// <param name="isDevelopment">Whether short and known keys are taken.</param>
    public static IReadOnlyDictionary<string, string> Read(string? file, string? variable, bool isDevelopment)
    {
        NamedKey[] keys = file is not null ? ReadFile(file) : variable is not null ? ReadVariable(variable) : [];
        var named = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (NamedKey key in keys)
        {
            if (!isDevelopment) Check(key);
            if (!named.TryAdd(key.Name, key.Secret)) throw CommandFailureException.Usage($"{key.Source} has two keys '{key.Name}'.");
        }

        return named;
    }

    /// <summary>A key that nobody has chosen.</summary>
    public static KeyValuePair<string, string> Make() =>
        KeyValuePair.Create(OnlyName, Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(MadeBytes)));

    private static NamedKey[] ReadFile(string file)
    {
        string source = $"The key file '{file}'";
        if (!File.Exists(file)) throw CommandFailureException.Usage($"{source} is not there.");
        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & Others) != 0)
            throw CommandFailureException.Usage($"{source} can be read by others than its owner: chmod 600 it.");
        NamedKey[] keys =
        [
            .. File.ReadLines(file).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').Select(line =>
                line.Split(':', 2) is [{ Length: > 0 } name, { Length: > 0 } secret]
                    ? new NamedKey(name.Trim(), secret.Trim(), source)
                    : throw CommandFailureException.Usage($"{source} has a line that is not name:secret.")),
        ];
        return keys.Length > 0 ? keys : throw CommandFailureException.Usage($"{source} has no key.");
    }

    private static NamedKey[] ReadVariable(string variable)
    {
        string[] parts = variable.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (parts.Length == 0) throw CommandFailureException.Usage($"{Variable} has no key.");
        return
        [
            .. parts.Select((part, index) => new NamedKey(parts.Length == 1 ? OnlyName : $"key-{index + 1}", part, Variable)),
        ];
    }

    private static void Check(NamedKey key)
    {
        if (s_known.Contains(key.Secret, StringComparer.OrdinalIgnoreCase))
            throw CommandFailureException.Usage($"{key.Source}: the key '{key.Name}' is one that everybody knows.");
        if (key.Secret.Length < LengthMin)
            throw CommandFailureException.Usage($"{key.Source}: the key '{key.Name}' is shorter than {LengthMin} characters.");
    }
}
