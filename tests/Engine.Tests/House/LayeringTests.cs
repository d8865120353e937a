using System.Text.RegularExpressions;

namespace Varve.Tests.House;

public sealed partial class LayeringTests
{
    private const string RootRow = "";

    /// <summary>From the top of the table down; behind the public API at the root of the library stands what is built on it.</summary>
    private static readonly List<string> Folders = ReadTable();

    private static readonly List<Source> Sources = ReadSources("src/Engine");

    private static readonly Dictionary<string, HashSet<string>> TypesByFolder = Sources
        .GroupBy(source => source.Folder, source => source.Types.Select(type => type.Name))
        .ToDictionary(folder => folder.Key, folder => folder.SelectMany(types => types).ToHashSet());

    /// <summary>The types of the root namespace, wherever they are declared, with that folder's row.</summary>
    private static readonly Dictionary<string, int> RootTypes = Sources
        .Where(source => source.Namespace == "Varve")
        .SelectMany(source => source.Types, (source, type) => (type.Name, Row: Folders.IndexOf(source.Folder)))
        .DistinctBy(type => type.Name).ToDictionary(type => type.Name, type => type.Row);

    [Fact]
    public void The_table_lists_every_folder_and_no_other()
    {
        Assert.Equal([RootRow, "Typed", "Sharing", "Idempotency"], Folders[^4..]);
        IEnumerable<string> onDisk = Sources.Select(source => source.Folder).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(Folders.Order(StringComparer.Ordinal), onDisk);
    }

