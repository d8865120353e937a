using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Cli.Servers;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Tests;

public sealed class DocumentServerTests : ServerHouse
{
    private const double Unreachable = 0;
    private const double Refused = 0.16;
    private const double Well = 0.5;

    [Fact]
    public async Task A_document_is_read_translated_and_kept()
    {
        await using TestServer server = await StartAsync(new ScriptedSimulation());
        await server.GetAsync("upload_file", new { file_id = "f", content = "Hello", metadata = new { author = "A" } });
        JsonElement done = await server.GetAsync("process_document", new { file_id = "f", target_language = "es" });
        string jobId = done.GetProperty("job_id").GetString()!;
        Assert.Matches("^job_[0-9a-f]{12}$", jobId);
        Assert.Equal("[es] Extracted text from document: Hello", done.GetProperty("result").GetString());
        JsonElement job = (await server.GetAsync("get_job_status", new { job_id = jobId })).GetProperty("job");
        Assert.Equal("completed", job.GetProperty("status").GetString());
        Assert.Equal("es", job.GetProperty("target_language").GetString());
        Assert.Equal([$"{jobId}_ocr", $"{jobId}_translation"], (await EntriesAsync("results")).Select(entry => entry.Key));
        JsonElement missing = await server.GetErrorAsync("get_job_status", new { job_id = "x" });
        Assert.Equal("Job not found", missing.GetProperty("message").GetString());
    }

    [Fact]
    public async Task Network_errors_are_tried_again_and_refusals_are_not()
    {
        var simulation = new ScriptedSimulation(
            ("ocr", Unreachable), ("ocr", Unreachable), ("ocr", Well), ("translation", Unreachable), ("ocr", Refused));
        await using TestServer server = await StartAsync(simulation);
        await server.GetAsync("upload_file", new { file_id = "f", content = "Hello" });
        await server.GetAsync("process_document", new { file_id = "f" });
        Assert.Equal(3, simulation.CallsOf("ocr"));
        Assert.Equal(2, simulation.CallsOf("translation"));
        JsonElement error = await server.GetErrorAsync("process_document", new { file_id = "f" });
        Assert.Equal("ocr", error.GetProperty("step").GetString());
        Assert.Equal("InvalidDocumentError: Unsupported document format", error.GetProperty("error").GetString());
        Assert.False(error.GetProperty("retryable").GetBoolean());
        Assert.Equal(4, simulation.CallsOf("ocr"));
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_not_asked_for_again()
    {
        var simulation = new ScriptedSimulation();
        await using TestServer server = await StartAsync(simulation);
        JsonElement error = await server.GetErrorAsync("process_document", new { file_id = "f" });
        Assert.Equal("File f not found", error.GetProperty("error").GetString());
        Assert.Equal("lookup", error.GetProperty("step").GetString());
        Assert.Equal(0, simulation.CallsOf("ocr"));
    }

    [Fact]
    public async Task With_its_key_a_call_goes_on_behind_the_step_that_was_done()
    {
        var simulation = new ScriptedSimulation([.. Enumerable.Repeat(("translation", Unreachable), 5)]);
        await using TestServer server = await StartAsync(simulation);
        await server.GetAsync("upload_file", new { file_id = "f", content = "Hello" });
        JsonElement error = await server.GetErrorAsync("process_document", new { file_id = "f" }, key: "k");
        Assert.True(error.GetProperty("retryable").GetBoolean());
        Assert.Equal("Translation service unavailable", error.GetProperty("error").GetString());
        await server.GetAsync("process_document", new { file_id = "f" }, key: "k");
        Assert.Equal(1, simulation.CallsOf("ocr"));
        Assert.Equal(6, simulation.CallsOf("translation"));
    }

    [Fact]
    public async Task Progress_is_told_step_by_step()
    {
        await using TestServer server = await StartAsync(new ScriptedSimulation());
        await server.GetAsync("upload_file", new { file_id = "f", content = "Hello" });
        var seen = new ConcurrentQueue<float>();

        // For all calls: a handler of one call is forgotten with its result, which may come together with the last notices.
        await using IAsyncDisposable progressed = server.Client.RegisterNotificationHandler("notifications/progress", (notification, _) =>
        {
            seen.Enqueue((float)notification.Params!["progress"]!);
            return default;
        });
        await server.Client.CallToolAsync(new CallToolRequestParams
        {
            Name = "process_document",
            Arguments = new Dictionary<string, JsonElement> { ["file_id"] = JsonElement.Parse("\"f\"") },
            Meta = new JsonObject { ["progressToken"] = "t" },
        });

        // The client gives notices to its handlers beside each other.
        Assert.True(SpinWait.SpinUntil(() => seen.Count == 5, TimeSpan.FromSeconds(20)));
        Assert.Equal([0, 1, 2, 3, 4], seen.Order());
    }

    [Fact]
    public async Task A_chain_cut_short_anywhere_calls_each_service_once_at_most()
    {
        await using (TestServer server = await StartAsync(new ScriptedSimulation()))
            await server.GetAsync("upload_file", new { file_id = "f", content = "Hello" });
        bool wasWhole = false;
        for (int write = 1; !wasWhole; write++)
        {
            foreach (bool happens in (bool[])[false, true])
            {
                var simulation = new ScriptedSimulation();
                string language = $"{write}-{happens}";
                var arguments = new { file_id = "f", target_language = language };
                var dying = new DyingStore(Store, write, happens);
                await using (TestServer server = await StartAsync(simulation, dying))
                {
                    await server.CallAsync("process_document", arguments, language);
                    wasWhole = !dying.IsDead;
                }

                await using TestServer again = await StartAsync(simulation);
                CallToolResult result = await again.CallAsync("process_document", arguments, language);
                JsonElement answer = result.StructuredContent!.Value;
                string jobId = answer.GetProperty("job_id").GetString()!;
                bool hasJob = await new StoreMap(Store, "jobs").GetAsync(jobId) is not null;
                string where = $"write {write} {happens}: {TestServer.TextOf(result)}";
                Assert.True(simulation.CallsOf("ocr") <= 1 && simulation.CallsOf("translation") <= 1, where);
                Assert.True(hasJob == (result.IsError != true), where);
                if (hasJob) Assert.True(simulation.CallsOf("ocr") == 1 && simulation.CallsOf("translation") == 1, where);
                else Assert.EndsWith("failed on previous attempt", answer.GetProperty("error").GetString());
            }

            Assert.True(write < 50, "The call never ends.");
        }
    }

    private Task<TestServer> StartAsync(Simulation simulation, ISharedStore? store = null) =>
        TestServer.StartAsync(Database, "document", services =>
        {
            services.AddSingleton(simulation);
            if (store is not null) services.AddSingleton(store);
        });
}
