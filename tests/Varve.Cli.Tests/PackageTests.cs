using System.Diagnostics;
using System.IO.Compression;

namespace Varve.Cli.Tests;

/// <summary>The tool's package, made from what was built and installed from its folder alone: nothing is asked of a registry.</summary>
public sealed class PackageTests : CliHouse
{
    [Fact]
    public void The_package_installs_as_a_tool_and_runs()
    {
        // .../bin/Release/net10.0/
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string project = Path.Combine(RepositoryRoot(), "tools", "Varve.Cli");
        string packages = PathOf("packages");
        RunDotnet("pack", project, "--no-build", "-c", configuration, "-o", packages);
        string package = Assert.Single(Directory.GetFiles(packages));
        using (ZipArchive content = ZipFile.OpenRead(package))
        {
            using var reader = new StreamReader(content.GetEntry("Varve.Cli.nuspec")!.Open());
            string described = reader.ReadToEnd();
            Assert.Contains("<license type=\"expression\">MIT</license>", described);
            Assert.Contains("<readme>cli.md</readme>", described);
            Assert.Contains("<packageType name=\"DotnetTool\" />", described);
            Assert.NotNull(content.GetEntry("cli.md"));
            Assert.NotNull(content.GetEntry("LICENSE"));
        }

        string version = Path.GetFileNameWithoutExtension(package)["Varve.Cli.".Length..];
        string tools = PathOf("tools");
        RunDotnet("tool", "install", "Varve.Cli", "--version", version, "--tool-path", tools, "--source", packages);
        string command = Path.Combine(tools, "varve");
        Assert.Matches($@"^{version}(\+[0-9a-f]+)?\n$", RunProgram(command, "--version").Expect(ExitCode.Ok).Output);
        RunProgram(command, "put", "-d", Data, "k", "v").Expect(ExitCode.Ok);
        Assert.Equal("v", RunProgram(command, "get", "-d", Data, "k").Expect(ExitCode.Ok).Output);
    }

    private void RunDotnet(params string[] arguments)
    {
        CliRun run = RunProgram(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments);
        Assert.True(run.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: {run.Output} {run.Error}");
    }

    private CliRun RunProgram(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = PathOf(""),
        };
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["DOTNET_SKIP_FIRST_TIME_EXPERIENCE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using Process process = Process.Start(start)!;
        return WaitFor(process);
    }
}
