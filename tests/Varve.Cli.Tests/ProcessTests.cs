using System.Diagnostics;

namespace Varve.Cli.Tests;

public sealed class ProcessTests : CliHouse
{
    [Fact]
    public void The_command_returns_its_exit_codes()
    {
        RunProcess("put", "-d", Data, "k", "v").Expect(ExitCode.Ok);
        Assert.Equal("v", RunProcess("get", "-d", Data, "k").Expect(ExitCode.Ok).Output);
        RunProcess("get", "-d", Data, "absent").ExpectFailure(ExitCode.NotFound);
        RunProcess("get", "-d", Data).ExpectFailure(ExitCode.Usage);
        RunProcess("get", "-d", PathOf("nowhere"), "k").ExpectFailure(ExitCode.Storage);
    }

    [Fact]
    public void Output_into_a_pipe_has_no_colors()
    {
        Put("m", "a");
        foreach (string command in (string[])["levels", "stats", "verify", "maps"])
        {
            Assert.DoesNotContain('\u001b', RunProcess(command, "-d", Data).Expect(ExitCode.Ok).Output);
        }
    }

    [Fact]
    public void A_reader_that_has_seen_enough_ends_a_scan_quietly()
    {
        Put("m", [.. Enumerable.Range(0, 50_000).Select(i => $"key-{i:D6}")]);
        using Process scan = Start("scan", "-d", Data, "-m", "m");
        Task<string> error = scan.StandardError.ReadToEndAsync();
        Assert.StartsWith("key-000000", scan.StandardOutput.ReadLine());
        scan.StandardOutput.Close();
        scan.WaitForExit();
        Assert.Equal("", error.GetAwaiter().GetResult());
        Assert.Equal(ExitCode.Ok, scan.ExitCode);
    }

    [Fact]
    public void A_writer_of_the_tour_ends_with_its_parent()
    {
        Put("m", "a");
        using Process writer = Start("tour-writer", "-d", Data);
        Assert.EndsWith(" .", writer.StandardOutput.ReadLine());
        Task<string> rest = writer.StandardOutput.ReadToEndAsync();
        writer.StandardInput.Close();
        Assert.True(writer.WaitForExit(TimeSpan.FromMinutes(1)), "The writer goes on without its parent.");
        Assert.Equal(ExitCode.Ok, writer.ExitCode);
        rest.GetAwaiter().GetResult();
    }
}
