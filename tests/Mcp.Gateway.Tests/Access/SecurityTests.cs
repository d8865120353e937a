using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Varve.Mcp.Gateway.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Access;

/// <summary>Who comes in. The names say which rule of the list in docs/mcp.md each test holds.</summary>
public sealed class SecurityTests
{
    public static TheoryData<string, string> EveryPath => new()
    {
        { "GET", "/" }, { "GET", "/tools" }, { "POST", "/tools/echo" }, { "POST", "/tools/echo/stream" }, { "GET", "/tools/echo/stream" },
        { "GET", "/ws/tools/echo" }, { "GET", "/ws/notifications" }, { "GET", "/calls" }, { "GET", "/calls/active" }, { "GET", "/calls/1" },
        { "DELETE", "/calls/1" }, { "POST", "/calls/1/replay" }, { "GET", "/events" }, { "GET", "/stats" }, { "GET", "/metrics" },
        { "GET", "/openapi.json" }, { "POST", "/mcp" }, { "GET", "/no/such/path" }, { "PUT", "/tools" },
    };

    [Theory]
    [MemberData(nameof(EveryPath))]
    public async Task S6_every_path_and_method_asks_for_a_key_before_anything_is_read(string method, string path)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        using HttpClient nobody = host.NewClient(key: null);
        HttpRequestMessage request = new(new HttpMethod(method), path);
        if (method == "POST") request.Content = new StringContent("this is not even JSON", Encoding.UTF8, "application/json");
        Reply reply = await host.SendAsync(request, nobody);
        Assert.Equal((401, "Bearer"), (reply.Status, reply.Headers.WwwAuthenticate.ToString()));
        if (path != "/mcp") Assert.Equal("unauthorized", reply.Problem());
        Assert.DoesNotContain("key", reply.Text, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [MemberData(nameof(EveryPath))]
    public async Task S1_S2_every_path_and_method_refuses_other_origins_and_hosts(string method, string path)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        foreach ((string header, string value) in new[] { ("Origin", "http://evil.example"), ("Host", "evil.example") })
        {
            HttpRequestMessage request = new(new HttpMethod(method), path);
            request.Headers.TryAddWithoutValidation(header, value);
            Reply reply = await host.SendAsync(request);
            Assert.Equal(403, reply.Status);
            if (path != "/mcp") Assert.Equal("forbidden", reply.Problem());
        }
    }

    [Fact]
    public async Task S1_S2_a_page_of_the_gateway_itself_may_call_under_a_name_that_was_allowed()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(null, mcp => mcp.Http.AllowedHosts.Add("gateway.example"));
        Assert.Equal(200, await AskAsync("gateway.example", "https://gateway.example"));
        Assert.Equal(200, await AskAsync("gateway.example:8443", "https://gateway.example:8443"));
        Assert.Equal(403, await AskAsync("gateway.example", "https://gateway.example:8443"));
        Assert.Equal(403, await AskAsync("evil.example", "http://evil.example"));
        Assert.Equal(403, await AskAsync("gateway.example", "http://evil.example"));

