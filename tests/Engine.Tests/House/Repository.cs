namespace Varve.Tests.House;

/// <summary>The checkout the tests run in.</summary>
internal static class Repository
{
    private static readonly string[] FoldersPassedOver = [".git", ".idea", ".vs", "artifacts", "bin", "node_modules", "obj", "TestResults"];

    public static string Root { get; } = FindRoot();

    public static string PathOf(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    /// <summary>Every file that belongs to the project, with its path below the root, slashes between.</summary>
    public static IEnumerable<(string Path, string FullPath)> Files(string folder = "") => FilesBelow(Path.Combine(Root, folder))
        .Select(path => (Path.GetRelativePath(Root, path).Replace(Path.DirectorySeparatorChar, '/'), path));

    private static IEnumerable<string> FilesBelow(string folder)
    {
        foreach (string file in Directory.GetFiles(folder).Order(StringComparer.Ordinal)) yield return file;
        foreach (string inner in Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
        {
            if (FoldersPassedOver.Contains(Path.GetFileName(inner))) continue;
            foreach (string file in FilesBelow(inner)) yield return file;
        }
    }

    private static string FindRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Engine.sln"))) directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}
