using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Http;

/// <summary>What a client can hold, and what happens when it wants more.</summary>
public sealed class LimitTests
{
    [Fact]
    public async Task S9_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.MessageBytesMax = 10_000);
        string text = new('x', 9_000);
        JsonObject arguments = new() { ["text"] = text };
        Assert.Equal(text, (await host.SendAsync(host.ModernCall("echo", arguments))).Message.Text());
        arguments["text"] = new string('x', 10_000);
        Assert.Equal(413, await host.StatusAsync(host.ModernCall("echo", arguments)));
        HttpRequestMessage chunked = host.ModernCall("echo", arguments);
        chunked.Headers.TransferEncodingChunked = true;
        Assert.Equal(413, await host.StatusAsync(chunked));
    }

    [Fact]
    public async Task S9_an_encoded_body_is_not_read()
    {
        await using McpHost host = await McpHost.StartAsync();
        HttpRequestMessage request = host.ModernRequest("server/discover");
        request.Content!.Headers.ContentEncoding.Add("gzip");
        Assert.Equal(415, await host.StatusAsync(request));
        HttpRequestMessage form = host.ModernRequest("server/discover");
        form.Content!.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        Assert.Equal(415, await host.StatusAsync(form));
    }

    [Fact]
    public async Task S9_long_headers_are_refused()
    {
        await using McpHost host = await McpHost.StartAsync();
        HttpRequestMessage request = host.ModernRequest("server/discover");
        request.Headers.Add("X-Long", new string('x', 33 << 10));
        Assert.Equal(431, await host.StatusAsync(request));
        HttpRequestMessage line = new(HttpMethod.Get, new Uri($"{host.Url}?{new string('x', 9 << 10)}"));
        Assert.Equal(414, await host.StatusAsync(line));
    }

    [Fact]
    public void S10_slow_and_many_clients_are_bounded()
    {
        using ServiceProvider services = new ServiceCollection().AddVarveMcp().Services.BuildServiceProvider();
        KestrelServerLimits limits = services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;
        Assert.Equal(TimeSpan.FromSeconds(15), limits.RequestHeadersTimeout);
        Assert.Equal(TimeSpan.FromSeconds(60), limits.KeepAliveTimeout);
        Assert.Equal(240, limits.MinRequestBodyDataRate!.BytesPerSecond);
        Assert.Equal(240, limits.MinResponseDataRate!.BytesPerSecond);
        Assert.Equal(512, limits.MaxConcurrentConnections);
        Assert.Equal(8 << 10, limits.MaxRequestLineSize);
        Assert.Equal((32 << 10, 100), (limits.MaxRequestHeadersTotalSize, limits.MaxRequestHeaderCount));
        Assert.Equal(4 << 20, limits.MaxRequestBodySize);
        Assert.Equal(100, limits.Http2.MaxStreamsPerConnection);
    }

    [Fact]
    public async Task S24_HTTP_2_is_not_spoken_without_TLS()
    {
        await using McpHost host = await McpHost.StartAsync();
        using HttpRequestMessage request = host.ModernRequest("server/discover");
        (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        await Assert.ThrowsAsync<HttpRequestException>(() => host.Http.SendAsync(request));
    }

    [Fact]
    public async Task S11_calls_beyond_the_limit_are_refused_at_once()
    {
        await using McpHost host = await McpHost.StartAsync(options => (options.CallsMax, options.CallsQueuedMax) = (1, 0));
        Task<(int Status, JsonNode? Message)> first = host.SendAsync(host.ModernCall("wait"));
        await host.Gate.Entered.WaitAsync();
        using HttpRequestMessage request = host.ModernCall("echo", new JsonObject { ["text"] = "hello" });
        using HttpResponseMessage refused = await host.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(-32000, RawRequests.Messages(await refused.Content.ReadAsStringAsync()).Single().ErrorCode());
        host.Gate.Open();
        Assert.Equal("went through", (await first).Message.Text());
    }

    [Fact]
    public async Task S11_streams_beyond_the_limit_are_refused()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.Http.StreamsMax = 1);
        string session = await host.InitializeAsync();
        using EventReader first = await host.OpenAsync(host.Listen(session));
        Assert.Equal(HttpStatusCode.OK, first.Response.StatusCode);
        Assert.Equal(503, await host.StatusAsync(host.Listen(session)));
        JsonObject wanted = new() { ["notifications"] = new JsonObject { ["toolsListChanged"] = true } };
        using EventReader listening = await host.OpenAsync(host.ModernRequest("subscriptions/listen", wanted));
        Assert.Equal("notifications/subscriptions/acknowledged", (string?)(await listening.NextAsync())?.Message["method"]);
        Assert.Equal(503, await host.StatusAsync(host.ModernRequest("subscriptions/listen", wanted, 2)));
    }

    [Fact]
    public async Task S11_a_modern_client_that_leaves_cancels_its_call()
    {
        await using McpHost host = await McpHost.StartAsync();
        using CancellationTokenSource leaving = new();
        using HttpRequestMessage request = host.ModernCall("wait");
        Task<HttpResponseMessage> call = host.Http.SendAsync(request, leaving.Token);
        await host.Gate.Entered.WaitAsync();
        await leaving.CancelAsync();
        await host.Gate.Cancelled.WaitAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task S11_an_open_stream_has_a_heartbeat()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.Http.Heartbeat = TimeSpan.FromMilliseconds(10));
        string session = await host.InitializeAsync();
        using EventReader stream = await host.OpenAsync(host.Listen(session));
        Assert.Equal(":", await stream.ReadLineAsync());
    }

    [Fact]
    public async Task A_call_that_runs_too_long_is_cancelled_and_says_so()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.CallTimeout = TimeSpan.FromMilliseconds(50));
        (_, JsonNode? message) = await host.SendAsync(host.ModernCall("wait"));
        Assert.Equal("timeout", (string?)message!["result"]!["_meta"]!["io.varve/error"]!["code"]);
        await host.Gate.Cancelled.WaitAsync();
    }

    [Fact]
    public async Task S25_spoiled_requests_get_an_answer_below_500()
    {
        await using McpHost host = await McpHost.StartAsync();
        string session = await host.InitializeAsync();
        byte[] whole = Encoding.UTF8.GetBytes(
            """{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"left":1,"right":2},"_meta":{"x":1}}}""");
        for (int seed = 0; seed < 300; seed++)
        {
            Random random = new(seed);
            byte[] spoiled = whole[..random.Next(whole.Length / 2, whole.Length + 1)];
            for (int change = random.Next(1, 4); change > 0; change--) spoiled[random.Next(spoiled.Length)] = (byte)random.Next(32, 127);
            HttpRequestMessage request = host.Request("");
            request.Content = new ByteArrayContent(spoiled);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            if (seed % 3 == 0) request.Headers.Add("Mcp-Session-Id", session);
            if (seed % 2 == 0) request.Headers.Add("MCP-Protocol-Version", seed % 3 == 0 ? RawRequests.Legacy : RawRequests.Modern);
            int status = await host.StatusAsync(request);
            Assert.True(status < 500, $"seed {seed}: {status}");
        }
        Assert.DoesNotContain(host.Log.All, record => record.Text.Contains("unhandled", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task S25_what_is_no_HTTP_at_all_ends_the_connection_and_nothing_else()
    {
        await using McpHost host = await McpHost.StartAsync();
        string[] texts = ["\0\0\0\0\r\n\r\n", "POST /mcp HTTP/9.9\r\n\r\n", "POST /mcp HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"];
        foreach (string text in texts)
        {
            using TcpClient client = new();
            await client.ConnectAsync(IPAddress.Loopback, host.Url.Port);
            await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(text));
            using StreamReader reader = new(client.GetStream());
            string answer = await reader.ReadToEndAsync();
            Assert.Matches("^$|^HTTP/1.1 (4|505)", answer);
        }
        Assert.Equal(200, await host.StatusAsync(host.ModernRequest("server/discover")));
    }
}
