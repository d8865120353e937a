using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Varve.Mcp.Gateway.Dashboard;

namespace Varve.Mcp.Gateway.Tests.Dashboard;

/// <summary>A request that the fake got.</summary>
internal sealed record FakeRequest(string Method, string Path, string Body, string Key);

/// <summary>
/// The gateway's HTTP API with answers that a test writes, and the real dashboard in front of it: what is rare, wrong or hostile in a
/// gateway is here whenever a test wants it.
/// </summary>
internal sealed class FakeGateway : IAsyncDisposable
{
    public const string Key = "test-key-0123456789-0123456789-01";

    private static readonly string[] OpenFolders = ["/dashboard", "/health"];
    private static readonly TimeSpan StatsInterval = TimeSpan.FromMilliseconds(200);

    private readonly ConcurrentDictionary<FakeStream, bool> _listeners = new();
    private readonly CancellationTokenSource _disposed = new();
    private WebApplication? _application;
    private int _port;

    private FakeGateway()
    {
    }

    public Uri Address => new($"http://127.0.0.1:{_port}/");

    public JsonObject Stats { get; set; } = FakeData.Stats();

    public JsonObject Health { get; set; } = FakeData.Health();

    public JsonObject Readiness { get; set; } = new() { ["status"] = "ok", ["reasons"] = new JsonArray() };

    public List<JsonObject> Tools { get; } = FakeData.Tools();

    public List<JsonObject> Active { get; } = [];

    /// <summary>Journaled calls, the newest first, with arguments and results.</summary>
    public List<JsonObject> Calls { get; } = FakeData.Calls();

    /// <summary>What a tool's stream says; the default gives back its arguments.</summary>
    public ConcurrentDictionary<string, Func<FakeStream, JsonObject, Task>> Streams { get; } = new();

    /// <summary>What is answered in place of an answer: by method and path.</summary>
    public ConcurrentDictionary<string, (int Status, JsonObject Problem, int? RetryAfter)> Refusals { get; } = new();

    public ConcurrentQueue<FakeRequest> Requests { get; } = new();

    public static async Task<FakeGateway> StartAsync()
    {
        FakeGateway gateway = new();
        await gateway.ListenAsync();
        _ = gateway.SendStatsAsync();
        return gateway;
    }

