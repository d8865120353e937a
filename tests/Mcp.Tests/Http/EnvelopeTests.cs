using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using ModelContextProtocol.Server;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Http;

/// <summary>What a request of revision 2026-07-28 must say, and that its headers say the same as its body.</summary>
public sealed class EnvelopeTests
{
    private const string Revision = "io.modelcontextprotocol/protocolVersion";
    private const string Capabilities = "io.modelcontextprotocol/clientCapabilities";

    [Theory]
    [InlineData("MCP-Protocol-Version", null, 400, -32020)]
    [InlineData("MCP-Protocol-Version", "2025-11-25", 400, -32020)]
    [InlineData("MCP-Protocol-Version", "2031-01-01", 400, -32022)]
    [InlineData("Mcp-Method", null, 400, -32020)]
    [InlineData("Mcp-Method", "tools/list", 400, -32020)]
    [InlineData("Mcp-Method", "TOOLS/CALL", 400, -32020)]
    [InlineData("Mcp-Name", null, 400, -32020)]
    [InlineData("Mcp-Name", "fail", 400, -32020)]
    [InlineData("Mcp-Name", "=?base64?!!!?=", 400, -32020)]
    [InlineData("Mcp-Name", "=?base64?d2hv?=", 200, null)]
    [InlineData("Mcp-Name", " who ", 200, null)]
    public async Task S8_headers_and_body_must_agree(string header, string? value, int status, int? code)
    {
        await using McpHost host = await McpHost.StartAsync();
        HttpRequestMessage request = host.ModernCall("who");
        request.Headers.Remove(header);
        if (value is not null) request.Headers.TryAddWithoutValidation(header, value);
        (int actual, JsonNode? message) = await host.SendAsync(request);
        Assert.Equal((status, code), (actual, message.ErrorCode()));
        // Every refusal of a request that can be read says which one it was.
        Assert.Equal(1, (int?)message!["id"]);
    }

    [Fact]
    public async Task S8_an_unknown_revision_is_told_the_known_ones()
    {
        await using McpHost host = await McpHost.StartAsync();
        HttpRequestMessage modern = host.Request(
            $$$"""{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"{{{Revision}}}":"v9"} } }""");
        modern.Headers.Add("MCP-Protocol-Version", "v9");
        JsonNode data = (await host.SendAsync(modern)).Message!["error"]!["data"]!;
        Assert.Equal(("""["2026-07-28"]""", "v9"), (data["supported"]!.ToJsonString(), (string?)data["requested"]));
        HttpRequestMessage older = host.Request("""{"jsonrpc":"2.0","id":1,"method":"tools/list"}""");
        older.Headers.Add("MCP-Protocol-Version", "2023-01-01");
        (int status, JsonNode? message) = await host.SendAsync(older);
        Assert.Equal((400, -32022, 5), (status, message.ErrorCode(), message!["error"]!["data"]!["supported"]!.AsArray().Count));
    }

    [Theory]
    [InlineData(Revision)]
    [InlineData(Capabilities)]
    public async Task S8_the_context_of_a_request_must_be_there(string member)
    {
        await using McpHost host = await McpHost.StartAsync();
        JsonObject meta = new() { [Revision] = RawRequests.Modern, [Capabilities] = new JsonObject() };
        meta.Remove(member);
        JsonObject parameters = new() { ["_meta"] = meta };
        JsonObject body = new() { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = "tools/list", ["params"] = parameters };
        HttpRequestMessage request = host.Request(body.ToJsonString());
        request.Headers.Add("MCP-Protocol-Version", RawRequests.Modern);
        request.Headers.Add("Mcp-Method", "tools/list");
        (int status, JsonNode? message) = await host.SendAsync(request);
        Assert.Equal((400, -32602), (status, message.ErrorCode()));
    }

