// A web service that keeps notes in a database, with health check, log and figures.
//
//   dotnet run --project samples/06-hosting              starts it on a free port, uses it once, stops it
//   dotnet run --project samples/06-hosting -- --serve   goes on: try  curl -X PUT -d 'buy milk' <address>/notes/1

using System.Diagnostics.Metrics;
using System.Net;
using System.Text;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Varve;
using Varve.Samples;

if (args.Contains("--serve"))
{
    await using WebApplication application = Service.Build("notes-data", args);
    await application.StartAsync();
    Console.WriteLine($"Listening on {application.Urls.First()}");
    await application.WaitForShutdownAsync();
    return 0;
}

return await Sample.RunAsync(async directory =>
{
    await using WebApplication application = Service.Build(directory, args);
    await application.StartAsync();
    var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
    using MeterListener listener = Service.Listen(figures);

    using (var client = new HttpClient { BaseAddress = new Uri(application.Urls.First()) })
    {
        (await client.PutAsync("/notes/1", new StringContent("buy milk"))).EnsureSuccessStatusCode();
        (await client.PutAsync("/notes/2", new StringContent("sell cow"))).EnsureSuccessStatusCode();
        Sample.Check("note 1", await client.GetStringAsync("/notes/1"), "buy milk");
        Sample.Check("note 3", (await client.GetAsync("/notes/3")).StatusCode, HttpStatusCode.NotFound);
        Sample.Check("notes", string.Join(", ", await client.GetFromJsonAsync<string[]>("/notes") ?? []), "1: buy milk, 2: sell cow");

        // Only where there is none: the condition and the put are one write.
        using var request = new HttpRequestMessage(HttpMethod.Put, "/notes/2") { Content = new StringContent("sell horse") };
        request.Headers.Add("If-None-Match", "*");
        Sample.Check("a second note 2", (await client.SendAsync(request)).StatusCode, HttpStatusCode.PreconditionFailed);
        Sample.Check("note 2", await client.GetStringAsync("/notes/2"), "sell cow");
        Sample.Check("health", await client.GetStringAsync("/health"), "Healthy");
    }

    listener.RecordObservableInstruments();
    Sample.Check("commits, as the meter tells", figures["varve.commits"], 2);
    Sample.Check("entries in memory", figures["varve.memtable.entries"] >= 2, true);
    HealthReport report = await application.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
    Sample.Check("checks", string.Join(", ", report.Entries.Values.Select(entry => entry.Status)), "Healthy");
    await application.StopAsync();
});

internal static class Service
{
    public static WebApplication Build(string directory, string[] args)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddVarve(directory);
        builder.Services.AddHealthChecks().AddVarve();

        WebApplication application = builder.Build();
        application.MapHealthChecks("/health");
        application.MapPut("/notes/{id}", PutAsync);
        application.MapGet("/notes/{id}", GetAsync);
        application.MapGet("/notes", ListAsync);
        return application;
    }

    /// <summary>What a monitoring system would collect: everything the meter "Varve" offers.</summary>
    public static MeterListener Listen(SortedDictionary<string, double> figures)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == VarveDiagnostics.MeterName) listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => figures[instrument.Name] = value);
        listener.Start();
        return listener;
    }

    private static async Task<IResult> PutAsync(string id, HttpRequest request, Database database, CancellationToken cancellation)
    {
        using var body = new StreamReader(request.Body);
        string text = await body.ReadToEndAsync(cancellation);
        SortedMap notes = database.GetMap("notes");
        using WriteBatch batch = database.CreateBatch();
        batch.Put(notes, id, text);
        if (request.Headers.IfNoneMatch == "*") batch.RequireAbsent(notes, Encoding.UTF8.GetBytes(id));

        // On the device when it returns; no thread waits for that.
        WriteOutcome outcome = await database.TryWriteAsync(batch, cancellation: cancellation);
        return outcome.IsCommitted ? Results.NoContent() : Results.StatusCode(StatusCodes.Status412PreconditionFailed);
    }

    private static async Task<IResult> GetAsync(string id, Database database, CancellationToken cancellation)
    {
        // At once where the note is in memory; else a thread of the engine reads, and none of ours waits.
        byte[]? text = await database.GetMap("notes").GetAsync(Encoding.UTF8.GetBytes(id), cancellation: cancellation);
        return text is null ? Results.NotFound() : Results.Text(Encoding.UTF8.GetString(text));
    }

    /// <summary>All notes, a page in memory at a time: while one is sent, the next is read.</summary>
    private static async IAsyncEnumerable<string> ListAsync(Database database)
    {
        await foreach (EntryPage page in database.GetMap("notes").ScanAsync())
        {
            foreach (PageEntry note in page)
                yield return $"{Encoding.UTF8.GetString(note.Key.Span)}: {Encoding.UTF8.GetString(note.Value.Span)}";
        }
    }
}