    [Fact]
    public void A_namespace_is_its_folder_or_the_root_where_all_types_are_public()
    {
        List<string> wrong = [];
        foreach (Source source in Sources)
        {
            string expected = source.Folder == RootRow ? "Varve" : "Varve." + source.Folder;
            bool isPublicApi = source.Namespace == "Varve" && source.Types.All(type => type.IsPublic);
            if (source.Namespace != expected && !isPublicApi) wrong.Add($"{source.Path}: namespace {source.Namespace}");
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void A_folder_uses_only_folders_above_it()
    {
        List<string> wrong = [];
        foreach (Source source in Sources) wrong.AddRange(Violations(source));
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("Bytes", "using Varve.Files;")]
    [InlineData("Memory", "using Varve.Tables;")]
    [InlineData("Tables", "class A { Levels.LevelMap map; }")]
    [InlineData("Log", "class A { Varve.Commit.BatchBuffer batch; }")]
    [InlineData("Recovery", "class A { Database database; }")]
    [InlineData("Native", "using static Varve.Files.FileNames;")]
    [InlineData("", "using Varve.Typed;")]
    [InlineData("Reading", "class A { UuidV7Generator ids; }")]
    [InlineData("Native", "using Names = Varve.Files.FileNames;")]
    public void A_use_of_a_folder_below_is_seen(string folder, string code) =>
        Assert.NotEmpty(Violations(new Source(folder + "/Bad.cs", folder, $"namespace Varve.{folder};\n" + code)));

    [Theory]
    [InlineData("Tables", "using Varve.Bytes; class A { Native.MemoryRegion region; }")]
    [InlineData("Log", "/// <see cref=\"Commit.BatchBuffer\"/>\nclass A { string a = \"Commit.BatchBuffer\"; } // Commit.BatchBuffer")]
    [InlineData("Reading", "class A { void M() => ObjectDisposedException.ThrowIf(true, typeof(Database)); }")]
    [InlineData("Log", "class A { void M() { setup.Memory.CacheBytes(); } }")]
    public void What_is_no_use_of_a_folder_below_is_let_pass(string folder, string code) =>
        Assert.Empty(Violations(new Source(folder + "/Good.cs", folder, $"namespace Varve.{folder};\n" + code)));

    [Fact]
    public void The_gateway_knows_no_type_of_the_engine()
    {
        List<string> wrong = [];
        foreach (Source source in ReadSources("src/Mcp/Gateway")) wrong.AddRange(EngineUses(source));
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("using Varve.Idempotency;")]
    [InlineData("class A { Varve.Sharing.ISharedStore store; }")]
    [InlineData("class A { Database database; }")]
    public void A_use_of_the_engine_is_seen(string code) =>
        Assert.NotEmpty(EngineUses(new Source("Bad.cs", "Bad", "namespace Varve.Mcp.Gateway;\n" + code)));

    private static IEnumerable<string> EngineUses(Source source)
    {
        foreach (Match use in NamespaceUse().Matches(source.Code))
            if (Folders.Contains(use.Groups["folder"].Value)) yield return $"{source.Path} uses {use.Value}";
        foreach (Match use in TypedNameOrNew().Matches(source.Code))
            if (RootTypes.ContainsKey(use.Groups["type"].Value)) yield return $"{source.Path} uses {use.Groups["type"].Value}";
    }

    private static IEnumerable<string> Violations(Source source)
    {
        int own = Folders.IndexOf(source.Folder);
        foreach (Match use in NamespaceUse().Matches(source.Code))
        {
            if (Folders.IndexOf(use.Groups["folder"].Value) > own) yield return $"{source.Path} uses {use.Value}";
        }

        foreach (Match use in QualifiedType().Matches(source.Code))
        {
            string folder = use.Groups["folder"].Value;
            bool isType = TypesByFolder.TryGetValue(folder, out HashSet<string>? types) && types.Contains(use.Groups["type"].Value);
            if (isType && Folders.IndexOf(folder) > own) yield return $"{source.Path} uses {use.Value}";
        }

        // Types of the root namespace need no using. typeof and nameof in an exception only name them.
        foreach (Match use in TypedNameOrNew().Matches(source.Code))
        {
            string type = use.Groups["type"].Value;
            if (RootTypes.TryGetValue(type, out int folder) && folder > own)
                yield return $"{source.Path} uses {type}, which stands below it";
        }
    }

    private static List<string> ReadTable()
    {
        List<string> folders = [];
        foreach (string line in File.ReadLines(Repository.PathOf("src", "Engine", "README.md")))
        {
            Match row = TableRow().Match(line);
            if (row.Success) folders.Add(row.Groups["folder"].Value);
            else if (line.StartsWith("| *root* |", StringComparison.Ordinal)) folders.Add(RootRow);
        }

        return folders;
    }

    private static List<Source> ReadSources(string library)
    {
        List<Source> sources = [];
        foreach ((string path, string fullPath) in Repository.Files(library))
        {
            if (!path.EndsWith(".cs", StringComparison.Ordinal)) continue;
            string[] parts = path[(library.Length + 1)..].Split('/');
            sources.Add(new Source(path, parts.Length == 1 ? RootRow : parts[0], File.ReadAllText(fullPath)));
        }

        return sources;
    }

    [GeneratedRegex(@"^\| `(?<folder>\w+)/` \|")]
    private static partial Regex TableRow();

    [GeneratedRegex(@"\bVarve\.(?<folder>\w+)\b")]
    private static partial Regex NamespaceUse();

    [GeneratedRegex(@"(?<![\w.])(?<folder>\w+)\.(?<type>\w+)")]
    private static partial Regex QualifiedType();

    [GeneratedRegex(@"\bnew (?<type>\w+)|(?<![\w.])(?<type>\w+)(?:\?|\[\]|>)* \w+ ?[;=,(){]")]
    private static partial Regex TypedNameOrNew();

    private sealed partial class Source
    {
        public Source(string path, string folder, string text)
        {
            Path = path;
            Folder = folder;
            Code = CommentOrString().Replace(text, "\"\"");
            Namespace = NamespaceLine().Match(Code).Groups["name"].Value;
            Types =
            [
                .. TypeDeclaration().Matches(Code)
                    .Select(match => (match.Groups["name"].Value, match.Groups["access"].Value == "public")),
            ];
        }

        public string Path { get; }

        public string Folder { get; }

        /// <summary>Without comments and the content of strings.</summary>
        public string Code { get; }

        public string Namespace { get; }

        /// <summary>Declared at the outermost level.</summary>
        public List<(string Name, bool IsPublic)> Types { get; }

        [GeneratedRegex(@"//[^\n]*|/\*.*?\*/|@""(?:[^""]|"""")*""|""(?:\\.|[^""\\\n])*""|'(?:\\.|[^'\\])+'", RegexOptions.Singleline)]
        private static partial Regex CommentOrString();

        [GeneratedRegex(@"^namespace (?<name>[\w.]+);", RegexOptions.Multiline)]
        private static partial Regex NamespaceLine();

        [GeneratedRegex(
            @"^(?<access>public|internal) (?:[a-z]+ )*?(?:class|struct|record|enum|interface|delegate \S+)(?: struct| class)? (?<name>\w+)",
            RegexOptions.Multiline)]
        private static partial Regex TypeDeclaration();
    }
}
