using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Varve.Mcp.Http;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Http;

/// <summary>Who comes in. The names say which rule of the list in docs/mcp.md each test holds.</summary>
public sealed class GuardTests
{
    private const string Key = "a-key-of-more-than-thirty-two-characters";

    [Theory]
    [InlineData("http://evil.example", 403)]
    [InlineData("null", 403)]
    [InlineData("http://localhost:1", 403)]
    [InlineData("http://127.0.0.1.evil.example", 403)]
    [InlineData("own", 200)]
    [InlineData("https://app.example", 200)]
    [InlineData(null, 200)]
    public async Task S1_pages_of_another_origin_are_refused_on_every_method(string? origin, int expected)
    {
        await using McpHost host = await McpHost.StartAsync(options => options.Http.AllowedOrigins.Add("https://app.example"));
        if (origin == "own") origin = host.Url.GetLeftPart(UriPartial.Authority);
        Assert.Equal(expected, await host.StatusAsync(With(host.ModernRequest("server/discover"), "Origin", origin)));
        if (expected != 403) return;
        foreach (string method in new[] { "GET", "DELETE", "OPTIONS", "PUT" })
            Assert.Equal(403, await host.StatusAsync(With(new HttpRequestMessage(new HttpMethod(method), host.Url), "Origin", origin)));
    }

    [Theory]
    [InlineData("evil.example", 403)]
    [InlineData("evil.example:{port}", 403)]
    [InlineData("localhost:1", 403)]
    [InlineData("localhost:{port}", 200)]
    [InlineData("[::1]:{port}", 200)]
    [InlineData("mcp.example", 200)]
    [InlineData("mcp.example:8443", 200)]
    public async Task S2_a_host_that_is_neither_loopback_nor_named_is_refused(string name, int expected)
    {
        await using McpHost host = await McpHost.StartAsync(options => options.Http.AllowedHosts.Add("mcp.example"));
        HttpRequestMessage request = host.ModernRequest("server/discover");
        request.Headers.Host = name.Replace("{port}", $"{host.Url.Port}", StringComparison.Ordinal);
        Assert.Equal(expected, await host.StatusAsync(request));
    }