    [Theory]
    [InlineData("initialize")]
    [InlineData("ping")]
    [InlineData("logging/setLevel")]
    [InlineData("resources/subscribe")]
    [InlineData("resources/unsubscribe")]
    [InlineData("no/such/method")]
    public async Task S8_a_method_that_is_not_there_is_404(string method)
    {
        await using McpHost host = await McpHost.StartAsync();
        (int status, JsonNode? message) = await host.SendAsync(host.ModernRequest(method));
        Assert.Equal((404, -32601), (status, message.ErrorCode()));
    }

    [Theory]
    [InlineData("42", 200)]
    [InlineData("42.0", 200)]
    [InlineData("4.2e1", 200)]
    [InlineData("43", 400)]
    [InlineData("forty-two", 400)]
    [InlineData(null, 400)]
    public async Task S8_an_argument_that_is_mirrored_into_a_header_must_be_the_same(string? header, int status)
    {
        await using McpHost host = await McpHost.StartAsync(addServices: services => services.AddSingleton(McpServerTool.Create(
            ([McpHeader("Count")] int count) => $"{count}", new() { Name = "mirrored" })));
        HttpRequestMessage request = host.ModernCall("mirrored", new JsonObject { ["count"] = 42 });
        if (header is not null) request.Headers.Add("Mcp-Param-Count", header);
        Assert.Equal(status, await host.StatusAsync(request));
    }

    [Fact]
    public async Task S8_a_mirrored_argument_beyond_what_JSON_can_tell_apart_is_refused()
    {
        await using McpHost host = await McpHost.StartAsync(addServices: services => services.AddSingleton(McpServerTool.Create(
            ([McpHeader("Count")] long count) => $"{count}", new() { Name = "mirrored" })));
        HttpRequestMessage request = host.ModernCall("mirrored", new JsonObject { ["count"] = 9007199254740993 });
        request.Headers.Add("Mcp-Param-Count", "9007199254740993");
        Assert.Equal(400, await host.StatusAsync(request));
    }

    [Fact]
    public async Task Streams_and_ends_of_sessions_are_not_part_of_the_modern_revision()
    {
        await using McpHost host = await McpHost.StartAsync();
        foreach (HttpMethod method in new[] { HttpMethod.Get, HttpMethod.Delete })
        {
            using HttpRequestMessage request = new(method, host.Url);
            request.Headers.Add("MCP-Protocol-Version", RawRequests.Modern);
            request.Headers.Accept.ParseAdd("text/event-stream");
            using HttpResponseMessage response = await host.Http.SendAsync(request);
            Assert.Equal((405, "POST"), ((int)response.StatusCode, response.Content.Headers.Allow.Single()));
        }
        Assert.Equal(405, await host.StatusAsync(new HttpRequestMessage(HttpMethod.Put, host.Url)));
    }

    [Fact]
    public async Task A_client_must_accept_both_kinds_of_answer()
    {
        await using McpHost host = await McpHost.StartAsync();
        HttpRequestMessage request = host.ModernRequest("server/discover");
        request.Headers.Accept.Clear();
        request.Headers.Accept.ParseAdd("application/json");
        Assert.Equal(406, await host.StatusAsync(request));
        HttpRequestMessage any = host.ModernRequest("server/discover");
        any.Headers.Accept.Clear();
        any.Headers.Accept.ParseAdd("*/*");
        Assert.Equal(200, await host.StatusAsync(any));
    }

    [Theory]
    [InlineData("""{"jsonrpc":"2.0","id":1,"result":{}}""", 400, -32600)]
    [InlineData("""{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}""", 202, null)]
    public async Task Modern_notifications_are_taken_and_responses_are_not(string body, int status, int? code)
    {
        await using McpHost host = await McpHost.StartAsync();
        HttpRequestMessage request = host.Request(body);
        request.Headers.Add("MCP-Protocol-Version", RawRequests.Modern);
        request.Headers.Add("Mcp-Method", "notifications/cancelled");
        (int actual, JsonNode? message) = await host.SendAsync(request);
        Assert.Equal((status, code), (actual, message.ErrorCode()));
    }
}
