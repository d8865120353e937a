// A web service that keeps notes in a database, with health check, log and figures.
//
//   dotnet run --project samples/06-hosting              starts it on a free port, uses it once, stops it
//   dotnet run --project samples/06-hosting -- --serve   goes on: try  curl -X PUT -d 'buy milk' <address>/notes/1

using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Varve;

bool serves = args.Contains("--serve");
string directory = serves ? "notes-data" : Directory.CreateTempSubdirectory("varve-notes-").FullName;
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
builder.WebHost.UseUrls("http://127.0.0.1:0");
builder.Services.AddVarve(directory);
builder.Services.AddHealthChecks().AddVarve();

WebApplication application = builder.Build();
application.MapHealthChecks("/health");
application.MapPut("/notes/{id}", async (string id, HttpRequest request, Database database) =>
{
    using var body = new StreamReader(request.Body);
    string text = await body.ReadToEndAsync();
    using WriteBatch batch = database.CreateBatch();
    batch.Put(database.GetMap("notes"), Encoding.UTF8.GetBytes(id), Encoding.UTF8.GetBytes(text));
    await database.WriteAsync(batch);       // on the device when it returns
    return Results.NoContent();
});
application.MapGet("/notes/{id}", (string id, Database database) =>
{
    byte[]? text = database.GetMap("notes").Get(Encoding.UTF8.GetBytes(id));
    return text is null ? Results.NotFound() : Results.Text(Encoding.UTF8.GetString(text));
});
application.MapGet("/notes", (Database database) =>
{
    var ids = new List<string>();
    foreach (Entry note in database.GetMap("notes").All()) ids.Add(Encoding.UTF8.GetString(note.Key));
    return ids;
});

await application.StartAsync();
string address = application.Urls.First();
if (serves)
{
    Console.WriteLine($"Listening on {address}");
    await application.WaitForShutdownAsync();
    return 0;
}

// What a monitoring system would collect: everything the meter "Varve" offers.
var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
using var listener = new MeterListener
{
    InstrumentPublished = (instrument, listener) =>
    {
        if (instrument.Meter.Name == VarveDiagnostics.MeterName) listener.EnableMeasurementEvents(instrument);
    },
};
listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => figures[instrument.Name] = value);
listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => figures[instrument.Name] = value);
listener.Start();

using (var client = new HttpClient { BaseAddress = new Uri(address) })
{
    (await client.PutAsync("/notes/1", new StringContent("buy milk"))).EnsureSuccessStatusCode();
    (await client.PutAsync("/notes/2", new StringContent("sell cow"))).EnsureSuccessStatusCode();
    Console.WriteLine($"note 1: {await client.GetStringAsync("/notes/1")}");
    Console.WriteLine($"notes: {string.Join(", ", await client.GetFromJsonAsync<string[]>("/notes") ?? [])}");
    Console.WriteLine($"health: {await client.GetStringAsync("/health")}");
}

listener.RecordObservableInstruments();
foreach (string name in (string[])["varve.commits", "varve.commit.duration", "varve.memtable.entries", "varve.write.pressure"])
    Console.WriteLine($"{name}: {figures[name]}");
HealthReport report = await application.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
await application.StopAsync();
await application.DisposeAsync();
Directory.Delete(directory, recursive: true);
return report.Status == HealthStatus.Healthy ? 0 : 1;
