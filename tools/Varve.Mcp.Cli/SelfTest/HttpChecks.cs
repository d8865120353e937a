using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using static Varve.Mcp.Cli.SelfTest.CheckFailedException;

namespace Varve.Mcp.Cli.SelfTest;

/// <summary>The endpoints, and what wrong requests are answered.</summary>
internal sealed class HttpChecks(GatewayClient gateway)
{
    private const string NoTool = "no_such_tool";

    public IEnumerable<(string Name, Func<CancellationToken, Task> Check)> All =>
    [
        ("http: GET / tells what is served", DescribesItselfAsync),
        ("http: GET /health, /health/live and /health/ready", IsHealthyAsync),
        ("http: GET /tools lists tools with their schemas", ListsToolsAsync),
        ("http: GET /stats and /metrics", CountsAsync),
        ("http: GET /openapi.json describes each tool", DescribesToolsAsync),
        ("http: POST /tools/{name} creates, lists and deletes a journey", CallsAsync),
        ("http: a key has one effect, and stands for one call", KeepsKeysAsync),
        ("http: Prefer: respond-async, and the result under /calls/{id}", AnswersLaterAsync),
        ("errors: no key and a wrong one are 401", RefusesStrangersAsync),
        ("errors: an unknown tool is 404", RefusesUnknownToolAsync),
        ("errors: a wrong argument is 400 and named", NamesArgumentAsync),
        ("errors: what is no JSON is 400, too long 413, another method 405", RefusesBadRequestsAsync),
        ("errors: another site's page is 403", RefusesOriginAsync),
    ];

    private async Task DescribesItselfAsync(CancellationToken cancellation)
    {
        JsonNode answer = await gateway.GetAsync("/", cancellation);
        Require(answer["name"] is not null && answer["pool"] is not null, "name or pool is missing");
    }

    private async Task IsHealthyAsync(CancellationToken cancellation)
    {
        JsonNode health = await gateway.GetAsync("/health", cancellation);
        Require((string?)health["status"] is "ok" or "degraded", $"the state is {health["status"]}");
        await gateway.GetAsync("/health/live", cancellation);
        await gateway.GetAsync("/health/ready", cancellation);
    }

    private async Task ListsToolsAsync(CancellationToken cancellation)
    {
        Dictionary<string, JsonNode> tools = await gateway.ListToolsAsync(cancellation);
        Require(tools.Count > 0, "there are none");
        Require(tools.Values.All(tool => tool["inputSchema"] is JsonObject), "one has no schema");
    }

    private async Task CountsAsync(CancellationToken cancellation)
    {
        JsonNode stats = await gateway.GetAsync("/stats", cancellation);
        Require(stats["workers"] is JsonArray { Count: > 0 } && stats["pool"] is JsonObject, "workers or pool are missing");
        using HttpRequestMessage request = new(HttpMethod.Get, "/metrics");
        using HttpResponseMessage metrics = await gateway.SendAsync(request, cancellation);
        string text = await metrics.Content.ReadAsStringAsync(cancellation);
        Require(text.Contains("# TYPE varve_gateway_", StringComparison.Ordinal), "there are no metrics of the gateway");
    }

    private async Task DescribesToolsAsync(CancellationToken cancellation)
    {
        JsonNode description = await gateway.GetAsync("/openapi.json", cancellation);
        Require(((string?)description["openapi"])?.StartsWith("3.", StringComparison.Ordinal) == true, "it is not OpenAPI 3");
        foreach (string tool in (await gateway.ListToolsAsync(cancellation)).Keys)
            Require(description["paths"]?[$"/tools/{tool}"] is not null, $"/tools/{tool} is missing");
    }

    private async Task CallsAsync(CancellationToken cancellation)
    {
        JsonNode created = await gateway.JourneysAsync(
            new JsonObject { ["action"] = "create", ["name"] = "self-test" }, cancellation);
        string id = (string)created["data"]!["journey_id"]!;
        JsonNode list = await gateway.JourneysAsync(new JsonObject { ["action"] = "list" }, cancellation);
        Require(list["data"]!.AsArray().Any(journey => (string?)journey!["journey_id"] == id), $"{id} is not in the list");
        await gateway.JourneysAsync(new JsonObject { ["action"] = "delete", ["journey_id"] = id }, cancellation);
    }

