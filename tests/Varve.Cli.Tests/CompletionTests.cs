using System.Diagnostics;

namespace Varve.Cli.Tests;

public sealed class CompletionTests : CliHouse
{
    [Theory]
    [InlineData("varve inspect t", "table")]
    [InlineData("varve exp", "export")]
    [InlineData("varve scan --format j", "json")]
    [InlineData("varve scan --data {data} --map or", "orders")]
    [InlineData("varve delete-", "delete-range")]
    [InlineData("varve che", "checkpoint")]
    [InlineData("varve drop --data {data} or", "orders")]
    [InlineData("varve watch --data {data} --map cu", "customers")]
    [InlineData("varve watch --format j", "json")]
    [InlineData("varve put --if", "--if-absent")]
    [InlineData("varve scan --data {data}/absent --map or", "")]
    public void The_program_suggests_what_may_follow(string line, string expected)
    {
        Put("orders", "a");
        Put("customers", "a");
        line = line.Replace("{data}", Data, StringComparison.Ordinal);
        string[] suggested = Run($"[suggest:{line.Length}]", line).Expect(ExitCode.Ok).Lines;
        if (expected.Length > 0) Assert.Contains(expected, suggested);
        else Assert.Empty(suggested);
        Assert.DoesNotContain("tour-writer", suggested);
    }

    [Theory]
    [InlineData("zsh", "compdef")]
    [InlineData("fish", "complete -c varve")]
    [InlineData("pwsh", "Register-ArgumentCompleter")]
    public void Every_shell_has_its_script(string shell, string word)
    {
        string script = Run("completion", shell).Expect(ExitCode.Ok).Output;
        Assert.Contains(word, script);
        Assert.Contains("[suggest:", script);
        Run("completion", "tcsh").ExpectFailure(ExitCode.Usage);
    }

    [Fact]
    public void Bash_completes_by_the_script()
    {
        if (OperatingSystem.IsWindows()) return;
        string script = """
            varve() { "$VARVE_PROGRAM" "$@"; }
            eval "$(varve completion bash)"
            COMP_LINE="varve inspect ma" COMP_POINT=16 COMP_WORDS=(varve inspect ma) COMP_CWORD=2
            _varve
            printf '%s\n' "${COMPREPLY[@]}"
            complete -p varve
            """;
        var start = new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true };
        start.Environment["VARVE_PROGRAM"] = Path.Combine(AppContext.BaseDirectory, "Varve.Cli");
        using Process bash = Process.Start(start)!;
        string output = bash.StandardOutput.ReadToEnd();
        Assert.Equal("manifest\ncomplete -o default -F _varve varve\n", output);
    }
}
