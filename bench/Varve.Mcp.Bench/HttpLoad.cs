using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using Varve.Workloads.Measuring;

namespace Varve.Mcp.Bench;

/// <summary>Calls over HTTP, by as many connections as wished, each as fast as it is answered.</summary>
internal sealed class HttpLoad(Uri url, bool isModern) : IDisposable
{
    private const string Modern = "2026-07-28";
    private const string Legacy = "2025-11-25";
    private const string ModernMeta = """
        ,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}
        """;

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false });
    private readonly List<Caller> _callers = [];

    public void Dispose() => _http.Dispose();

    /// <summary>Opens the connections, each with a session of its own where the era has sessions.</summary>
    public async Task ConnectAsync(int connections, CancellationToken cancellation)
    {
        while (_callers.Count < connections) _callers.Add(new Caller(isModern ? null : await BeginSessionAsync(cancellation)));
    }

    /// <returns>The times of the calls, and how long all of them took.</returns>
    public async Task<(LatencyHistogram Times, TimeSpan Duration)> MeasureAsync(TimeSpan duration, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        LatencyHistogram[] times = await Task.WhenAll(_callers.Select(caller => CallAsync(caller, start, duration, cancellation)));
        TimeSpan taken = Stopwatch.GetElapsedTime(start);
        var all = new LatencyHistogram();
        foreach (LatencyHistogram part in times) all.Add(part);
        return (all, taken);
    }

    private async Task<LatencyHistogram> CallAsync(Caller caller, long start, TimeSpan duration, CancellationToken cancellation)
    {
        var times = new LatencyHistogram();
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            int number = ++caller.Calls;
            string body = $$$"""
                {"jsonrpc":"2.0","id":{{{number}}},"method":"tools/call",
                "params":{"name":"{{{BenchTools.NoteName}}}","arguments":{"text":"{{{number}}}"}{{{(isModern ? ModernMeta : "")}}}}}
                """;
            long begun = Stopwatch.GetTimestamp();
            using HttpRequestMessage request = Request(body, caller.Session);
            request.Headers.Add("MCP-Protocol-Version", isModern ? Modern : Legacy);
            if (isModern)
            {
                request.Headers.Add("Mcp-Method", "tools/call");
                request.Headers.Add("Mcp-Name", BenchTools.NoteName);
            }
            string answer = await SendAsync(request, cancellation);
            times.Record(Stopwatch.GetTimestamp() - begun);
            if (!answer.Contains($"noted {number}", StringComparison.Ordinal))
                throw new InvalidDataException($"A call was answered by: {answer}");
        }
        return times;
    }

    private async Task<string> BeginSessionAsync(CancellationToken cancellation)
    {
        const string Body = """
            {"jsonrpc":"2.0","id":1,"method":"initialize",
            "params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}
            """;
        using HttpRequestMessage request = Request(Body, session: null);
        using HttpResponseMessage response = await _http.SendAsync(request, cancellation);
        response.EnsureSuccessStatusCode();
        string session = response.Headers.GetValues("Mcp-Session-Id").Single();
        await response.Content.ReadAsStringAsync(cancellation);
        using HttpRequestMessage initialized = Request("""{"jsonrpc":"2.0","method":"notifications/initialized"}""", session);
        initialized.Headers.Add("MCP-Protocol-Version", Legacy);
        await SendAsync(initialized, cancellation);
        return session;
    }

    private HttpRequestMessage Request(string body, string? session)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (session is not null) request.Headers.Add("Mcp-Session-Id", session);
        return request;
    }

    private async Task<string> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await _http.SendAsync(request, cancellation);
        string answer = await response.Content.ReadAsStringAsync(cancellation);
        if (!response.IsSuccessStatusCode) throw new InvalidDataException($"{(int)response.StatusCode}: {answer}");
        return answer;
    }

    /// <summary>One connection.</summary>
    private sealed class Caller(string? session)
    {
        public string? Session => session;

        /// <summary>The number of its last call.</summary>
        public int Calls { get; set; }
    }
}
