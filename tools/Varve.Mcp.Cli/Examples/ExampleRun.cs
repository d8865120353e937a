using System.Text.Json;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Cli.Servers;

namespace Varve.Mcp.Cli.Examples;

/// <summary>One example's client: shows what it sends and what comes, and counts what is not as it should be.</summary>
internal sealed class ExampleRun(McpClient client, TextWriter output, CancellationToken cancellation)
{
    public McpClient Client => client;

    /// <summary>Answers that were not as they should be.</summary>
    public int Surprises { get; private set; }

    /// <summary>Who answers, and what it can do.</summary>
    public async Task IntroduceAsync()
    {
        string server = $"{client.ServerInfo?.Name} {client.ServerInfo?.Version}";
        await output.WriteLineAsync($"connected to {server}, revision {client.NegotiatedProtocolVersion}");
        await output.WriteLineAsync($"session: {client.SessionId ?? "none"}");
        await output.WriteLineAsync();
        await output.WriteLineAsync("tools:");
        foreach (McpClientTool tool in await client.ListToolsAsync(cancellationToken: cancellation))
            await output.WriteLineAsync($"  {tool.Name}: {tool.Description}");
        await output.WriteLineAsync();
    }

    public Task SayAsync(string text) => output.WriteLineAsync($"-- {text}");

    /// <summary>A call that should go well.</summary>
    public Task<JsonElement> CallAsync(string tool, params (string Name, object? Value)[] arguments) =>
        CallAsync(tool, arguments, isError: false);

    /// <summary>A call that should be refused.</summary>
    public Task<JsonElement> CallRefusedAsync(string tool, params (string Name, object? Value)[] arguments) =>
        CallAsync(tool, arguments, isError: true);

    /// <summary>A call that may go either way.</summary>
    public Task<JsonElement> TryAsync(string tool, params (string Name, object? Value)[] arguments) =>
        CallAsync(tool, arguments, isError: null);

    public async Task ReadAsync(string uri)
    {
        await output.WriteLineAsync($"> read {uri}");
        ReadResourceResult read = await client.ReadResourceAsync(uri, cancellationToken: cancellation);
        foreach (ResourceContents contents in read.Contents)
            await output.WriteLineAsync(contents is TextResourceContents text ? text.Text : $"({contents.MimeType})");
        await output.WriteLineAsync();
    }

    /// <summary>Says that something should have been so.</summary>
    public async Task CheckAsync(bool holds, string what)
    {
        if (holds) return;
        Surprises++;
        await output.WriteLineAsync($"!! not as it should be: {what}");
    }

    private async Task<JsonElement> CallAsync(string tool, (string Name, object? Value)[] arguments, bool? isError)
    {
        Dictionary<string, object?> given = arguments.ToDictionary(argument => argument.Name, argument => argument.Value);
        await output.WriteLineAsync($"> {tool} {JsonSerializer.Serialize(given, ServerJson.TypeOf<Dictionary<string, object?>>())}");
        CallToolResult result = await client.CallToolAsync(tool, given, cancellationToken: cancellation);
        JsonElement answer = result.StructuredContent ?? default;
        await output.WriteLineAsync(answer.ValueKind == JsonValueKind.Undefined
            ? string.Join('\n', result.Content.OfType<TextContentBlock>().Select(block => block.Text))
            : ServerJson.Indent(answer));
        await output.WriteLineAsync();
        bool isRefused = result.IsError == true;
        if (isError is { } expected) await CheckAsync(isRefused == expected, $"{tool} was {(isRefused ? "" : "not ")}refused");
        return answer;
    }
}
