using System.Text.Json;

namespace Varve.Mcp.Cli.Examples;

/// <summary>What the client of each example does.</summary>
internal static class ExampleFlows
{
    public static IReadOnlyDictionary<string, Func<ExampleRun, Task>> All { get; } = new Dictionary<string, Func<ExampleRun, Task>>
    {
        ["audit"] = AuditAsync,
        ["steps"] = StepsAsync,
        ["processing"] = ProcessingAsync,
        ["document"] = DocumentAsync,
        ["define"] = DefineAsync,
        ["tasks"] = TasksAsync,
        ["store"] = StoreAsync,
        ["journeys"] = JourneysAsync,
    };

    private static async Task AuditAsync(ExampleRun run)
    {
        await run.SayAsync("three users; an attribute on the tool writes the log");
        JsonElement alice = await run.CallAsync("create_user", ("name", "Alice"), ("email", "alice@example.com"));
        await run.CallAsync("create_user", ("name", "Bob"), ("email", "bob@example.com"));
        JsonElement carol = await run.CallAsync("create_user", ("name", "Carol"), ("email", "carol@example.com"));
        await run.SayAsync("the tool writes its own entry");
        await run.CallAsync("delete_user", ("user_id", TextOf(carol, "user_id")), ("reason", "asked for it"));
        await run.SayAsync("the newest entries first");
        JsonElement log = await run.CallAsync("get_audit_log", ("log_name", "user_operations"), ("limit", 10));
        await run.CheckAsync(NumberOf(log, "count") == 4, "the log has four entries");
        await run.SayAsync("both: the attribute's entry, and one of the tool's own in another log");
        await run.CallAsync(
            "update_user", ("user_id", TextOf(alice, "user_id")), ("updates", new Dictionary<string, string> { ["role"] = "admin" }));
        JsonElement events = await run.CallAsync("get_audit_log", ("log_name", "security_events"), ("limit", 5));
        await run.CheckAsync(NumberOf(events, "count") == 1, "the change of the role is there");
    }

    private static async Task StepsAsync(ExampleRun run)
    {
        await run.SayAsync("a user and its profile, in two steps that are each done once");
        JsonElement alice = await run.CallAsync(
            "create_user_with_profile", ("username", "alice"), ("email", "alice@example.com"), ("bio", "Software engineer"));
        await run.CallAsync(
            "create_user_with_profile", ("username", "bob"), ("email", "bob@example.com"), ("avatar_url", "https://example.com/bob.png"));
        await run.SayAsync("what the steps have written");
        await run.CallAsync("get_user", ("user_id", TextOf(alice, "user_id")));
        await run.CallAsync("get_profile", ("profile_id", TextOf(alice, "profile_id")));
        await run.CallRefusedAsync("get_user", ("user_id", "user_nobody"));
    }

    private static async Task ProcessingAsync(ExampleRun run)
    {
        JsonElement first = await run.CallAsync("process_payment", ("amount", 99.99m), ("description", "Books"));
        await run.CallAsync("process_payment", ("amount", 49.99m), ("currency", "EUR"));
        await run.SayAsync("meets a network error, and is tried again");
        JsonElement third = await run.CallAsync("process_payment", ("amount", 75.01m), ("description", "Tickets"));
        await run.CallAsync("get_payment", ("transaction_id", TextOf(first.GetProperty("payment"), "transaction_id")));
        await run.CallAsync("get_payment", ("transaction_id", TextOf(third.GetProperty("payment"), "transaction_id")));
        await run.SayAsync("refused, and never tried again");
        await run.CallRefusedAsync("process_payment", ("amount", 999_999.99m));
        await run.CallRefusedAsync("process_payment", ("amount", 10m), ("currency", "INVALID"));
        await run.TryAsync("fetch_exchange_rate", ("from_currency", "USD"), ("to_currency", "EUR"));
    }

    private static async Task DocumentAsync(ExampleRun run)
    {
        foreach ((string id, string text) in new[]
        {
            ("doc-001", "This is a document about durable execution."),
            ("doc-002", "Invoice 2026-114: three boxes of pencils."),
            ("doc-003", "Meeting notes: what must happen twice, and what must not."),
        })
        {
            var metadata = new Dictionary<string, string> { ["author"] = "Alice" };
            await run.CallAsync("upload_file", ("file_id", id), ("content", text), ("metadata", metadata));
        }

        await run.SayAsync("lookup, text extraction and translation; the services may fail");
        JsonElement job = await run.TryAsync("process_document", ("file_id", "doc-001"), ("target_language", "es"));
        if (TextOf(job, "status") == "success") await run.CallAsync("get_job_status", ("job_id", TextOf(job, "job_id")));
        await run.TryAsync("process_document", ("file_id", "doc-001"), ("target_language", "fr"));
        await run.CallRefusedAsync("process_document", ("file_id", "doc-404"));
    }

