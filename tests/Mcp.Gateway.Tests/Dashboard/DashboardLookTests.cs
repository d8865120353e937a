using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Varve.Mcp.Gateway.Tests.Dashboard;

/// <summary>What holds in every view: it fits, can be read and used by everybody, and shows data as data.</summary>
[Collection(BrowserTests.Name)]
public sealed class DashboardLookTests(BrowserFixture fixture)
{
    private const string Hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202Eevil";

    private static readonly string[] Views = ["overview", "calls", "tools", "tools/create_user", "history", "history/c-1005", "charts"];

    [BrowserFact]
    public async Task Each_view_fits_on_a_page_of_360_pixels()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        string longName = "generate_document_with_a_name_that_is_rather_long", longMessage = new('m', 300);
        gateway.Active.Add(FakeData.Active("a-1", longName, "ws", 1, 12345, 67890, longMessage, 1234));
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, width: 360, height: 740);
        foreach (string view in Views)
        {
            await GoToAsync(page, view);
            string wide = await page.Page.EvaluateAsync<string>("""
                () => {
                  const { scrollWidth, clientWidth } = document.documentElement;
                  const inner = [...document.querySelectorAll(".table-box")].filter((box) => box.scrollWidth > box.clientWidth + 1).length;
                  return `${scrollWidth > clientWidth ? `${scrollWidth} pixels` : ""}${inner > 0 ? " a table scrolls" : ""}`;
                }
                """);
            Assert.True(wide.Length == 0, $"{view}: {wide}");
        }
    }

    [BrowserFact]
    public async Task The_theme_is_the_systems_until_it_is_chosen()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, scheme: ColorScheme.Dark);
        Assert.Equal("rgb(15, 21, 27)", await BackgroundAsync(page));
        await page.Page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Light });
        Assert.Equal("rgb(244, 246, 248)", await BackgroundAsync(page));
        await page.Button("Dark theme").ClickAsync();
        Assert.Equal("rgb(15, 21, 27)", await BackgroundAsync(page));
        await page.Page.ReloadAsync();
        Assert.Equal("rgb(15, 21, 27)", await BackgroundAsync(page));
        await page.Button("Light theme").ClickAsync();
        Assert.Equal("rgb(244, 246, 248)", await BackgroundAsync(page));
    }

    [BrowserTheory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Text_stands_out_from_what_is_behind_it(ColorScheme scheme)
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, scheme: scheme);
        // 4.5 to 1 for text, 3 to 1 for the borders of fields and for lines of charts.
        string[] weak = await page.Page.EvaluateAsync<string[]>("""
            () => {
              const probe = document.body.appendChild(document.createElement("span"));
              const light = (name) => {
                probe.style.color = `var(--${name})`;
                const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g).map((part) => part / 255)
                  .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const pairs = [["text", "page"], ["text", "surface"], ["text", "surface-2"], ["text-muted", "page"],
                ["text-muted", "surface"], ["text-muted", "surface-2"], ["accent", "surface"], ["accent", "accent-soft"],
                ["on-accent", "accent"], ["good", "good-soft"], ["good", "surface-2"], ["warn", "warn-soft"], ["warn", "surface"],
                ["warn", "surface-2"], ["bad", "bad-soft"], ["bad", "surface"], ["busy", "busy-soft"], ["line-strong", "surface", 3],
                ["series-1", "surface", 3], ["series-2", "surface", 3], ["series-3", "surface", 3], ["series-4", "surface", 3]];
              return pairs.map(([front, back, least = 4.5]) => {
                const [low, high] = [light(front), light(back)].sort((left, right) => left - right);
                const contrast = (high + 0.05) / (low + 0.05);
                return contrast < least ? `${front} on ${back}: ${contrast.toFixed(2)}` : "";
              }).filter(Boolean);
            }
            """);
        Assert.Empty(weak);
    }

    [BrowserFact]
    public async Task Everything_that_can_be_used_has_a_name_and_headings_are_in_order()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Active.Add(FakeData.Active("a-1", "get_user", "rest", 1, null, null, null, 0));
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway);
        foreach (string view in Views)
        {
            await GoToAsync(page, view);
            string[] wrong = await page.Page.EvaluateAsync<string[]>("""
                () => {
                  const wrong = [];
                  const isSeen = (element) => element.checkVisibility();
                  const named = "a, button, input, select, textarea, [role=progressbar], [role=region]";
                  for (const element of [...document.querySelectorAll(named)].filter(isSeen)) {
                    const name = element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent;
                    if (!name.trim()) wrong.push(`no name: ${element.outerHTML.slice(0, 80)}`);
                  }
                  let level = 0;
                  for (const heading of [...document.querySelectorAll("h1, h2, h3")].filter(isSeen)) {
                    const own = Number(heading.tagName[1]);
                    if (own > level + 1) wrong.push(`${heading.tagName} ${heading.textContent} after level ${level}`);
                    level = own;
                  }
                  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
                  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) wrong.push(`id twice: ${id}`);
                  for (const element of document.querySelectorAll("[aria-controls], [aria-labelledby], [for]")) {
                    const id = ["aria-controls", "aria-labelledby", "for"].map((name) => element.getAttribute(name)).find(Boolean);
                    if (!document.getElementById(id)) wrong.push(`no element ${id}`);
                  }
                  return wrong;
                }
                """);
            Assert.Empty(wrong.Select(text => $"{view}: {text}"));
        }
    }

    [BrowserFact]
    public async Task The_first_stop_of_the_keyboard_leads_to_the_content()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway);
        await DashboardPage.SeesAsync(page.Page.Locator("#state"), "Ready");
        await page.Page.Keyboard.PressAsync("Tab");
        await DashboardPage.HasFocusAsync(page.Page.GetByText("Skip to content"));
        await page.Page.Keyboard.PressAsync("Enter");
        await DashboardPage.HasFocusAsync(page.Page.Locator("#main"));
        await page.Page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Charts" }).ClickAsync();
        await DashboardPage.HasFocusAsync(page.View("charts").Locator("h1"));
    }

    [BrowserFact]
    public async Task Nothing_moves_when_values_change()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway);
        await DashboardPage.SeesAsync(page.View("overview"), "#4");
        await page.Page.EvaluateAsync("""
            () => {
              window.moved = 0;
              const count = (list) => list.getEntries().forEach((entry) => window.moved += entry.value);
              new PerformanceObserver(count).observe({ type: "layout-shift" });
            }
            """);
        JsonObject stats = FakeData.Stats();
        stats["calls"] = FakeData.Parse("""{"total": 9, "errors": 0, "per_second": 0.5, "p50_ms": 12345, "p99_ms": 99999}""");
        stats["pool"]!["queued"] = 256;
        foreach (JsonNode? worker in stats["workers"]!.AsArray()) worker!["in_flight"] = 1;
        gateway.Stats = stats;
        await DashboardPage.SeesAsync(page.View("overview").Locator(".tiles"), "12.3 s");
        await gateway.TellAsync("""{"id": "a-1", "tool": "get_user", "via": "rest", "event": "started"}""");
        await DashboardPage.SeesAsync(page.View("overview").Locator(".call"), "get_user");
        await gateway.HangUpAsync();
        await DashboardPage.IsVisibleAsync(page.Page.Locator(".offline"));
        await gateway.ListenAsync();
        await DashboardPage.IsHiddenAsync(page.Page.Locator(".offline"));
        Assert.Equal(0, await page.Page.EvaluateAsync<double>("() => window.moved"), 0.01);
    }

    [BrowserFact]
    public async Task Data_is_shown_as_it_is_and_never_run()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        JsonObject tool = FakeData.Tools()[0];
        foreach (string name in new[] { "name", "title", "description" }) tool[name] = Hostile;
        JsonObject properties = tool["inputSchema"]!["properties"]!.AsObject();
        properties[Hostile] = new JsonObject { ["type"] = "string", ["description"] = Hostile, ["default"] = Hostile };
        properties["name"]!["default"] = "a";
        properties["email"]!["default"] = "a@b";
        gateway.Tools.Add(tool);
        gateway.Calls.Insert(0, FakeData.Call("evil<1>", Hostile, Hostile, 5, 4, "{}", null));
        gateway.Calls[0]["arguments"] = new JsonObject { [Hostile] = Hostile };
        gateway.Calls[0]["result"] = new JsonObject { ["status"] = "success", ["data"] = Hostile };
        gateway.Active.Add(FakeData.Active("a-1", Hostile, Hostile, 2, 1, 2, Hostile, 1));
        gateway.Stats["workers"]![0]!["last_failure"] = Hostile;
        gateway.Stats["workers"]![0]!["state"] = Hostile;
        gateway.Stats["breakers"]![Hostile] = new JsonObject { ["state"] = Hostile, ["failures"] = 1 };
        gateway.Readiness["reasons"] = new JsonArray(Hostile);
        gateway.Streams[Hostile] = async (stream, _) =>
        {
            await stream.SendAsync("progress", new JsonObject { ["progress"] = 1, ["total"] = 2, ["message"] = Hostile });
            await stream.SendAsync("chunk", new JsonObject { ["index"] = 0, ["data"] = Hostile });
            await stream.SendAsync("result", new JsonObject { ["status"] = "success", ["data"] = new JsonObject { [Hostile] = Hostile } });
            await stream.SendAsync("done", new JsonObject { ["status"] = "complete" });
        };
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway);
        await DashboardPage.SeesAsync(page.View("overview").Locator(".breaker").Nth(0), Hostile);
        await DashboardPage.SeesAsync(page.View("overview").Locator(".call"), Hostile);
        await DashboardPage.SeesAsync(page.View("overview").Locator(".failure").Nth(0), Hostile);

        await GoToAsync(page, "history");
        await page.View("history").Locator("tbody tr").Nth(0).ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".detail .json").Nth(1), Hostile);

        await GoToAsync(page, "tools/" + Uri.EscapeDataString(Hostile));
        await DashboardPage.SeesAsync(page.View("tools").Locator(".description"), Hostile);
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run .chunks"), Hostile);
        await DashboardPage.SeesAsync(page.Page.Locator(".run .json"), "onerror=alert(1)");

        await gateway.TellAsync(new JsonObject
        {
            ["id"] = "a-1",
            ["tool"] = Hostile,
            ["via"] = Hostile,
            ["event"] = "ended",
            ["status"] = Hostile,
            ["ms"] = 1,
        });
        await GoToAsync(page, "calls");
        await DashboardPage.SeesAsync(page.View("calls").Locator("tbody tr"), Hostile);
        Assert.Equal(0, await page.Page.Locator("img, main script").CountAsync());
    }

    [BrowserTheory]
    [InlineData("nowhere")]
    [InlineData("tools/%E0%A4%A")]
    [InlineData("tools/none")]
    [InlineData("__proto__")]
    public async Task An_address_that_leads_nowhere_shows_something_all_the_same(string view)
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/" + view);
        string expected = view.StartsWith("tools", StringComparison.Ordinal) ? "There is no tool" : "#0 pid 48211";
        await DashboardPage.SeesAsync(page.Page.Locator("main"), expected);
    }

    private static async Task GoToAsync(DashboardPage page, string view)
    {
        await page.Page.EvaluateAsync("(hash) => { location.hash = hash; }", "#/" + view);
        string[] parts = view.Split('/');
        await DashboardPage.IsVisibleAsync(page.View(parts[0]));
        string? shown = (parts[0], parts.Length) switch
        {
            ("overview", _) => "#0 pid 48211",
            ("tools", 2) => "Idempotency key",
            ("tools", _) => "create_user",
            ("history", 2) => "Arguments",
            ("history", _) => "get_user",
            ("charts", _) => "5.5 GiB",
            _ => "Running now",
        };
        await DashboardPage.SeesAsync(page.View(parts[0]), shown);
    }

    private static Task<string> BackgroundAsync(DashboardPage page) =>
        page.Page.EvaluateAsync<string>("() => getComputedStyle(document.body).backgroundColor");
}