    /// <summary>Listens, after <see cref="HangUpAsync"/> at the same address.</summary>
    public async Task ListenAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{_port}");
        WebApplication application = builder.Build();
        application.Use(AdmitAsync);
        Map(application);
        await application.StartAsync();
        _port = new Uri(application.Urls.First()).Port;
        _application = application;
    }

    /// <summary>The process is gone: connections end, and nothing listens.</summary>
    public async Task HangUpAsync()
    {
        foreach (FakeStream listener in _listeners.Keys) listener.Abort();
        await _application!.DisposeAsync();
    }

    /// <summary>Waits for a request.</summary>
    public async Task WaitForAsync(Predicate<FakeRequest> isWanted)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(30));
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(20));
        while (!Requests.Any(request => isWanted(request))) await timer.WaitForNextTickAsync(patience.Token);
    }

    /// <summary>Tells all that listen to /events of a call.</summary>
    public Task TellAsync(string call) => TellAsync(FakeData.Parse(call));

    public Task TellAsync(JsonObject call) => SendEventAsync("call", call);

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        await HangUpAsync();
    }

    private async Task SendStatsAsync()
    {
        using PeriodicTimer timer = new(StatsInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(_disposed.Token)) await SendEventAsync("stats", Stats);
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task SendEventAsync(string type, JsonObject data)
    {
        foreach (FakeStream listener in _listeners.Keys)
        {
            try
            {
                await listener.SendAsync(type, data);
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException)
            {
                _listeners.TryRemove(listener, out _);
            }
        }
    }

    private async Task AdmitAsync(HttpContext context, RequestDelegate next)
    {
        string path = context.Request.Path;
        using StreamReader reader = new(context.Request.Body);
        string body = await reader.ReadToEndAsync();
        context.Items["body"] = body;
        string key = context.Request.Headers["X-API-Key"].ToString();
        Requests.Enqueue(new FakeRequest(context.Request.Method, path, body, key));
        bool isOpen = path == "/" || OpenFolders.Any(folder => path.StartsWith(folder, StringComparison.Ordinal));
        if (!isOpen && key != Key)
            await WriteProblemAsync(context, 401, new JsonObject { ["title"] = "Unauthorized" });
        else if (Refusals.TryGetValue($"{context.Request.Method} {path}", out (int Status, JsonObject Problem, int? RetryAfter) refusal))
        {
            if (refusal.RetryAfter is { } seconds) context.Response.Headers.RetryAfter = seconds.ToString();
            await WriteProblemAsync(context, refusal.Status, refusal.Problem);
        }
        else await next(context);
    }

    private void Map(WebApplication application)
    {
        DashboardFiles.Map(application);
        application.MapGet("/", (HttpContext context) => DashboardFiles.PrefersPage(context.Request)
            ? DashboardFiles.WritePageAsync(context)
            : context.Response.WriteAsJsonAsync(new JsonObject { ["name"] = "fake" }));
        application.MapGet("/stats", () => Stats);
        application.MapGet("/health", () => Health);
        application.MapGet("/health/ready", () => Readiness);
        application.MapGet("/tools", () => new JsonObject { ["tools"] = Copy(Tools) });
        application.MapGet("/calls", () => new JsonObject { ["calls"] = Copy(Calls) });
        application.MapGet("/calls/active", () => new JsonObject { ["calls"] = Copy(Active) });
        application.MapGet("/calls/{id}", (string id) => Find(id) is { } call ? Results.Ok(call) : Results.NotFound());
        application.MapDelete("/calls/{id}", Abort);
        application.MapPost("/calls/{id}/replay", Replay);
        application.MapGet("/events", ListenToEventsAsync);
        application.MapMethods("/tools/{name}/stream", ["GET", "POST"], RunAsync);
    }

    private JsonObject? Find(string id)
    {
        lock (Calls) return Calls.Find(call => (string?)call["id"] == id);
    }

    private IResult Abort(string id)
    {
        if (Find(id) is not { } call) return Results.NotFound();
        if (call["finished_at"] is not null) return Results.Conflict();
        call["state"] = "aborted";
        call["finished_at"] = FakeData.Now();
        return Results.NoContent();
    }

    private IResult Replay(string id)
    {
        if (Find(id) is not { } call) return Results.NotFound();
        JsonObject again = (JsonObject)call.DeepClone();
        again["id"] = id + "-again";
        again["created_at"] = FakeData.Now();
        again["finished_at"] = FakeData.Now();
        lock (Calls) Calls.Insert(0, again);
        return Results.Accepted(null, new JsonObject { ["id"] = id + "-again" });
    }

    private async Task ListenToEventsAsync(HttpContext context)
    {
        FakeStream stream = await FakeStream.OpenAsync(context, "events");
        _listeners[stream] = true;
        await stream.Aborted;
        _listeners.TryRemove(stream, out _);
    }

    private async Task RunAsync(HttpContext context, string name)
    {
        JsonObject envelope = JsonNode.Parse(context.Items["body"] is string { Length: > 0 } body ? body : "{}")!.AsObject();
        FakeStream stream = await FakeStream.OpenAsync(context, "call7");
        // Routing leaves a slash in a name as it was written.
        Func<FakeStream, JsonObject, Task> say = Streams.GetValueOrDefault(Uri.UnescapeDataString(name), GiveBackAsync);
        await say(stream, envelope);
    }

    private static async Task GiveBackAsync(FakeStream stream, JsonObject envelope)
    {
        await stream.SendAsync("result", new JsonObject { ["status"] = "success", ["data"] = envelope["arguments"]?.DeepClone() });
        await stream.SendAsync("done", new JsonObject { ["status"] = "complete" });
    }

    private static JsonArray Copy(List<JsonObject> items)
    {
        lock (items) return [.. items.Select(item => item.DeepClone())];
    }

    private static Task WriteProblemAsync(HttpContext context, int status, JsonObject problem)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(problem, options: null, "application/problem+json");
    }
}

/// <summary>A stream of events to the page.</summary>
internal sealed class FakeStream
{
    private readonly HttpContext _context;
    private readonly string _call;
    private readonly SemaphoreSlim _writing = new(1);
    private int _number;

    private FakeStream(HttpContext context, string call)
    {
        _context = context;
        _call = call;
        TaskCompletionSource aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        context.RequestAborted.Register(() => aborted.TrySetResult());
        Aborted = aborted.Task;
    }

    /// <summary>Ends when the page, or <see cref="Abort"/>, hung up.</summary>
    public Task Aborted { get; }

    /// <summary>The id of the last event that the page has, where it takes up a stream.</summary>
    public string? LastEventId => _context.Request.Headers["Last-Event-ID"];

    public static async Task<FakeStream> OpenAsync(HttpContext context, string call)
    {
        context.Response.ContentType = "text/event-stream";
        FakeStream stream = new(context, call);
        await context.Response.Body.FlushAsync();
        return stream;
    }

    public async Task SendAsync(string type, JsonObject data)
    {
        await _writing.WaitAsync();
        try
        {
            string text = $"id: {_call}-{++_number}\nevent: {type}\ndata: {data.ToJsonString()}\n\n";
            await _context.Response.WriteAsync(text, _context.RequestAborted);
            await _context.Response.Body.FlushAsync(_context.RequestAborted);
        }
        finally
        {
            _writing.Release();
        }
    }

    public void Abort() => _context.Abort();
}