    private async Task KeepsKeysAsync(CancellationToken cancellation)
    {
        string key = $"self-test-{Guid.NewGuid():N}";
        JsonObject create = new() { ["action"] = "create", ["name"] = key };
        JsonNode first = await gateway.JourneysAsync((JsonObject)create.DeepClone(), cancellation, key);
        JsonNode second = await gateway.JourneysAsync((JsonObject)create.DeepClone(), cancellation, key);
        string id = (string)first["data"]!["journey_id"]!;
        Require((string?)second["data"]!["journey_id"] == id, "the second call made another journey");
        (HttpStatusCode status, _) = await gateway.CallAsync(
            GatewayClient.JourneysTool, new JsonObject { ["action"] = "list" }, cancellation, key);
        Require(status == HttpStatusCode.UnprocessableEntity, $"the key with another call answered {(int)status}");
        await gateway.JourneysAsync(new JsonObject { ["action"] = "delete", ["journey_id"] = id }, cancellation);
    }

    private async Task AnswersLaterAsync(CancellationToken cancellation)
    {
        await gateway.NeedJourneysAsync(cancellation);
        JsonObject body = new() { ["arguments"] = new JsonObject { ["action"] = "list" } };
        using HttpRequestMessage request = GatewayClient.Post($"/tools/{GatewayClient.JourneysTool}", body);
        request.Headers.Add("Prefer", "respond-async");
        using HttpResponseMessage accepted = await gateway.SendAsync(request, cancellation);
        Require(accepted.StatusCode == HttpStatusCode.Accepted, $"it answered {(int)accepted.StatusCode}");
        string location = accepted.Headers.Location?.ToString() ?? throw new CheckFailedException("there is no Location");
        for (int look = 0; look < 300; look++)
        {
            JsonNode call = await gateway.GetAsync(location, cancellation);
            if ((string?)call["state"] == "completed") return;
            await Task.Delay(100, cancellation);
        }
        throw new CheckFailedException("the call did not end within 30 s");
    }

    private async Task RefusesStrangersAsync(CancellationToken cancellation)
    {
        HttpStatusCode none = await gateway.GetStatusAsync("/tools", null, cancellation);
        Require(none == HttpStatusCode.Unauthorized, $"without a key it answered {(int)none}");
        HttpStatusCode wrong = await gateway.GetStatusAsync("/tools", "wrong", cancellation);
        Require(wrong is HttpStatusCode.Unauthorized or HttpStatusCode.TooManyRequests, $"with a wrong key it answered {(int)wrong}");
    }

    private async Task RefusesUnknownToolAsync(CancellationToken cancellation)
    {
        (HttpStatusCode status, _) = await gateway.CallAsync(NoTool, [], cancellation);
        Require(status == HttpStatusCode.NotFound, $"it answered {(int)status}");
    }

    private async Task NamesArgumentAsync(CancellationToken cancellation)
    {
        await gateway.NeedJourneysAsync(cancellation);
        (HttpStatusCode status, JsonNode problem) = await gateway.CallAsync(
            GatewayClient.JourneysTool, new JsonObject { ["action"] = "dance" }, cancellation);
        Require(status == HttpStatusCode.BadRequest, $"it answered {(int)status}");
        Require(problem.ToJsonString().Contains("action", StringComparison.Ordinal), "the argument is not named");
    }

    private async Task RefusesBadRequestsAsync(CancellationToken cancellation)
    {
        string path = $"/tools/{(await gateway.ListToolsAsync(cancellation)).Keys.First()}";
        await ExpectAsync(Raw(path, "{\"arguments\": "), HttpStatusCode.BadRequest, cancellation);
        await ExpectAsync(Raw(path, new string(' ', (1 << 20) + 1) + "{}"), HttpStatusCode.RequestEntityTooLarge, cancellation);
        await ExpectAsync(new HttpRequestMessage(HttpMethod.Put, path), HttpStatusCode.MethodNotAllowed, cancellation);
    }

    private async Task RefusesOriginAsync(CancellationToken cancellation)
    {
        HttpRequestMessage request = new(HttpMethod.Get, "/tools");
        request.Headers.Add("Origin", "https://elsewhere.invalid");
        await ExpectAsync(request, HttpStatusCode.Forbidden, cancellation);
    }

    private async Task ExpectAsync(HttpRequestMessage request, HttpStatusCode status, CancellationToken cancellation)
    {
        using (request)
        {
            using HttpResponseMessage response = await gateway.SendAsync(request, cancellation);
            Require(response.StatusCode == status, $"{request.Method} {request.RequestUri} answered {(int)response.StatusCode}");
        }
    }

    private static HttpRequestMessage Raw(string path, string body) =>
        new(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
}
