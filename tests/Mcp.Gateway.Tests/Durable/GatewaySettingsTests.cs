using Microsoft.Extensions.Logging;
using Varve.Mcp.Cli;
using Varve.Mcp.Cli.Commands;
using Varve.Tools;

namespace Varve.Mcp.Gateway.Tests.Durable;

/// <summary>Where a gateway's settings come from, which place wins, and what is said of wrong ones.</summary>
public sealed class GatewaySettingsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-settings-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Flags_win_over_the_environment_and_that_over_the_file()
    {
        string file = FileOf("""
            {"Gateway":{"MinWorkers":3,"MaxWorkers":20,"QueueLimit":7,"LogLevel":"ERROR","AllowOrigins":["https://a","https://b"],
            "BehindProxy":true}}
            """);
        GatewaySettings settings = Read(
            ["--config", file, "--min-workers", "5"],
            ("MIN_WORKERS", "4"), ("MAX_WORKERS", "16"), ("MCP_REQUEST_TIMEOUT", "60.5"), ("RATE_LIMIT_PER_SECOND", "9"));
        GatewayOptions options = new();
        settings.Configure(options);
        Assert.Equal((5, 16, 7, 9), (options.WorkersMin, options.WorkersMax, options.QueueLimit, options.RateLimitPerSecond));
        Assert.Equal(TimeSpan.FromSeconds(60.5), options.RequestTimeout);
        Assert.Equal((LogLevel.Error, true, false), (settings.LogLevel, settings.IsBehindProxy, settings.AllowsRemote));
        Assert.Equal(["https://a", "https://b"], settings.AllowedOrigins);
        Assert.Equal(["https://c"], Read(["--config", file, "--allow-origin", "https://c"], ("CORS_ORIGINS", "https://d")).AllowedOrigins);
        Assert.Equal(["https://d", "https://e"], Read(["--config", file], ("CORS_ORIGINS", "https://d, https://e")).AllowedOrigins);
    }

    [Theory]
    [InlineData("--min-workers", "x", "--min-workers")]
    [InlineData("--min-workers", "0", "--min-workers")]
    [InlineData("--port", "70000", "--port")]
    [InlineData("--request-timeout", "-1", "--request-timeout")]
    [InlineData("--log-level", "LOUD", "--log-level")]
    [InlineData("--server", "nobody", "--server")]
    [InlineData("--host", "example.com", "--host")]
    [InlineData("--worker", "python3 'x", "--worker")]
    [InlineData("--config", "/nowhere/at/all.json", "--config")]
    public void A_wrong_flag_is_named_with_its_value(string flag, string value, string named)
    {
        CommandFailureException wrong = Assert.Throws<CommandFailureException>(() => Read([flag, value]));
        Assert.Contains(named, wrong.Message, StringComparison.Ordinal);
        if (flag is not "--worker") Assert.Contains(value, wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MAX_WORKERS", "1", "MAX_WORKERS")]
    [InlineData("QUEUE_LIMIT", "many", "QUEUE_LIMIT")]
    [InlineData("LOG_LEVEL", "LOUD", "LOG_LEVEL")]
    [InlineData("API_KEY", "super-secret", "everybody knows")]
    [InlineData("API_KEY", "short", "fewer than 32")]
    public void A_wrong_variable_is_named(string variable, string value, string named)
    {
        CommandFailureException wrong = Assert.Throws<CommandFailureException>(() => Read([], (variable, value)));
        Assert.Contains(named, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void S4_keys_come_from_the_environment_a_file_of_its_owner_or_are_made()
    {
        const string secret = "0123456789abcdef0123456789abcdef", other = "fedcba9876543210fedcba9876543210";
        Assert.Equal([secret], Read([], ("API_KEY", secret)).Keys.Values);
        Assert.Equal(["ci"], Read([], ("API_KEY", $"ci:{secret}")).Keys.Keys);
        Assert.Equal([secret, other], Read([], ("API_KEY", $"{secret}, {other}")).Keys.Values);
        Assert.Equal(["super-secret"], Read(["--development"], ("API_KEY", "super-secret")).Keys.Values);
        Assert.True(Read([]).Keys.Values.Single().Length >= 32);
        Assert.NotEqual(Read([]).Keys.Values.Single(), Read([]).Keys.Values.Single());
        string file = Path.Combine(_directory, "keys");
        File.WriteAllText(file, $"# people\nann:{secret}\n\nbob:{other}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
            CommandFailureException open = Assert.Throws<CommandFailureException>(() => Read(["--api-key-file", file]));
            Assert.Contains("600", open.Message, StringComparison.Ordinal);
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        Assert.Equal(["ann", "bob"], Read(["--api-key-file", file]).Keys.Keys);

        // Other machines reach it with a key of somebody's only.
        Assert.Throws<CommandFailureException>(() => Read(["--host", "0.0.0.0", "--allow-remote"]));
        Assert.Equal("0.0.0.0", Read(["--host", "0.0.0.0", "--allow-remote"], ("API_KEY", secret)).Host);
        var closed = Assert.Throws<CommandFailureException>(() => Read(["--host", "0.0.0.0"], ("API_KEY", secret)));
        Assert.Contains("--allow-remote", closed.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*")]
    [InlineData("app.example")]
    [InlineData("https://app.example/")]
    [InlineData("https://app.example:443")]
    [InlineData("file:///page")]
    public void An_origin_that_no_browser_sends_is_refused(string origin)
    {
        var wrong = Assert.Throws<CommandFailureException>(() => Read(["--allow-origin", origin]));
        Assert.Contains("--allow-origin", wrong.Message, StringComparison.Ordinal);
        Assert.Equal(["https://App.example:8443"], Read(["--allow-origin", "https://App.example:8443"]).AllowedOrigins);
    }

    [Fact]
    public void Workers_are_this_program_or_the_words_of_a_command()
    {
        WorkerCommand own = Read(["--data", "/d", "--server", "tasks"]).Worker;
        Assert.True(own.SharesJournal);
        Assert.Equal(
            ["serve", "--worker", "--server", "tasks", "--data", "/d", "--durability", "synced"], own.Arguments.TakeLast(8));
        WorkerCommand other = Read(["--worker", """python3 'my server.py' --name="a b" c:\x""" + " \"\""]).Worker;
        Assert.Equal("python3", other.File);
        Assert.Equal(["my server.py", "--name=a b", """c:\x""", ""], other.Arguments);
        Assert.False(other.SharesJournal);
        if (!OperatingSystem.IsWindows()) Assert.Equal("launch-worker", other.Launcher[^1]);
        Assert.All((WorkerCommand[])[own, other], worker => Assert.Null(worker.Environment["API_KEY"]));
        Assert.Throws<CommandFailureException>(() => Read(["--worker", "x", "--server", "tasks"]));
    }

    private static GatewaySettings Read(string[] arguments, params (string Name, string Value)[] environment) => GatewayCommand.Read(
        arguments,
        name => environment.FirstOrDefault(variable => variable.Name == name).Value,
        new Terminal(() => TextReader.Null, () => TextWriter.Null, TextWriter.Null, isInteractive: false));

    private string FileOf(string json)
    {
        string file = Path.Combine(_directory, "settings.json");
        File.WriteAllText(file, json);
        return file;
    }
}
