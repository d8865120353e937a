using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Varve.Mcp.Gateway.Tests.Dashboard;

/// <summary>What the page shows of the gateway: state, workers, breakers, charts, and calls as they run.</summary>
[Collection(BrowserTests.Name)]
public sealed class DashboardOverviewTests(BrowserFixture fixture)
{
    [BrowserFact]
    public async Task Every_part_of_the_overview_shows_what_the_gateway_tells()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway);
        ILocator view = page.View("overview");
        string[] tiles = ["Ready", "up 1 d 2 h", "413/s", "507.6K in all", "3.3 ms", "p99 52 ms", "62", "21", "5 workers, 2–8", "of 256"];
        foreach (string text in tiles) await DashboardPage.SeesAsync(view.Locator(".tiles"), text);
        string[] worker = ["#2", "pid 48305", "ready", "It ended with exit code 139.", "8/8", "97.1K", "31", "3.4 ms", "58 ms", "90.0 MiB"];
        foreach (string text in worker) await DashboardPage.SeesAsync(view.Locator("tbody tr").Nth(2), text);
        await DashboardPage.SeesAsync(view.Locator("tbody tr").Nth(4), "waiting");
        ILocator breakers = view.GetByRole(AriaRole.Listitem).Filter(new LocatorFilterOptions { Has = page.Page.Locator(".pill") });
        await DashboardPage.SeesAsync(breakers.Nth(0), "process_payment5 failuresopen");
        await DashboardPage.SeesAsync(breakers.Nth(1), "fetch_exchange_rate4 failureshalf open");
        await DashboardPage.SeesAsync(breakers.Nth(2), "generate_document1 failureclosed");
        await DashboardPage.SeesAsync(view, "Nothing is running.");
    }

    [BrowserFact]
    public async Task Workers_come_and_go_as_they_are_told()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway);
        ILocator rows = page.View("overview").Locator("tbody tr");
        await Assertions.Expect(rows).ToHaveCountAsync(5);
        JsonObject stats = FakeData.Stats();
        JsonArray workers = stats["workers"]!.AsArray();
        JsonNode first = workers[0]!.DeepClone();
        workers.Clear();
        for (int slot = 0; slot < 64; slot++)
        {
            JsonNode worker = first.DeepClone();
            worker["slot"] = slot;
            workers.Add(worker);
        }
        gateway.Stats = stats;
        await Assertions.Expect(rows).ToHaveCountAsync(64);
        gateway.Stats = FakeData.Parse("""{"workers": [], "pool": {}, "breakers": {}, "store": null}""");
        await DashboardPage.SeesAsync(page.View("overview"), "There is no worker.");
        await DashboardPage.SeesAsync(page.View("overview"), "No tool has failed lately");
    }

    [BrowserTheory]
    [InlineData("ok", false, "store", "Not ready")]
    [InlineData("degraded", false, null, "Degraded")]
    [InlineData("down", false, "no worker", "Down")]
    [InlineData("ok", true, "draining", "Draining")]
    public async Task The_gateways_state_is_told_in_one_word(string status, bool isDraining, string? reason, string word)
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Health = FakeData.Health(status, isDraining);
        JsonArray reasons = reason is null ? [] : [reason];
        JsonObject readiness = new() { ["status"] = reason is null ? "ok" : "unready", ["reasons"] = reasons };
        gateway.Readiness = readiness;
        if (reason is not null) gateway.Refusals["GET /health/ready"] = (503, readiness, null);
        if (status == "down") gateway.Refusals["GET /health"] = (503, gateway.Health, null);
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway);
        await DashboardPage.SeesAsync(page.Page.Locator("#state"), word);
        await DashboardPage.SeesAsync(page.View("overview").Locator(".tiles"), word);
        if (reason is not null) await DashboardPage.SeesAsync(page.View("overview").Locator(".tiles"), reason);
    }

    [BrowserFact]
    public async Task Charts_are_drawn_and_tell_the_newest_values()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/charts");
        ILocator view = page.View("charts");
        await Assertions.Expect(view.Locator("canvas")).ToHaveCountAsync(5);
        string[] values = ["413/s", "3.3 ms", "52 ms", "18 %", "288 MiB", "512 MiB"];
        foreach (string text in values) await DashboardPage.SeesAsync(view, text);
        await DashboardPage.SeesAsync(view, "5.5 GiB in 171 tables");
        await DashboardPage.SeesAsync(view.Locator(".level").Nth(3), "4.1 GiB, 121 tables");
        // Something is drawn in the colour of the first line.
        await page.UntilAsync("""
            () => {
              const canvas = document.querySelector("#view-charts canvas");
              const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
              copy.drawImage(canvas, 0, 0);
              const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
              const wanted = [26, 127, 174, 255];
              for (let i = 0; i < data.length; i += 4) {
                if (wanted.every((part, index) => Math.abs(data[i + index] - part) < 12)) return true;
              }
              return false;
            }
            """);
    }

    [BrowserFact]
    public async Task A_gateway_without_a_store_of_its_own_says_so()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Stats["store"] = null;
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/charts");
        await DashboardPage.SeesAsync(page.View("charts"), "The store is another process's");
        await DashboardPage.SeesAsync(page.View("charts").Locator(".chart").Nth(4), "No values yet");
    }

    [BrowserFact]
    public async Task Calls_are_seen_as_they_start_go_on_and_end()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Active.Add(FakeData.Active("a-1", "generate_document", "ws", 3, 1, 4, "one", 0));
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/calls");
        ILocator calls = page.View("calls").Locator(".call");
        await DashboardPage.SeesAsync(calls.Nth(0), "generate_document");
        await DashboardPage.SeesAsync(calls.Nth(0), "WebSocket");
        await DashboardPage.SeesAsync(calls.Nth(0), "1/4");

        await gateway.TellAsync("""{"id": "a-2", "tool": "run_orchestrator", "via": "mcp", "event": "started"}""");
        await DashboardPage.SeesAsync(calls.Nth(1), "run_orchestrator");
        await gateway.TellAsync(
            """{"id": "a-1", "tool": "generate_document", "event": "progress", "progress": 3, "total": 4, "message": "three"}""");
        await DashboardPage.SeesAsync(calls.Nth(0), "3/4");
        await DashboardPage.SeesAsync(calls.Nth(0), "three");
        Assert.Equal("75", await calls.Nth(0).GetByRole(AriaRole.Progressbar).GetAttributeAsync("aria-valuenow"));
        await gateway.TellAsync("""{"id": "a-1", "tool": "generate_document", "event": "chunk", "chunks": 2}""");
        await DashboardPage.SeesAsync(calls.Nth(0), "2 chunks");

        await page.Button("Cancel run_orchestrator").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.GetByRole(AriaRole.Alert), "The gateway cannot cancel this call");
        Assert.Contains(gateway.Requests, request => request is { Method: "DELETE", Path: "/calls/a-2" });

        await gateway.TellAsync(
            """{"id": "a-1", "tool": "generate_document", "via": "ws", "event": "ended", "status": "success", "ms": 1234}""");
        await Assertions.Expect(calls).ToHaveCountAsync(1);
        ILocator ended = page.View("calls").Locator("tbody tr");
        await DashboardPage.SeesAsync(ended, "success");
        await DashboardPage.SeesAsync(ended, "1.2 s");
    }

    [BrowserFact]
    public async Task The_list_of_calls_can_be_stopped()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/calls");
        await DashboardPage.SeesAsync(page.Page.Locator("#state"), "Ready");
        await page.Button("Pause").ClickAsync();
        await gateway.TellAsync("""{"id": "a-1", "tool": "get_user", "via": "rest", "event": "ended", "status": "success", "ms": 1}""");
        await page.Page.EvaluateAsync("""
            async () => {
              const { live } = await import("/dashboard/live.js");
              while (live.ended.length === 0) await new Promise((resolve) => live.addEventListener("calls", resolve, { once: true }));
            }
            """);
        await DashboardPage.SeesAsync(page.View("calls"), "No call has ended since this page was opened.");
        await page.Button("Go on").ClickAsync();
        await DashboardPage.SeesAsync(page.View("calls").Locator("tbody tr"), "get_user");
    }

    [BrowserFact]
    public async Task The_page_finds_the_gateway_again_after_it_was_away()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway);
        await DashboardPage.SeesAsync(page.Page.Locator("#state"), "Ready");
        await DashboardPage.SeesAsync(page.View("overview"), "#0 pid 48211");
        await gateway.HangUpAsync();
        await DashboardPage.SeesAsync(page.Page.Locator("#state"), "Offline");
        await DashboardPage.SeesAsync(page.Page.Locator(".offline"), "The gateway does not answer.");
        // What was known stays to be read.
        await DashboardPage.SeesAsync(page.View("overview"), "#0 pid 48211");
        gateway.Active.Add(FakeData.Active("a-1", "list_tasks", "rest", 1, null, null, null, 0));
        await gateway.ListenAsync();
        await DashboardPage.SeesAsync(page.Page.Locator("#state"), "Ready");
        await DashboardPage.IsHiddenAsync(page.Page.Locator(".offline"));
        await DashboardPage.SeesAsync(page.View("overview").Locator(".call"), "list_tasks");
    }

    [BrowserFact]
    public async Task A_gateway_that_refuses_for_now_is_asked_again_after_the_time_that_it_says()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Refusals["GET /events"] = (503, new JsonObject { ["detail"] = "Too many listen." }, 600);
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway);
        await DashboardPage.SeesAsync(page.Page.Locator(".offline"), "Too many listen. Try again in 600 s.");
        gateway.Refusals.Clear();
        await page.Button("Try now").ClickAsync();
        await DashboardPage.SeesAsync(page.View("overview"), "#0 pid 48211");
        await DashboardPage.IsHiddenAsync(page.Page.Locator(".offline"));
    }
}
