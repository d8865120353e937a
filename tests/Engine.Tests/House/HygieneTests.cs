using System.Text.RegularExpressions;

namespace Varve.Tests.House;

public sealed partial class HygieneTests
{
    private static readonly string[] TextEndings =
        [".cs", ".csproj", ".props", ".targets", ".json", ".md", ".txt", ".sln", ".sh", ".editorconfig", ".gitignore", "/run", "LICENSE"];

    [Fact]
    public void Nothing_is_left_for_later()
    {
        // Spelled in two parts, so that this file may be looked at too.
        string[] words = ["TO" + "DO", "FIX" + "ME", "HA" + "CK", "NotImplemented" + "Exception"];
        Assert.Empty(
            from file in TextFiles()
            from word in words
            where file.Text.Contains(word, StringComparison.Ordinal)
            select $"{file.Path}: {word}");
    }

    [Fact]
    public void No_package_registry_is_named() =>
        Assert.Empty(TextFiles().Where(file => RegistryAddress().IsMatch(file.Text)).Select(file => file.Path));

    [Fact]
    public void S26_the_engine_needs_no_package_and_every_version_is_pinned_in_one_place()
    {
        (string Path, string Text)[] projects = [.. TextFiles().Where(file => file.Path.EndsWith(".csproj", StringComparison.Ordinal))];
        string engine = projects.Single(project => project.Path == "src/Engine/Engine.csproj").Text;
        Assert.DoesNotContain("PackageReference", engine, StringComparison.Ordinal);
        foreach ((string path, string text) in projects)
        {
            Assert.DoesNotMatch(@"<PackageReference [^>]*Version=", text);
            string lockFile = Path.Combine(Repository.Root, Path.GetDirectoryName(path)!, "packages.lock.json");
            if (text.Contains("PackageReference", StringComparison.Ordinal)) Assert.True(File.Exists(lockFile), path);
        }
        string pins = File.ReadAllText(Repository.PathOf("Directory.Packages.props"));
        Assert.DoesNotMatch(@"Version=""[^""]*[*\[\]()]", pins);
    }

    [Fact]
    public void Lines_end_with_a_line_feed_and_files_begin_with_text()
    {
        List<string> wrong = [];
        foreach ((string path, string text) in TextFiles())
        {
            // The solution file is as the tool writes it.
            if (path.EndsWith(".sln", StringComparison.Ordinal)) continue;
            if (text.Contains('\r')) wrong.Add($"{path}: carriage return");
            if (text.StartsWith('\uFEFF')) wrong.Add($"{path}: byte order mark");
            bool endsOpen = text.Length > 0 && !text.EndsWith('\n');
            if (endsOpen && !path.EndsWith("packages.lock.json", StringComparison.Ordinal)) wrong.Add($"{path}: no line end at the end");
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Lines_of_code_fit_into_140_columns()
    {
        const int ColumnsMax = 140;
        List<string> wrong = [];
        foreach ((string path, string text) in TextFiles())
        {
            if (!path.EndsWith(".cs", StringComparison.Ordinal)) continue;
            string[] lines = text.Split('\n');
            for (int i = 0; i < lines.Length; i++)
            {
                if (lines[i].Length > ColumnsMax) wrong.Add($"{path}:{i + 1}: {lines[i].Length} columns");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Links_between_pages_lead_somewhere()
    {
        List<string> wrong = [];
        foreach ((string path, string text) in TextFiles())
        {
            if (!path.EndsWith(".md", StringComparison.Ordinal)) continue;
            foreach (Match link in Link().Matches(text))
            {
                string target = link.Groups["target"].Value.Split('#')[0];
                string full = Path.Combine(Path.GetDirectoryName(Repository.PathOf(path))!, target);
                if (target.Length == 0 || target.Contains("://", StringComparison.Ordinal)) continue;
                if (!File.Exists(full) && !Directory.Exists(full)) wrong.Add($"{path}: {target}");
            }
        }

        Assert.Empty(wrong);
    }

    private static IEnumerable<(string Path, string Text)> TextFiles() => Repository.Files()
        .Where(file => TextEndings.Any(ending => file.Path.EndsWith(ending, StringComparison.Ordinal)))
        .Select(file => (file.Path, System.Text.Encoding.UTF8.GetString(File.ReadAllBytes(file.FullPath))));

    [GeneratedRegex(@"https?://[a-z0-9.-]*(npm|nuget)[a-z0-9.-]*/", RegexOptions.IgnoreCase)]
    private static partial Regex RegistryAddress();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();
}