        async Task<int> AskAsync(string name, string origin)
        {
            HttpRequestMessage request = new(HttpMethod.Get, "/tools");
            request.Headers.Host = name;
            request.Headers.Add("Origin", origin);
            return (await host.SendAsync(request)).Status;
        }
    }

    [Theory]
    [InlineData("/health")]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    public async Task S6_health_is_open_to_the_right_place_and_tells_states_and_counts_alone(string path)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        using HttpClient nobody = host.NewClient(key: null);
        Reply reply = await host.GetAsync(path, nobody);
        Assert.Equal(200, reply.Status);
        Assert.DoesNotContain("pid", reply.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("it died", reply.Text, StringComparison.Ordinal);
        HttpRequestMessage foreign = new(HttpMethod.Get, path);
        foreign.Headers.Add("Origin", "http://evil.example");
        Assert.Equal(403, (await host.SendAsync(foreign, nobody)).Status);
    }

    [Theory]
    [InlineData("/", "text/html,application/xhtml+xml,*/*;q=0.8", 200, "text/html")]
    [InlineData("/", "*/*", 401, "application/problem+json")]
    [InlineData("/dashboard/app.js", "*/*", 200, "text/javascript")]
    public async Task S6_the_dashboards_files_are_open_and_its_data_is_not(string path, string accept, int status, string type)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        using HttpClient nobody = host.NewClient(key: null);
        foreach ((string? origin, int expected) in new[] { (null, status), ("http://evil.example", 403) })
        {
            HttpRequestMessage request = new(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("Accept", accept);
            if (origin is not null) request.Headers.Add("Origin", origin);
            Reply reply = await host.SendAsync(request, nobody);
            Assert.Equal((expected, expected == 403 ? "application/problem+json" : type), (reply.Status, reply.ContentType));
        }
        Assert.Equal("varve", ((string?)(await host.GetAsync("/")).Json["name"])!.ToLowerInvariant()[..5]);
    }

    [Fact]
    public async Task S5_S6_a_key_comes_by_either_header_and_another_one_does_not_help()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        using HttpClient nobody = host.NewClient(key: null);
        foreach ((string header, string value, int status) in new[]
        {
            ("X-API-Key", GatewayHost.Key, 200), ("Authorization", $"Bearer {GatewayHost.Key}", 200),
            ("X-API-Key", GatewayHost.Key + "x", 401), ("X-API-Key", GatewayHost.Key[..^1], 401),
            ("Authorization", $"Basic {GatewayHost.Key}", 401),
        })
        {
            HttpRequestMessage request = new(HttpMethod.Get, "/tools");
            request.Headers.Add(header, value);
            Assert.Equal(status, (await host.SendAsync(request, nobody)).Status);
        }
    }

    [Fact]
    public async Task S6_an_address_that_fails_too_often_waits_and_the_right_key_still_comes_in()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        using HttpClient nobody = host.NewClient(key: null);
        for (int failure = 0; failure < 10; failure++) Assert.Equal(401, (await host.GetAsync("/tools", nobody)).Status);
        Reply waits = await host.GetAsync("/tools", nobody);
        Assert.Equal((429, "rate_limited"), (waits.Status, waits.Problem()));
        Assert.NotNull(waits.Headers.RetryAfter);
        Assert.Equal(200, (await host.GetAsync("/tools")).Status);
    }

    [Fact]
    public async Task S6_a_key_in_the_address_is_for_sockets_alone_and_is_in_no_log()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        string address = $"/ws/tools/echo?x=1&api_key={GatewayHost.Key}";
        await using (SocketClient client = await SocketClient.ConnectAsync(host, address, key: null))
        {
            await client.SendAsync("""{"arguments": {"text": "a"}, "id": "1"}""");
            await client.FindAsync("complete", "1");
        }
        using HttpClient nobody = host.NewClient(key: null);
        foreach (string path in new[] { "/tools", "/calls", "/stats", "/" })
            Assert.Equal(401, (await host.GetAsync($"{path}?api_key={GatewayHost.Key}", nobody)).Status);
        Assert.Equal(401, (await host.GetAsync($"{address}x", nobody)).Status);
        await GatewayHost.UntilAsync(() => host.Log.Text.Contains("/ws/tools/echo", StringComparison.Ordinal));
        Assert.DoesNotContain(GatewayHost.Key, host.Log.Text, StringComparison.Ordinal);
        Assert.Contains("?x=1", host.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task S1_S6_sockets_are_not_opened_for_other_pages_or_without_a_key()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(null, mcp => mcp.Http.AllowedOrigins.Add("https://app.example"));
        await RefuseAsync(HttpStatusCode.Unauthorized, key: null, origin: null);
        await RefuseAsync(HttpStatusCode.Unauthorized, key: "wrong", origin: null);
        await RefuseAsync(HttpStatusCode.Forbidden, GatewayHost.Key, "http://evil.example");
        await RefuseAsync(HttpStatusCode.Forbidden, GatewayHost.Key, "null");
        await using SocketClient named = await SocketClient.ConnectAsync(
            host, "/ws/tools/echo", configure: options => options.SetRequestHeader("Origin", "https://app.example"));
        Assert.Equal(WebSocketState.Open, named.Socket.State);

        async Task RefuseAsync(HttpStatusCode status, string? key, string? origin)
        {
            using ClientWebSocket socket = new();
            socket.Options.CollectHttpResponseDetails = true;
            if (key is not null) socket.Options.SetRequestHeader("X-API-Key", key);
            if (origin is not null) socket.Options.SetRequestHeader("Origin", origin);
            await Assert.ThrowsAsync<WebSocketException>(
                () => socket.ConnectAsync(new Uri($"ws://{host.Url.Authority}/ws/tools/echo"), CancellationToken.None));
            Assert.Equal(status, socket.HttpStatusCode);
        }
    }

    [Fact]
    public async Task S7_S19_callers_do_not_get_each_others_streams_or_answers()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        using HttpClient other = host.NewClient(GatewayHost.OtherKey);
        await using OpenStream stream = await OpenStream.PostAsync(
            host, "write", """{"arguments": {"text": "mine"}, "idempotencyKey": "k"}""");
        await stream.ReadAllAsync();
        await using OpenStream stolen = await OpenStream.GetAsync(host, "/tools/write/stream", stream.LastId, other);
        Assert.Equal(404, stolen.Status);
        await using OpenStream theirs = await OpenStream.PostAsync(
            host, "write", """{"arguments": {"text": "theirs"}, "idempotencyKey": "k"}""", client: other);
        Assert.Equal("""{"status":"success","data":"theirs"}""", (await theirs.ReadToAsync("result"))[^1].Data);
    }

    [Fact]
    public async Task S9_S10_S24_the_connections_limits_are_set()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        KestrelServerLimits limits = host.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;
        Assert.Equal((8 << 10, 32 << 10), (limits.MaxRequestLineSize, limits.MaxRequestHeadersTotalSize));
        Assert.Equal(100, limits.MaxRequestHeaderCount);
        Assert.Equal(TimeSpan.FromSeconds(15), limits.RequestHeadersTimeout);
        Assert.Equal(TimeSpan.FromSeconds(60), limits.KeepAliveTimeout);
        Assert.Equal((240, 240), (limits.MinRequestBodyDataRate!.BytesPerSecond, limits.MinResponseDataRate!.BytesPerSecond));
        Assert.Equal(512, limits.MaxConcurrentConnections);
        HttpRequestMessage longHeader = new(HttpMethod.Get, "/tools");
        longHeader.Headers.Add("X-Long", new string('x', 33 << 10));
        Assert.Equal(431, (await host.SendAsync(longHeader)).Status);
    }

    [Fact]
    public async Task S9_a_body_is_bounded_by_its_real_length_and_is_not_decoded()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        string text = new('x', 1 << 20);
        HttpRequestMessage chunked = new(HttpMethod.Post, "/tools/echo") { Content = Json($$"""{"arguments": {"text": "{{text}}"} }""") };
        chunked.Headers.TransferEncodingChunked = true;
        Reply reply = await host.SendAsync(chunked);
        Assert.Equal((413, "too_large"), (reply.Status, reply.Problem()));
        HttpRequestMessage encoded = new(HttpMethod.Post, "/tools/echo/stream") { Content = Json("{}") };
        encoded.Content.Headers.ContentEncoding.Add("gzip");
        reply = await host.SendAsync(encoded);
        Assert.Equal((415, "unsupported_media_type"), (reply.Status, reply.Problem()));
    }

    [Fact]
    public async Task S11_a_key_that_sends_too_much_waits_and_others_do_not()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(
            options => (options.RateLimitPerSecond, options.RateLimitBurst) = (1, 5));
        Reply[] replies = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => host.GetAsync("/tools")));
        Reply refused = replies.First(reply => reply.Status == 429);
        Assert.Equal("rate_limited", refused.Problem());
        Assert.True(refused.Headers.RetryAfter!.Delta >= TimeSpan.FromSeconds(1));
        Assert.InRange(replies.Count(reply => reply.Status == 200), 5, 15);
        using HttpClient other = host.NewClient(GatewayHost.OtherKey);
        Assert.Equal(200, (await host.GetAsync("/tools", other)).Status);
        Assert.Equal(200, (await host.GetAsync("/health")).Status);
        await GatewayHost.UntilAsync(() => host.GetAsync("/tools").Result.Status == 200);
        Reply metrics = await host.GetAsync("/metrics", other);
        Assert.DoesNotContain("varve_gateway_rate_limited_total 0\n", metrics.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task S11_the_MCP_endpoint_and_messages_of_sockets_count_too()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(
            options => (options.RateLimitPerSecond, options.RateLimitBurst) = (1, 5));
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/echo");
        for (int message = 0; message < 30; message++) await client.SendAsync($$"""{"arguments": {"text": "a"}, "id": "n{{message}}"}""");
        Assert.Equal("rate_limited", (string?)(await client.FindAsync("error"))["code"]);
        Reply[] replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => host.PostAsync("/mcp", "{}")));
        Reply refused = replies.First(reply => reply.Status == 429);
        Assert.Equal(-32000, (int)refused.Json["error"]!["code"]!);
        Assert.NotNull(refused.Headers.RetryAfter);
    }

    [Fact]
    public async Task S11_a_client_that_reads_nothing_of_its_stream_is_cut_off()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(
            options => options.StreamAbandoned = TimeSpan.FromMilliseconds(100), mcp => mcp.Http.Heartbeat = TimeSpan.FromSeconds(1));
        using HttpRequestMessage request = new(HttpMethod.Post, "/tools/flood/stream")
        {
            Content = Json("""{"arguments": {"chunks": 400, "length": 100000, "wait": true}}"""),
        };
        using HttpResponseMessage response = await host.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        // Its call is cancelled once nobody listens any more.
        Assert.True(await host.Gate.Cancelled.WaitAsync(GatewayHost.Patience));
        using Stream body = await response.Content.ReadAsStreamAsync();
        await Assert.ThrowsAnyAsync<IOException>(() => body.CopyToAsync(Stream.Null));
    }

    [Theory]
    [InlineData(32, 400, "invalid_argument")]
    [InlineData(33, 400, "invalid_request")]
    public async Task S12_JSON_is_bounded_in_depth(int depth, int status, string code)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        // Two levels are the envelope's own.
        string text = new string('[', depth - 2) + new string(']', depth - 2);
        Reply reply = await host.CallAsync("echo", $$"""{"text": {{text}}, "other": 1}""");
        Assert.Equal((status, code), (reply.Status, reply.Problem()));
    }

    [Fact]
    public async Task S12_members_that_are_there_twice_or_unknown_are_refused_by_every_way_in()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/echo");
        foreach ((string body, string field) in new[]
        {
            ("""{"arguments": {"text": "a", "te\u0078t": "b"}}""", "arguments.text"),
            ("""{"arguments": {"text": "a"}, "more": 1}""", "more"),
        })
        {
            foreach (string path in new[] { "/tools/echo", "/tools/echo/stream" })
            {
                Reply reply = await host.PostAsync(path, body);
                Assert.Equal((400, field), (reply.Status, (string?)reply.Json["field"]));
            }
            await client.SendAsync(body);
            Assert.Equal(field, (string?)(await client.FindAsync("error"))["field"]);
        }
        Assert.Equal("more", (string?)(await host.CallAsync("echo", """{"text": "a", "more": 1}""")).Json["argument"]);
    }

    [Fact]
    public async Task S20_CORS_headers_go_to_named_origins_alone_and_OPTIONS_tells_nothing_else()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(null, mcp => mcp.Http.AllowedOrigins.Add("https://app.example"));
        using HttpClient nobody = host.NewClient(key: null);
        using HttpRequestMessage preflight = new(HttpMethod.Options, "/tools/echo");
        preflight.Headers.Add("Origin", "https://app.example");
        preflight.Headers.Add("Access-Control-Request-Headers", "x-api-key, content-type");
        using HttpResponseMessage response = await nobody.SendAsync(preflight);
        Assert.Equal((HttpStatusCode.NoContent, ""), (response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.Equal("https://app.example", response.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Equal("POST, OPTIONS", response.Headers.GetValues("Access-Control-Allow-Methods").Single());
        Assert.Equal("x-api-key, content-type", response.Headers.GetValues("Access-Control-Allow-Headers").Single());
        Assert.Equal("Origin", response.Headers.Vary.Single());
        Assert.False(response.Headers.Contains("Access-Control-Allow-Credentials"));
        using HttpRequestMessage call = new(HttpMethod.Get, "/tools");
        call.Headers.Add("Origin", "https://app.example");
        using HttpResponseMessage answer = await host.Http.SendAsync(call);
        Assert.Contains("Location", answer.Headers.GetValues("Access-Control-Expose-Headers").Single(), StringComparison.Ordinal);
        using HttpRequestMessage own = new(HttpMethod.Get, "/tools");
        own.Headers.Add("Origin", host.Url.GetLeftPart(UriPartial.Authority));
        using HttpResponseMessage same = await host.Http.SendAsync(own);
        Assert.Equal((HttpStatusCode.OK, false), (same.StatusCode, same.Headers.Contains("Access-Control-Allow-Origin")));
    }

    [Fact]
    public async Task S22_answers_and_logs_tell_no_keys_paths_or_stacks()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        StringBuilder answers = new();
        foreach (string path in new[] { "/tools/fail", "/tools/fail/stream", "/tools/%0d%0aX-Injected:1", "/no%0apath" })
            answers.Append((await host.PostAsync(path, """{"arguments": {}}""")).Text);
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/fail");
        await client.SendAsync("""{"arguments": {}, "id": "1"}""");
        answers.Append((await client.FindAsync("error", "1")).ToJsonString());
        foreach (string secret in new[] { "secret", "InvalidOperation", "   at ", ".cs" })
            Assert.DoesNotContain(secret, answers.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(GatewayHost.Key, host.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task S24_forwarded_headers_change_nothing()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        HttpRequestMessage request = new(HttpMethod.Get, "/tools");
        request.Headers.Host = "evil.example";
        request.Headers.Add("X-Forwarded-Host", $"localhost:{host.Url.Port}");
        request.Headers.Add("X-Forwarded-For", "127.0.0.1");
        Assert.Equal(403, (await host.SendAsync(request)).Status);
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}
