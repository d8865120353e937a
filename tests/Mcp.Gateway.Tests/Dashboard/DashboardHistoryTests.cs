using Microsoft.Playwright;

namespace Varve.Mcp.Gateway.Tests.Dashboard;

/// <summary>The journaled calls.</summary>
[Collection(BrowserTests.Name)]
public sealed class DashboardHistoryTests(BrowserFixture fixture)
{
    [BrowserFact]
    public async Task Calls_are_listed_and_one_is_shown_with_arguments_and_result()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/history");
        ILocator rows = page.View("history").Locator("tbody tr");
        await Assertions.Expect(rows).ToHaveCountAsync(6);
        await DashboardPage.SeesAsync(rows.Nth(3), "stopped");
        await rows.Nth(1).ClickAsync();
        ILocator detail = page.Page.Locator(".detail");
        foreach (string text in new[] { "process_payment", "c-1005", "completed", "\"amount\": \"120.50\"", "tx-000512" })
            await DashboardPage.SeesAsync(detail, text);
        Assert.EndsWith("#/history/c-1005", page.Page.Url, StringComparison.Ordinal);
        await page.Page.GoBackAsync();
        await DashboardPage.SeesAsync(detail, "Choose a call");
        lock (gateway.Calls) gateway.Calls.RemoveAt(0);
        await page.Button("Refresh").ClickAsync();
        await Assertions.Expect(rows).ToHaveCountAsync(5);
    }

    [BrowserFact]
    public async Task A_call_that_may_write_is_replayed_after_a_question()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/history/c-1004");
        await page.Button("Replay").ClickAsync();
        ILocator dialog = page.Page.GetByRole(AriaRole.Dialog);
        await DashboardPage.SeesAsync(dialog, "create_user may write.");
        await DashboardPage.HasFocusAsync(dialog.GetByText("Cancel"));
        await page.Page.Keyboard.PressAsync("Escape");
        await DashboardPage.IsHiddenAsync(dialog);
        await DashboardPage.HasFocusAsync(page.Button("Replay"));
        Assert.DoesNotContain(gateway.Requests, request => request.Method == "POST");

        await page.Button("Replay").ClickAsync();
        await dialog.GetByText("Replay", new LocatorGetByTextOptions { Exact = true }).ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".detail"), "c-1004-again");
        await Assertions.Expect(page.View("history").Locator("tbody tr")).ToHaveCountAsync(7);
        Assert.Single(gateway.Requests, request => request is { Method: "POST", Path: "/calls/c-1004/replay" });
    }

    [BrowserFact]
    public async Task A_call_that_only_reads_is_replayed_at_once()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/history/c-1002");
        await page.Button("Replay").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".detail"), "c-1002-again");
    }

    [BrowserFact]
    public async Task A_call_that_is_not_finished_is_followed_and_can_be_aborted()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/history/c-1006");
        ILocator detail = page.Page.Locator(".detail");
        await DashboardPage.SeesAsync(detail, "There is none yet.");
        gateway.Calls[0]["attempts"] = 2;
        await DashboardPage.SeesAsync(detail, "Attempts2");
        await page.Button("Abort").ClickAsync();
        await page.Page.GetByRole(AriaRole.Dialog).GetByText("Abort", new LocatorGetByTextOptions { Exact = true }).ClickAsync();
        await DashboardPage.SeesAsync(detail, "aborted");
        await DashboardPage.IsHiddenAsync(page.Button("Abort"));
        await DashboardPage.SeesAsync(page.View("history").Locator("tbody tr").Nth(0), "aborted");
    }

    [BrowserFact]
    public async Task The_arguments_of_a_call_can_be_taken_into_the_form()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/history/c-1005");
        await page.Button("Open in form").ClickAsync();
        await Assertions.Expect(page.Field("amount*")).ToHaveValueAsync("120.50");
        Assert.Equal("1", await page.Field("currency").InputValueAsync());
    }

    [BrowserFact]
    public async Task A_call_that_ends_is_in_the_list_soon_and_an_empty_journal_says_so()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Calls.Clear();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/history");
        await DashboardPage.SeesAsync(page.View("history"), "No call has been journaled yet.");
        await DashboardPage.SeesAsync(page.Page.Locator("#state"), "Ready");
        gateway.Calls.Add(FakeData.Calls()[1]);
        await gateway.TellAsync(
            """{"id": "a-1", "tool": "process_payment", "via": "rest", "event": "ended", "status": "success", "ms": 5}""");
        await DashboardPage.SeesAsync(page.View("history").Locator("tbody tr"), "process_payment");
    }

    [BrowserFact]
    public async Task An_unknown_call_and_a_refused_replay_are_told()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Refusals["POST /calls/c-1002/replay"] = (409, new() { ["detail"] = "Its arguments were not kept." }, null);
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/history/none");
        await DashboardPage.SeesAsync(page.Page.Locator(".detail"), "There is no such call");
        await page.View("history").Locator("tbody tr").Nth(4).ClickAsync();
        await page.Button("Replay").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.GetByRole(AriaRole.Alert), "Its arguments were not kept.");
    }
}
