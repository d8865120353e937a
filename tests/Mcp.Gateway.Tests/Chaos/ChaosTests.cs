using System.Diagnostics;
using Varve.Mcp.Gateway.Tests.Pool;

namespace Varve.Mcp.Gateway.Tests.Chaos;

/// <summary>A short round of <c>varve-simulate gateway</c>.</summary>
[Collection(HeavyTests.Name)]
public sealed class ChaosTests
{
    private static readonly TimeSpan TimeMax = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task Workers_that_are_killed_under_load_cost_no_right_answer_and_leave_nothing_behind()
    {
        string program = ProgramOf("varve-simulate");
        string[] arguments = ["gateway", "--program", ProgramOf("Varve.Mcp.Cli"), "--seconds", "6", "--clients", "8", "--seed", "5"];
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        using var limit = new CancellationTokenSource(TimeMax);
        string output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("0 wrong answers, 0 left behind", output, StringComparison.Ordinal);
    }

    private static string ProgramOf(string name) =>
        Path.Combine(AppContext.BaseDirectory, name + (OperatingSystem.IsWindows() ? ".exe" : ""));
}
