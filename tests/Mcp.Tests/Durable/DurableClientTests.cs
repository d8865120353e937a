using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Durable;

public sealed class DurableClientTests
{
    private static readonly Dictionary<string, object?> s_amount = new() { ["amount"] = 7 };

    [Theory]
    [InlineData(RawRequests.Modern)]
    [InlineData(RawRequests.Legacy)]
    public async Task Answers_that_are_lost_are_asked_for_again_and_the_effect_is_one(string revision)
    {
        await using DurableHost host = await DurableHost.StartAsync();
        using var loss = new LosingHandler();
        using var http = new HttpClient(loss);
        var transport = new HttpClientTransport(
            new HttpClientTransportOptions { Endpoint = host.Http.Url, TransportMode = HttpTransportMode.StreamableHttp }, http);
        await using McpClient client = await McpClient.CreateAsync(transport, new McpClientOptions { ProtocolVersion = revision });
        loss.AnswersToLose = 2;
        CallToolResult result = await client.CallDurablyAsync(
            "pay", s_amount, new DurableCallOptions { FirstDelay = TimeSpan.FromMilliseconds(1) });
        Assert.Equal("paid 7 in run 1", result.Content.OfType<TextContentBlock>().Single().Text);
        Assert.Equal((0, 1), (loss.AnswersToLose, host.Effects["charge"]));
    }

    [Fact]
    public async Task Patience_ends()
    {
        await using DurableHost host = await DurableHost.StartAsync();
        using var loss = new LosingHandler();
        using var http = new HttpClient(loss);
        var transport = new HttpClientTransport(
            new HttpClientTransportOptions { Endpoint = host.Http.Url, TransportMode = HttpTransportMode.StreamableHttp }, http);
        var modern = new McpClientOptions { ProtocolVersion = RawRequests.Modern };
        await using McpClient client = await McpClient.CreateAsync(transport, modern);
        loss.AnswersToLose = int.MaxValue;
        var options = new DurableCallOptions { FirstDelay = TimeSpan.FromMilliseconds(1), Patience = TimeSpan.FromMilliseconds(20) };
        await Assert.ThrowsAsync<TimeoutException>(() => client.CallDurablyAsync("pay", s_amount, options));
        Assert.Equal(1, host.Effects["charge"]);
    }

    /// <summary>The server answers, and nobody hears it.</summary>
    private sealed class LosingHandler() : DelegatingHandler(new SocketsHttpHandler { UseProxy = false })
    {
        public int AnswersToLose { get; set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            string body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
            if (!body.Contains("tools/call", StringComparison.Ordinal) || AnswersToLose == 0) return response;
            if (AnswersToLose != int.MaxValue) AnswersToLose--;
            await response.Content.ReadAsStringAsync(cancellationToken);
            response.Dispose();
            throw new HttpRequestException("The connection was lost.");
        }
    }
}
