using System.Diagnostics;
using System.Text;
using Varve.Cli.Output;

namespace Varve.Cli.Tests;

/// <summary>What a run of the command line gave.</summary>
internal sealed record CliRun(int ExitCode, byte[] OutputBytes, string Error)
{
    public string Output => Encoding.UTF8.GetString(OutputBytes);

    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public CliRun Expect(int exitCode)
    {
        Assert.True(exitCode == ExitCode, $"exit code {ExitCode} instead of {exitCode}; stdout: {Output}; stderr: {Error}");
        if (exitCode == Cli.ExitCode.Ok) Assert.Equal("", Error);
        else Assert.StartsWith("varve: ", Error);
        return this;
    }

    /// <summary>Failed, with nothing but one line on stderr.</summary>
    public CliRun ExpectFailure(int exitCode)
    {
        Expect(exitCode);
        Assert.Equal("", Output);
        Assert.Equal(1, Error.Count(character => character == '\n'));
        return this;
    }
}

/// <summary>A temporary directory with room for a database, and ways to run the command line on it.</summary>
public abstract class CliHouse : IDisposable
{
    private static readonly TimeSpan ProcessMax = TimeSpan.FromMinutes(2);

    private readonly string _directory = Directory.CreateTempSubdirectory("varve-cli-test-").FullName;

    protected string Data => Path.Combine(_directory, "data");

    public void Dispose()
    {
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected string PathOf(string name) => Path.Combine(_directory, name);

    /// <summary>In this process, on the test's database.</summary>
    internal CliRun RunOnData(params string[] arguments) => Run([.. arguments[..1], "--data", Data, .. arguments[1..]]);

    internal static CliRun Run(params string[] arguments) => Run(arguments, []);

    internal static CliRun Run(string[] arguments, byte[] input, bool canAsk = false)
    {
        using var output = new MemoryStream();
        using var error = new StringWriter { NewLine = "\n" };
        var terminal = new Terminal(new MemoryStream(input), output, error, isInteractive: false, canAsk: canAsk);
        int exitCode = CommandLine.Run(arguments, terminal);
        return new CliRun(exitCode, output.ToArray(), error.ToString());
    }

    internal void Put(string map, params string[] keys)
    {
        using Database database = Database.Open(Data);
        SortedMap target = database.GetMap(map);
        foreach (string key in keys)
            target.Put(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes("value of " + key), Durability.Buffered);
        database.Close();
    }

    internal static string RepositoryRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Engine.sln"))) directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException("The tests do not run inside the repository.");
    }

    /// <summary>As a process of its own.</summary>
    internal static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Varve.Cli" + (OperatingSystem.IsWindows() ? ".exe" : "")))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    internal static CliRun RunProcess(params string[] arguments)
    {
        using Process process = Start(arguments);
        return WaitFor(process);
    }

    /// <summary>Its input ends; what it prints is taken to the end.</summary>
    internal static CliRun WaitFor(Process process)
    {
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        Assert.True(process.WaitForExit(ProcessMax), "The process did not end.");
        return new CliRun(process.ExitCode, output.ToArray(), error.GetAwaiter().GetResult());
    }
}
