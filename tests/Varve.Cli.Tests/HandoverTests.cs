using System.Diagnostics;

namespace Varve.Cli.Tests;

/// <summary>A short round of <c>varve-simulate handover</c>.</summary>
public sealed class HandoverTests
{
    private static readonly TimeSpan TimeMax = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task Processes_that_share_a_directory_survive_each_other_and_lose_nothing()
    {
        string program = Path.Combine(AppContext.BaseDirectory, "varve-simulate" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        var start = new ProcessStartInfo(program, ["handover", "--rounds", "8", "--processes", "3", "--seed", "3"])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        using Process process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeMax);
        string output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        Assert.True(process.ExitCode == 0, output);
        Assert.StartsWith("handover: 8 rounds", output, StringComparison.Ordinal);
    }
}
