using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Varve.Native;

namespace Varve.Sharing;

/// <summary>
/// Where the socket of a data directory's owner may stand: in a folder that is this user's alone, under a name that only depends on the
/// directory. An owner uses the first place that is private; a client looks at all of them, because not every process has the same
/// environment.
/// </summary>
internal static class SocketPlaces
{
    /// <summary>Linux has 108 bytes for it, macOS 104, with a zero at the end.</summary>
    private const int PathBytesMax = 103;

    private const int NameHexDigits = 32;
    private const int LinksMax = 40;
    private const string Folder = "varve";

    /// <summary>The path to make a socket at; its folder is there and private.</summary>
    /// <exception cref="IOException">No place can be used.</exception>
    public static string Make(string directory, string? folder)
    {
        string name = NameOf(directory);
        List<string> tried = [];
        foreach (string candidate in Candidates(folder))
        {
            string path = Path.Combine(candidate, name);
            tried.Add(candidate);
            if (Encoding.UTF8.GetByteCount(path) <= PathBytesMax && PrivateFolder.TryMake(candidate)) return path;
        }

        throw new IOException(
            $"There is no folder for the socket by which '{directory}' is shared: {string.Join(", ", tried)}. It must belong to this user, "
            + $"have mode 0700, and its path with the socket's name at most {PathBytesMax} bytes.");
    }

    /// <summary>The paths at which there may be a socket, the likeliest first. Folders that are not private are left out.</summary>
    public static IEnumerable<string> Find(string directory, string? folder)
    {
        string name = NameOf(directory);
        return Candidates(folder).Where(PrivateFolder.IsPrivate).Select(candidate => Path.Combine(candidate, name))
            .Where(path => Encoding.UTF8.GetByteCount(path) <= PathBytesMax && File.Exists(path));
    }

    /// <summary>The same for every path that leads to a directory, which exists.</summary>
    internal static string NameOf(string directory)
    {
        string path = RealPathOf(Path.GetFullPath(directory), LinksMax);
        if (OperatingSystem.IsWindows()) path = path.ToUpperInvariant();
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(Path.TrimEndingDirectorySeparator(path)));
        return Convert.ToHexStringLower(hash)[..NameHexDigits] + ".sock";
    }

    private static List<string> Candidates(string? folder)
    {
        if (folder is not null) return [Path.GetFullPath(folder)];
        if (OperatingSystem.IsWindows())
            return [Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "Temp", Folder)];
        List<string> found = [];
        string user = PrivateFolder.UserId!.Value.ToString(CultureInfo.InvariantCulture);
        string? runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        if (runtime is not null && Path.IsPathRooted(runtime) && PrivateFolder.IsPrivate(Path.TrimEndingDirectorySeparator(runtime)))
            found.Add(Path.Combine(runtime, Folder));
        if (OperatingSystem.IsLinux() && PrivateFolder.IsPrivate("/run/user/" + user)) found.Add($"/run/user/{user}/{Folder}");
        found.Add(Path.Combine(Path.GetTempPath(), $"{Folder}-{user}"));
        return [.. found.Distinct()];
    }

    private static string RealPathOf(string path, int linksLeft)
    {
        string real = Path.GetPathRoot(path)!;
        foreach (string part in path[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            string next = Path.Combine(real, part);
            FileSystemInfo? target = Directory.ResolveLinkTarget(next, returnFinalTarget: false);
            if (target is not null && linksLeft == 0) throw new IOException($"'{path}' leads through too many links.");
            real = target is null ? next : RealPathOf(Path.GetFullPath(target.FullName), linksLeft - 1);
        }

        return real;
    }
}
