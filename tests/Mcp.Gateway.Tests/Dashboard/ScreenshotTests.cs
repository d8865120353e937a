using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Varve.Mcp.Gateway.Tests.Dashboard;

/// <summary>The pictures of docs/pictures, taken anew when VARVE_WRITE_SCREENSHOTS is 1.</summary>
[Collection(BrowserTests.Name)]
public sealed class ScreenshotTests(BrowserFixture fixture)
{
    private const int PictureBytesMax = 200_000;

    [ScreenshotTheory]
    [InlineData("gateway-light.png", ColorScheme.Light, 1280, 900, "#/overview")]
    [InlineData("gateway-dark.png", ColorScheme.Dark, 1280, 640, "#/tools/generate_document")]
    [InlineData("gateway-narrow.png", ColorScheme.Light, 360, 780, "#/overview")]
    public async Task A_picture_is_taken(string file, ColorScheme scheme, int width, int height, string view)
    {
        string folder = Path.Combine(Repository.Root, "docs", "pictures");
        Directory.CreateDirectory(folder);
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Active.AddRange(
        [
            FakeData.Active("c-1006", "generate_document", "ws", 12, 7, 12, "Section 7 of 12: what was measured", 7),
            FakeData.Active("a-21", "run_orchestrator", "mcp", 5, 2, null, "task-014", 0),
            FakeData.Active("a-22", "process_payment", "rest", 1, null, null, null, 0),
        ]);
        await using DashboardPage page =
            await DashboardPage.OpenAsync(fixture, gateway, view, width: width, height: height, scheme: scheme);
        await DashboardPage.SeesAsync(page.Page.Locator("#state"), "Ready");
        await page.UntilAsync("() => document.querySelectorAll('#view-overview tbody tr').length === 5");
        await AddPastAsync(page);
        if (view.Contains("tools", StringComparison.Ordinal)) await RunAsync(page);
        byte[] picture = await page.Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, file) });
        Assert.InRange(picture.Length, 1, PictureBytesMax);
    }

    /// <summary>Five minutes of values, as if the page had been open for so long.</summary>
    private static async Task AddPastAsync(DashboardPage page)
    {
        await page.Page.EvaluateAsync("""
            async () => {
              const { live } = await import("/dashboard/live.js");
              const { drawCharts } = await import("/dashboard/charts.js");
              const now = Date.now() / 1000;
              const wave = (second, length, shift) => Math.sin((second + shift) / length);
              const jitter = (second) => (Math.sin(second * 12.9898) * 43758.5453) % 1;
              for (let second = 2; second < 300; second++) {
                live.times.unshift(now - second);
                const load = 400 + 90 * wave(second, 40, 4) + 40 * wave(second, 11, 0) + 30 * jitter(second);
                const values = {
                  per_second: load,
                  p50_ms: 3 + wave(second, 30, 3) * 0.6 + 0.4 * jitter(second),
                  p99_ms: 48 + 14 * wave(second, 25, 8) + 10 * jitter(second + 7),
                  in_flight: Math.round(18 + 7 * wave(second, 40, 4) + 3 * jitter(second)),
                  queued: Math.max(0, Math.round(6 * wave(second, 40, 4) + 4 * jitter(second))),
                  memory_bytes: 3e8 + 4e7 * wave(second, 50, 0),
                  memory_budget_bytes: 536870912,
                  write_pressure: Math.max(0, 0.2 + 0.2 * wave(second, 35, 2)),
                };
                for (const [name, value] of Object.entries(values)) live.series[name].unshift(value);
              }
              drawCharts();
            }
            """);
    }

    private static async Task RunAsync(DashboardPage page)
    {
        page.Gateway.Streams["generate_document"] = async (stream, _) =>
        {
            string[] sections = ["Summary", "What was promised", "What was measured", "What it cost"];
            for (int i = 0; i < 4; i++)
            {
                string message = $"Section {i + 1} of 6: {sections[i]}";
                JsonObject chunk = new() { ["section"] = sections[i], ["words"] = 180 + (i * 41) };
                await stream.SendAsync("progress", new JsonObject { ["progress"] = i + 1, ["total"] = 6, ["message"] = message });
                await stream.SendAsync("chunk", new JsonObject { ["index"] = i, ["data"] = chunk });
            }
            await stream.Aborted;
        };
        await page.Field("title*").FillAsync("Yearly report");
        await page.Field("sections").FillAsync("6");
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".chunks"), "What it cost");
    }
}

/// <summary>Skips unless pictures are wanted.</summary>
internal sealed class ScreenshotTheoryAttribute : TheoryAttribute
{
    public ScreenshotTheoryAttribute()
    {
        if (Environment.GetEnvironmentVariable("VARVE_WRITE_SCREENSHOTS") != "1")
            Skip = "VARVE_WRITE_SCREENSHOTS=1 writes the pictures of docs/pictures anew.";
        else if (Chromium.Path is null) Skip = Chromium.Missing;
    }
}
