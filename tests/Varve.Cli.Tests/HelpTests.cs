using System.Xml.Linq;

namespace Varve.Cli.Tests;

public sealed class HelpTests : CliHouse
{
    [Theory]
    [InlineData("get")]
    [InlineData("put")]
    [InlineData("delete")]
    [InlineData("delete-range")]
    [InlineData("watch")]
    [InlineData("drop")]
    [InlineData("checkpoint")]
    [InlineData("scan")]
    [InlineData("maps")]
    [InlineData("stats")]
    [InlineData("levels")]
    [InlineData("verify")]
    [InlineData("tour")]
    [InlineData("import")]
    [InlineData("export")]
    [InlineData("compact")]
    [InlineData("completion")]
    [InlineData("inspect")]
    [InlineData("inspect manifest")]
    [InlineData("inspect log")]
    [InlineData("inspect table")]
    public void Every_command_has_help_with_examples_and_a_place_in_the_docs(string command)
    {
        string[] words = command.Split(' ');
        string help = Run([.. words, "--help"]).Expect(ExitCode.Ok).Output;
        Assert.Contains($"varve {command}", help);
        Assert.Contains("Examples:\n  varve " + command, help);
        if (command != "completion") Assert.Contains("--data", help);
        string above = Run([.. words[..^1], "--help"]).Expect(ExitCode.Ok).Output;
        Assert.Contains(above.Split('\n'), line => line.TrimStart().StartsWith(words[^1], StringComparison.Ordinal));

        string page = File.ReadAllText(Path.Combine(RepositoryRoot(), "docs", "cli.md"));
        Assert.Contains($"## {words[0]}", page);
        Assert.Contains($"`varve {command}", page);
        foreach (string option in help.Split(' ', ',', '\n'))
        {
            if (!option.StartsWith("--", StringComparison.Ordinal) || option is "--" or "--help") continue;
            bool isTold = page.Contains('`' + option, StringComparison.Ordinal) || page.Contains('[' + option, StringComparison.Ordinal);
            Assert.True(isTold, $"docs/cli.md does not tell of {command} {option}");
        }
    }

    [Fact]
    public void Exit_codes_stand_in_the_help_and_in_the_docs()
    {
        string help = Run("--help").Expect(ExitCode.Ok).Output;
        string page = File.ReadAllText(Path.Combine(RepositoryRoot(), "docs", "cli.md"));
        foreach ((int code, string meaning) in ExitCode.Meanings)
        {
            Assert.Contains(meaning, help);
            Assert.Contains($"| {code} | {meaning} |", page);
        }
    }

    [Theory]
    [InlineData]
    [InlineData("frobnicate")]
    [InlineData("get")]
    [InlineData("get", "a", "b")]
    [InlineData("put", "a")]
    [InlineData("--frobnicate")]
    public void A_wrong_command_line_is_one_line_that_points_to_the_help(params string[] arguments) =>
        Assert.Contains("--help", Run(arguments).ExpectFailure(ExitCode.Usage).Error);

    [Fact]
    public void The_hidden_command_is_not_listed() => Assert.DoesNotContain("tour-writer", Run("--help").Output);

    [Fact]
    public void The_picture_in_the_readme_shows_commands_that_exist()
    {
        Assert.Contains("(docs/pictures/session.svg)", File.ReadAllText(Path.Combine(RepositoryRoot(), "README.md")));
        string picture = Path.Combine(RepositoryRoot(), "docs", "pictures", "session.svg");
        Assert.InRange(new FileInfo(picture).Length, 1, 60 << 10);
        string[] commands =
        [
            .. XDocument.Load(picture).Descendants().Where(element => element.Name.LocalName == "text")
                .Select(element => element.Value).Where(line => line.StartsWith("$ varve ", StringComparison.Ordinal)),
        ];
        Assert.Contains(commands, command => command.StartsWith("$ varve scan ", StringComparison.Ordinal));
        foreach (string command in commands)
        {
            string[] words = command.Split(' ');
            string help = Run(words[2], "--help").Expect(ExitCode.Ok).Output;
            foreach (string option in words.Where(word => word.StartsWith("--", StringComparison.Ordinal))) Assert.Contains(option, help);
        }
    }
}