    [Fact]
    public async Task S3_an_address_that_others_reach_is_not_bound_without_switch_and_key()
    {
        const string Everywhere = "http://0.0.0.0:0";
        await Assert.ThrowsAsync<InvalidOperationException>(() => McpHost.StartAsync(address: Everywhere));
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => McpHost.StartAsync(options => options.Http.AllowRemote = true, address: Everywhere));
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => McpHost.StartAsync(options => options.Http.ApiKeys.Add("me", Key), address: Everywhere));
        await using McpHost host = await McpHost.StartAsync(
            options =>
            {
                (options.Http.AllowRemote, options.Http.BehindProxy) = (true, true);
                options.Http.ApiKeys.Add("me", Key);
            },
            address: Everywhere);
    }

    [Theory]
    [InlineData("127.0.0.1", false, false, false, true)]
    [InlineData("::1", false, false, false, true)]
    [InlineData("192.0.2.1", false, false, false, false)]
    [InlineData("192.0.2.1", true, false, false, false)]
    [InlineData("192.0.2.1", true, true, false, true)]
    [InlineData("192.0.2.1", true, false, true, true)]
    public void S21_a_key_does_not_travel_in_the_clear(string address, bool allowRemote, bool isTls, bool behindProxy, bool mayServe)
    {
        McpHttpOptions options = new() { AllowRemote = allowRemote, BehindProxy = behindProxy };
        options.ApiKeys.Add("me", Key);
        Assert.Equal(mayServe, RequestGuard.MayServe(options, IPAddress.Parse(address), isTls));
        options.ApiKeys.Clear();
        Assert.Equal(IPAddress.IsLoopback(IPAddress.Parse(address)), RequestGuard.MayServe(options, IPAddress.Parse(address), isTls));
    }

    [Fact]
    public void S22_the_server_does_not_say_what_it_is_made_of()
    {
        using ServiceProvider services = new ServiceCollection().AddVarveMcp().Services.BuildServiceProvider();
        KestrelServerOptions kestrel = services.GetRequiredService<IOptions<KestrelServerOptions>>().Value;
        Assert.False(kestrel.AddServerHeader);
    }

    [Theory]
    [InlineData(Key, "me")]
    [InlineData("another", "you")]
    [InlineData("", null)]
    [InlineData(Key + "x", null)]
    [InlineData("a", null)]
    public void S5_keys_are_compared_by_their_digests(string presented, string? caller)
    {
        ApiKeys keys = new(new Dictionary<string, string> { ["me"] = Key, ["you"] = "another" });
        HttpRequest bearer = new DefaultHttpContext().Request;
        bearer.Headers.Authorization = $"Bearer {presented}";
        HttpRequest plain = new DefaultHttpContext().Request;
        plain.Headers["X-API-Key"] = presented;
        foreach (HttpRequest request in new[] { bearer, plain })
            Assert.Equal(caller, keys.Find(request)?.Claims.Single().Value);
    }

    [Fact]
    public async Task S6_without_a_key_nothing_is_read_and_nothing_is_told()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.Http.ApiKeys.Add("me", Key));
        using HttpRequestMessage request = host.Request("this is not even JSON");
        using HttpResponseMessage response = await host.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString());
        Assert.DoesNotContain("key", await response.Content.ReadAsStringAsync(), StringComparison.OrdinalIgnoreCase);
        foreach (string method in new[] { "GET", "DELETE", "PUT" })
            Assert.Equal(401, await host.StatusAsync(new HttpRequestMessage(new HttpMethod(method), host.Url)));
        HttpRequestMessage call = With(host.ModernCall("who"), "Authorization", $"Bearer {Key}");
        Assert.Equal("me", (await host.SendAsync(call)).Message.Text());
    }

    [Fact]
    public void S6_an_address_that_fails_too_often_has_to_wait()
    {
        ManualTime time = new();
        FailedKeys failed = new(time);
        for (int failure = 0; failure < 10; failure++) Assert.True(failed.TryCount(IPAddress.Loopback));
        Assert.False(failed.TryCount(IPAddress.Loopback));
        Assert.True(failed.TryCount(IPAddress.Parse("192.0.2.1")));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(failed.TryCount(IPAddress.Loopback));
    }

    [Fact]
    public void S6_the_table_of_addresses_is_bounded()
    {
        FailedKeys failed = new(new ManualTime());
        for (int address = 0; address < 1_024; address++) Assert.True(failed.TryCount(new IPAddress(address)));
        // All later ones share one count.
        Assert.Equal(10, Enumerable.Range(0, 20).Count(more => failed.TryCount(new IPAddress(1_000_000 + more))));
    }

    [Fact]
    public async Task S6_a_right_key_comes_in_however_often_others_failed()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.Http.ApiKeys.Add("me", Key));
        List<int> statuses = [];
        for (int failure = 0; failure < 11; failure++) statuses.Add(await host.StatusAsync(host.ModernRequest("server/discover")));
        Assert.Equal([.. Enumerable.Repeat(401, 10), 429], statuses);
        Assert.Equal(200, await host.StatusAsync(With(host.ModernRequest("server/discover"), "X-API-Key", Key)));
    }

    [Fact]
    public async Task S20_CORS_headers_go_to_named_origins_alone()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.Http.AllowedOrigins.Add("https://app.example"));
        using HttpRequestMessage preflight = With(new HttpRequestMessage(HttpMethod.Options, host.Url), "Origin", "https://app.example");
        preflight.Headers.Add("Access-Control-Request-Headers", "mcp-method, content-type");
        using HttpResponseMessage response = await host.Http.SendAsync(preflight);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("https://app.example", response.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Equal("Origin", response.Headers.Vary.Single());
        Assert.Equal("mcp-method, content-type", response.Headers.GetValues("Access-Control-Allow-Headers").Single());
        Assert.False(response.Headers.Contains("Access-Control-Allow-Credentials"));
        string own = host.Url.GetLeftPart(UriPartial.Authority);
        using HttpRequestMessage other = With(host.ModernRequest("server/discover"), "Origin", own);
        using HttpResponseMessage answer = await host.Http.SendAsync(other);
        Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
        Assert.Throws<OptionsValidationException>(() => Check(options => options.Http.AllowedOrigins.Add("*")));
    }

    [Fact]
    public async Task S20_OPTIONS_needs_no_key_and_tells_nothing()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.Http.ApiKeys.Add("me", Key));
        using HttpRequestMessage request = new(HttpMethod.Options, host.Url);
        using HttpResponseMessage response = await host.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task S24_forwarded_headers_change_nothing()
    {
        await using McpHost host = await McpHost.StartAsync();
        HttpRequestMessage request = host.ModernRequest("server/discover");
        request.Headers.Host = "evil.example";
        request.Headers.Add("X-Forwarded-Host", $"localhost:{host.Url.Port}");
        request.Headers.Add("X-Forwarded-For", "127.0.0.1");
        Assert.Equal(403, await host.StatusAsync(request));
    }

    [Fact]
    public void Options_that_cannot_work_are_refused()
    {
        Assert.Throws<OptionsValidationException>(() => Check(options => options.MessageBytesMax = 0));
        Assert.Throws<OptionsValidationException>(() => Check(options => options.CallsMax = 0));
        Assert.Throws<OptionsValidationException>(() => Check(options => options.CallTimeout = TimeSpan.Zero));
        Assert.Throws<OptionsValidationException>(() => Check(options => options.Http.Heartbeat = TimeSpan.Zero));
        Assert.Throws<OptionsValidationException>(() => Check(options => options.Http.ApiKeys.Add("me", "")));
        Check(_ => { });
    }

    private static void Check(Action<VarveMcpOptions> configure)
    {
        using ServiceProvider services = new ServiceCollection().AddVarveMcp(configure).Services.BuildServiceProvider();
        _ = services.GetRequiredService<IOptions<VarveMcpOptions>>().Value;
    }

    private static HttpRequestMessage With(HttpRequestMessage request, string header, string? value)
    {
        if (value is not null) request.Headers.TryAddWithoutValidation(header, value);
        return request;
    }
}
