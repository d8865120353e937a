namespace Varve.Tests.House;

public sealed class ReadmeTests
{
    [Fact]
    public void The_first_program_is_the_one_that_is_compiled_here()
    {
        string readme = File.ReadAllText(Repository.PathOf("README.md"));
        string shown = Between(readme, "```csharp\n", "```");
        Assert.StartsWith("using System.Text;\nusing Varve;\n\n", shown);
        string compiled = File.ReadAllText(Repository.PathOf("tests", "Engine.Tests", "House", "FirstProgram.cs"));
        IEnumerable<string> lines = Between(compiled, "// begin\n", "        // end")
            .Split('\n')
            .Select(line => line.StartsWith("        ", StringComparison.Ordinal) ? line[8..] : line);
        string expected = string.Join('\n', lines)
            .Replace("(directory)", "(\"cities-data\")")
            .Replace("output.WriteLine", "Console.WriteLine");
        Assert.Equal(expected, shown["using System.Text;\nusing Varve;\n\n".Length..]);
    }

    [Fact]
    public void The_first_program_prints_what_the_readme_says()
    {
        string directory = Directory.CreateTempSubdirectory("varve-readme-").FullName;
        try
        {
            using var output = new StringWriter { NewLine = "\n" };
            FirstProgram.Run(directory, output);
            Assert.Equal("fr/paris: 2,113,705\nfr/lyon: 520,774\n", output.ToString());
            string readme = File.ReadAllText(Repository.PathOf("README.md"));
            foreach (string line in output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Assert.Contains($"`{line}`", readme);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string Between(string text, string begin, string end)
    {
        int from = text.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        return text[from..text.IndexOf(end, from, StringComparison.Ordinal)];
    }
}
