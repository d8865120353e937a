using System.Text.RegularExpressions;

namespace Varve.Tests.House;

/// <summary>docs/testing.md names what proves each promise: the tests and commands are there.</summary>
public sealed partial class TestingPageTests
{
    private static readonly string Page = File.ReadAllText(Repository.PathOf("docs", "testing.md"));

    [Fact]
    public void Every_promise_names_a_test()
    {
        int[] numbers = [.. Enumerable.Range(1, 8), .. Enumerable.Range(10, 11)];
        Assert.Equal(numbers, Rows().Select(row => int.Parse(row.Groups["number"].Value, null)));
        foreach (Match row in Rows()) Assert.True(NamedTest().IsMatch(row.Value), row.Value);
    }

    [Fact]
    public void Every_named_test_exists()
    {
        Dictionary<string, string> sources = Repository.Files("tests")
            .Where(file => file.Path.EndsWith("Tests.cs", StringComparison.Ordinal))
            .GroupBy(file => Path.GetFileNameWithoutExtension(file.Path), file => File.ReadAllText(file.FullPath))
            .ToDictionary(group => group.Key, string.Concat);
        MatchCollection named = NamedTest().Matches(Page);
        Assert.True(named.Count > 40, $"{named.Count} tests are named");
        foreach (Match test in named)
        {
            (string subject, string method) = (test.Groups["subject"].Value, test.Groups["method"].Value);
            Assert.True(sources.TryGetValue(subject, out string? source), $"there is no {subject}");
            Assert.True(Declares(source, method), $"{subject} has no test {method}");
        }
    }

    [Fact]
    public void Every_command_of_the_pages_exists()
    {
        string program = string.Concat(
            Repository.Files("tools/Varve.Simulate").Where(file => file.Path.EndsWith(".cs", StringComparison.Ordinal))
                .Select(file => File.ReadAllText(file.FullPath)));
        string pages = Page + File.ReadAllText(Repository.PathOf("docs", "simulation.md"));
        MatchCollection commands = Command().Matches(pages);
        Assert.True(commands.Count > 5, $"{commands.Count} commands are named");
        foreach (Match command in commands)
        {
            Assert.Contains($"\"{command.Groups["verb"].Value}\"", program);
            foreach (Capture option in command.Groups["option"].Captures) Assert.Contains($"\"{option.Value}\"", program);
        }
    }

    private static IEnumerable<Match> Rows() => Row().Matches(Page);

    private static bool Declares(string source, string method) => Regex.IsMatch(
        source, $@"\[(Fact|Theory)[^\n]*\](\s*\[[^\n]*\])*\s*(public|internal) (async )?\w+ {method}\(");

    [GeneratedRegex(@"^\| R(?<number>\d+) \|.*$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"`(?<subject>\w+Tests)\.(?<method>\w+)`")]
    private static partial Regex NamedTest();

    [GeneratedRegex(@"tools/Varve\.Simulate -- (?<verb>\w+)( (?<option>--\w+)( [\w,-]+)?)*")]
    private static partial Regex Command();
}
