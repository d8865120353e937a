using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Varve.Mcp.Gateway.Tests.Dashboard;

/// <summary>The key: asked for, kept for the tab, asked for again.</summary>
[Collection(BrowserTests.Name)]
public sealed class DashboardKeyTests(BrowserFixture fixture)
{
    [BrowserFact]
    public async Task The_key_is_asked_for_and_kept_until_it_is_forgotten()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, hasKey: false);
        await DashboardPage.HasFocusAsync(page.Field("API key"));
        await DashboardPage.IsHiddenAsync(page.Page.Locator("nav"));
        await page.Field("API key").FillAsync(FakeGateway.Key);
        await page.Page.Keyboard.PressAsync("Enter");
        await DashboardPage.SeesAsync(page.View("overview"), "#0 pid 48211");
        await page.Page.ReloadAsync();
        await DashboardPage.SeesAsync(page.View("overview"), "#0 pid 48211");
        Assert.Null(await page.Page.EvaluateAsync<string?>("() => localStorage.getItem('varve-api-key')"));
        Assert.DoesNotContain(gateway.Requests, request => request.Path.Contains(FakeGateway.Key, StringComparison.Ordinal));

        await page.Button("Forget the key").ClickAsync();
        await DashboardPage.HasFocusAsync(page.Field("API key"));
        await page.Page.ReloadAsync();
        await DashboardPage.HasFocusAsync(page.Field("API key"));
    }

    [BrowserFact]
    public async Task A_wrong_key_is_told_and_asked_for_again()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, hasKey: false);
        await page.Button("Continue").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.GetByRole(AriaRole.Alert), "A key is needed.");
        await page.Field("API key").FillAsync("wrong");
        await page.Button("Continue").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.GetByRole(AriaRole.Alert), "The gateway does not take this key.");
        await DashboardPage.HasFocusAsync(page.Field("API key"));
        await page.Field("API key").FillAsync(FakeGateway.Key);
        await page.Button("Continue").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator("#state"), "Ready");
    }

    [BrowserFact]
    public async Task Too_many_wrong_keys_are_told_with_the_time_to_wait()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Refusals["GET /stats"] = (429, new JsonObject { ["title"] = "Too many requests" }, 7);
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, hasKey: false);
        await page.Field("API key").FillAsync(FakeGateway.Key);
        await page.Button("Continue").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.GetByRole(AriaRole.Alert), "Try again in 7 s.");
    }

    [BrowserFact]
    public async Task A_key_that_is_not_taken_any_more_is_asked_for_again_and_nothing_goes_on_with_it()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/history");
        await DashboardPage.SeesAsync(page.View("history"), "create_user");
        gateway.Refusals["GET /calls"] = (401, [], null);
        await EndCallAsync(page);
        await DashboardPage.SeesAsync(page.Page.GetByRole(AriaRole.Alert), "The gateway does not take this key any more.");
        Assert.Null(await page.Page.EvaluateAsync<string?>("() => sessionStorage.getItem('varve-api-key')"));

        // The list that was to be asked for because of a call's end is not asked for any more.
        await page.Field("API key").FillAsync(FakeGateway.Key);
        await EndCallAsync(page);
        gateway.Refusals.Clear();
        await page.Button("Continue").ClickAsync();
        await DashboardPage.SeesAsync(page.View("history"), "create_user");
        Assert.DoesNotContain(gateway.Requests, request => request is { Path: "/calls", Key: "" });
    }

    /// <summary>The page hears that a call has ended, and asks for the list.</summary>
    private static Task EndCallAsync(DashboardPage page) => page.Page.EvaluateAsync("""
        async () => {
          const { live } = await import("/dashboard/live.js");
          live.dispatchEvent(new Event("ended"));
        }
        """);
}