    private static async Task DefineAsync(ExampleRun run)
    {
        (string Term, string Definition, string Category)[] terms =
        [
            ("API", "Application programming interface: what a program offers to other programs.", "architecture"),
            ("gRPC", "A framework for calls between programs, over HTTP/2.", "architecture"),
            ("GraphQL", "A query language for APIs, in which the client says what it wants.", "architecture"),
            ("Docker", "A way to run programs in containers.", "devops"),
            ("LSM tree", "Log-structured merge tree: sorted layers on disk, merged now and then.", "databases"),
        ];
        foreach ((string term, string definition, string category) in terms)
            await run.CallAsync("add_term", ("term", term), ("definition", definition), ("category", category));
        foreach (string term in (string[])["API", "Docker", "LSM tree", "GRPC", "grpc", "gRpC"])
            await run.CallAsync("define", ("term", term));
        JsonElement all = await run.CallAsync("list_terms");
        await run.CheckAsync(NumberOf(all, "count") == terms.Length, "all terms are listed");
        JsonElement found = await run.CallAsync("search_terms", ("prefix", "gR"));
        await run.CheckAsync(NumberOf(found, "count") == 2, "two terms begin with gr");
        await run.CallAsync("browse_category", ("category", "architecture"));
        await run.CallAsync("recent_terms", ("limit", 3));
        await run.CallAsync("remove_term", ("term", "Docker"));
        await run.CallRefusedAsync("define", ("term", "Docker"));
    }

    private static async Task TasksAsync(ExampleRun run)
    {
        await run.CallAsync("add_task", ("description", "Write a haiku about MCP"));
        await run.CallAsync("add_task", ("description", "Answer the mail"), ("priority", 1));
        await run.ReadAsync("task://queue");
        JsonElement next = await run.CallAsync("get_next_task");
        await run.CheckAsync(TextOf(next, "task_id") == "task-002", "the task of the highest priority comes first");
        await run.CallAsync("start_task", ("task_id", "task-002"));
        await run.CallAsync("complete_task", ("task_id", "task-002"), ("result", "Answered"));
        await run.CallRefusedAsync("start_task", ("task_id", "task-002"));
        await run.CallAsync("add_tasks_batch", ("descriptions", (string[])["Water the plants", "Fail for once"]));
        await run.SayAsync("the orchestrator takes what is pending; what fails is tried three times");
        await run.CallAsync("run_orchestrator", ("max_tasks", 10));
        await run.ReadAsync("task://stats");
        await run.ReadAsync("task://completed");
        await run.ReadAsync("task://filter/failed");
        await run.CallAsync("clear_completed");
    }

    private static async Task StoreAsync(ExampleRun run)
    {
        var cities = new Dictionary<string, string>
        {
            ["fr/lyon"] = "520,774",
            ["fr/paris"] = "2,113,705",
            ["jp/tokyo"] = "14,094,034",
        };
        await run.CallAsync("map_insert", ("name", "cities"), ("entries", cities));
        await run.CallAsync("map_get", ("name", "cities"), ("key", "fr/paris"));
        JsonElement range = await run.CallAsync("map_range", ("name", "cities"), ("start_key", "fr/"), ("end_key", "fr0"), ("limit", 10));
        await run.CheckAsync(NumberOf(range, "count") == 2, "two keys lie in the range");
        await run.CallAsync("map_reverse_range", ("name", "cities"), ("limit", 2));
        await run.SayAsync("a key as a resource");
        await run.ReadAsync("map://cities/fr%2Fparis");
        await run.CallAsync("map_remove", ("name", "cities"), ("keys", (string[])["jp/tokyo", "nowhere"]));
        await run.CallAsync("map_stats", ("name", "cities"));
        await run.CallAsync("list_maps");
        await run.SayAsync("the journal's own maps are not for tools");
        await run.CallRefusedAsync("map_range", ("name", "$varve/invocations"), ("limit", 1));
    }

    private static async Task JourneysAsync(ExampleRun run)
    {
        JsonElement created = await run.CallAsync("journeys_tool", ("action", "create"), ("name", "New Journey"));
        string id = TextOf(created.GetProperty("data"), "journey_id");
        await run.CallAsync("journeys_tool", ("action", "update"), ("journey_id", id), ("description", "Along the coast"));
        await run.CallAsync("journeys_tool", ("action", "create"), ("name", "Another"), ("description", "Over the hills"));
        await run.CallAsync("journeys_tool", ("action", "get"), ("journey_id", id));
        JsonElement all = await run.CallAsync("journeys_tool", ("action", "list"));
        await run.CheckAsync(all.GetProperty("data").GetArrayLength() == 2, "two journeys are listed");
        await run.CallAsync("journeys_tool", ("action", "delete"), ("journey_id", id));
        await run.CallRefusedAsync("journeys_tool", ("action", "get"), ("journey_id", id));
    }

    private static string TextOf(JsonElement answer, string name) => answer.GetProperty(name).GetString()!;

    private static int NumberOf(JsonElement answer, string name) => answer.GetProperty(name).GetInt32();
}
