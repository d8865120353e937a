using System.Net.ServerSentEvents;
using System.Text;

namespace Varve.Mcp.Gateway.Tests.Fakes;

/// <summary>An open stream of events, as the framework's own parser reads it.</summary>
internal sealed class OpenStream : IAsyncDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly SseParser<string> _parser;
    private readonly IAsyncEnumerator<SseItem<string>> _events;

    private OpenStream(HttpResponseMessage response, Stream body)
    {
        _response = response;
        _parser = SseParser.Create(body);
        _events = _parser.EnumerateAsync().GetAsyncEnumerator();
    }

    public int Status => (int)_response.StatusCode;

    /// <summary>As the next request would send it.</summary>
    public string LastId => _parser.LastEventId;

    public static async Task<OpenStream> PostAsync(
        GatewayHost host, string tool, string body, string? lastId = null, HttpClient? client = null)
    {
        HttpRequestMessage request = new(HttpMethod.Post, $"/tools/{tool}/stream")
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        return await OpenAsync(host, request, lastId, client);
    }

    public static Task<OpenStream> GetAsync(GatewayHost host, string path, string? lastId = null, HttpClient? client = null) =>
        OpenAsync(host, new HttpRequestMessage(HttpMethod.Get, path), lastId, client);

    /// <summary>The next event; null at the end.</summary>
    public async Task<(string Type, string Data)?> NextAsync()
    {
        if (!await _events.MoveNextAsync().AsTask().WaitAsync(GatewayHost.Patience)) return null;
        return (_events.Current.EventType, _events.Current.Data);
    }

    /// <summary>The next event of a type, and those before it.</summary>
    public async Task<List<(string Type, string Data)>> ReadToAsync(string type)
    {
        List<(string Type, string Data)> events = [];
        while (await NextAsync() is { } one)
        {
            events.Add(one);
            if (one.Type == type) return events;
        }
        Assert.Fail($"The stream ended without {type}: {string.Join(' ', events)}");
        return events;
    }

    public async Task<List<(string Type, string Data)>> ReadAllAsync()
    {
        List<(string Type, string Data)> events = [];
        while (await NextAsync() is { } one) events.Add(one);
        return events;
    }

    public ValueTask DisposeAsync()
    {
        _response.Dispose();
        return default;
    }

    private static async Task<OpenStream> OpenAsync(GatewayHost host, HttpRequestMessage request, string? lastId, HttpClient? client)
    {
        if (lastId is not null) request.Headers.Add("Last-Event-ID", lastId);
        using (request)
        {
            HttpResponseMessage response = await (client ?? host.Http).SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            return new OpenStream(response, await response.Content.ReadAsStreamAsync());
        }
    }
}
