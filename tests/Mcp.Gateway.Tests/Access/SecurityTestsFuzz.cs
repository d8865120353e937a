using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using ModelContextProtocol;
using Varve.Mcp.Gateway.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Access;

/// <summary>S25: whatever is sent, the answer is one of those that are meant, and comes in time.</summary>
public sealed class SecurityTestsFuzz
{
    private const int Rounds = 400;

    private static readonly string[] s_seeds =
    [
        """{"arguments": {"text": "hello"}}""",
        """{"arguments": {"text": "hell\u00f6 \ud83d\ude00"}, "idempotencyKey": "k", "id": "1"}""",
        """{"arguments": {"text": [1, 2.5e300, null, true, {"a": {"b": []}}]}, "requestState": "s", "inputResponses": {}}""",
        """{"cancel": true, "id": "1"}""",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task S25_spoiled_bodies_are_refused_and_never_break_anything(int seed)
    {
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.RateLimitBurst = 1_000_000);
        Random random = new(seed);
        for (int round = 0; round < Rounds; round++)
        {
            byte[] body = Spoil(random);
            string path = random.Next(2) == 0 ? "/tools/echo" : "/tools/echo/stream";
            HttpRequestMessage request = new(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new("application/json");
            Reply reply = await host.SendAsync(request);
            string sent = Convert.ToHexString(body);
            Assert.True(reply.Status is 200 or 400 or 422, $"seed {seed}, round {round}: {reply.Status} to {sent}: {reply.Text}");
        }
        AssertNothingBroke(host, seed);
    }

    [Fact]
    public async Task S25_spoiled_messages_of_sockets_are_errors_and_the_socket_stays()
    {
        const int Seed = 3;
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.RateLimitBurst = 1_000_000);
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/echo");
        Random random = new(Seed);
        for (int round = 0; round < Rounds; round++)
        {
            // A frame that is no UTF-8 ends a socket, by the protocol's own rule.
            string text = Encoding.UTF8.GetString(Spoil(random));
            await client.SendAsync(text);
            await client.SendAsync($$"""{"arguments": {"text": "{{round}}"}, "id": "probe-{{round}}"}""");
            JsonNode probe = await client.FindAsync("complete", $"probe-{round}");
            Assert.Equal($"{round}", (string?)probe["result"]!["data"]);
        }
        AssertNothingBroke(host, Seed);
    }

    [Theory]
    [InlineData(4)]
    public async Task S25_spoiled_paths_and_headers_are_answered(int seed)
    {
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.RateLimitBurst = 1_000_000);
        Random random = new(seed);
        string[] paths = ["/tools/", "/calls/", "/ws/tools/", "/calls?limit=", "/tools/echo/stream?", "/"];
        string[] headers =
            ["Last-Event-ID", "Idempotency-Key", "Prefer", "Accept", "Content-Type", "Upgrade", "Sec-WebSocket-Key", "Origin", "Range"];
        for (int round = 0; round < Rounds; round++)
        {
            string noise = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => $"%{random.Next(256):x2}"));
            HttpMethod method = random.Next(3) == 0 ? HttpMethod.Post : HttpMethod.Get;
            HttpRequestMessage request = new(method, paths[random.Next(paths.Length)] + noise);
            string value = string.Concat(Enumerable.Range(0, random.Next(20)).Select(_ => (char)random.Next(33, 127)));
            request.Headers.TryAddWithoutValidation(headers[random.Next(headers.Length)], value);
            Reply reply = await host.SendAsync(request);
            Assert.True(reply.Status < 500, $"seed {seed}, round {round}: {reply.Status} to {request.RequestUri}: {reply.Text}");
        }
        AssertNothingBroke(host, seed);
    }

    private static void AssertNothingBroke(GatewayHost host, int seed)
    {
        foreach ((LogLevel level, string text, Exception? exception) in host.Log.All)
        {
            // The SDK itself logs refusals as errors.
            bool isRefusal = exception is McpProtocolException { ErrorCode: McpErrorCode.InvalidParams };
            Assert.False(level >= LogLevel.Error && !isRefusal, $"seed {seed}: {text} {exception}");
        }
    }

    private static byte[] Spoil(Random random)
    {
        List<byte> bytes = [.. Encoding.UTF8.GetBytes(s_seeds[random.Next(s_seeds.Length)])];
        for (int change = random.Next(1, 6); change > 0; change--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.Insert(at, (byte)"{}[]\",:\\0e-"[random.Next(11)]); break;
                case 2: bytes.RemoveAt(at); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(8), bytes.Count - at))); break;
                default: bytes.RemoveRange(at, Math.Min(random.Next(4), bytes.Count - at)); break;
            }
            if (bytes.Count == 0) bytes.Add((byte)'{');
        }
        return [.. bytes];
    }
}
