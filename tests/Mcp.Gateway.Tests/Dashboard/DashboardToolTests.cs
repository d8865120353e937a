using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Varve.Mcp.Gateway.Tests.Dashboard;

/// <summary>The form that calls a tool, and its run.</summary>
[Collection(BrowserTests.Name)]
public sealed class DashboardToolTests(BrowserFixture fixture)
{
    [BrowserFact]
    public async Task A_call_shows_its_progress_its_chunks_and_its_result_as_they_come()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        TaskCompletionSource goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        gateway.Streams["generate_document"] = async (stream, _) =>
        {
            await stream.SendAsync("progress", FakeData.Parse("""{"progress": 1, "total": 3, "message": "Loading..."}"""));
            await stream.SendAsync("chunk", FakeData.Parse("""{"index": 0, "data": {"section": "one"}}"""));
            await goOn.Task;
            await stream.SendAsync("progress", FakeData.Parse("""{"progress": 3, "total": 3, "message": "Done"}"""));
            await stream.SendAsync("result", FakeData.Parse("""{"status": "success", "data": {"words": 300}, "replayed": true}"""));
            await stream.SendAsync("done", FakeData.Parse("""{"status": "complete"}"""));
        };
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/generate_document");
        await page.Field("title*").FillAsync("Report");
        await page.Field("Idempotency key").FillAsync("once");
        await page.Button("Run").ClickAsync();
        ILocator run = page.Page.Locator(".run");
        await DashboardPage.SeesAsync(run, "Loading...");
        await DashboardPage.SeesAsync(run, "1/3");
        await DashboardPage.SeesAsync(run, """{"section":"one"}""");
        await Assertions.Expect(page.Button("Run")).ToBeDisabledAsync();
        goOn.SetResult();
        await DashboardPage.SeesAsync(run.Locator(".json"), "\"words\": 300");
        await DashboardPage.SeesAsync(run.GetByRole(AriaRole.Status), "Success, answered from the journal");
        await Assertions.Expect(page.Button("Run")).ToBeEnabledAsync();
        AssertSent(gateway, """{"arguments": {"title": "Report", "sections": 3, "style": "plain"}, "idempotencyKey": "once"}""");
    }

    [BrowserFact]
    public async Task A_form_has_a_field_for_all_that_a_schema_may_say()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/create_user");
        await page.Field("name*").FillAsync("Ada");
        await page.Field("email*").FillAsync("ada@example.org");
        await page.Field("role").SelectOptionAsync("admin");
        await page.Field("age").FillAsync("36");
        await page.Field("active").UncheckAsync();
        await page.Button("Add item").ClickAsync();
        await DashboardPage.HasFocusAsync(page.Field("Item 1*"));
        await page.Field("Item 1*").FillAsync("first");
        await page.Button("Add item").ClickAsync();
        await page.Field("Item 2*").FillAsync("second");
        await page.Field("address").CheckAsync();
        await page.Field("city*").FillAsync("London");
        await page.Field("place").CheckAsync();
        await page.Field("lat").FillAsync("51.5");
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run .json"), "London");
        AssertSent(gateway, """
            {"arguments": {"name": "Ada", "email": "ada@example.org", "role": "admin", "age": 36, "active": false,
              "tags": ["first", "second"], "address": {"city": "London", "place": {"lat": 51.5}}}}
            """);
    }

    [BrowserFact]
    public async Task Entries_and_alternatives_have_fields_too()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/put_entries");
        await page.Field("name*").FillAsync("m");
        await page.Button("Add entry").ClickAsync();
        await page.Field("Name").FillAsync("__proto__");
        await page.Field("Value 1*").FillAsync("v");
        await page.Field("limit").CheckAsync();
        await page.Field("Kind").SelectOptionAsync("bytes");
        await page.Field("bytes*").FillAsync("9007199254740993");
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run .json"), "9007199254740993");
        AssertSent(gateway, """{"arguments": {"name": "m", "entries": {"__proto__": "v"}, "limit": {"bytes": 9007199254740993}}}""");
    }

    [BrowserFact]
    public async Task What_is_missing_or_wrong_is_told_at_its_field_and_nothing_is_sent()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/create_user");
        await page.Field("email*").FillAsync("no address");
        await page.Field("age").FillAsync("200");
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.GetByRole(AriaRole.Alert), "Not right yet: name, email, age");
        await DashboardPage.HasFocusAsync(page.Field("name*"));
        await DashboardPage.SeesAsync(page.View("tools"), "A text is needed.");
        await DashboardPage.SeesAsync(page.View("tools"), "It must match ^[^@]+@[^@]+$");
        await DashboardPage.SeesAsync(page.View("tools"), "At most 150.");
        Assert.Equal("true", await page.Field("age").GetAttributeAsync("aria-invalid"));
        Assert.DoesNotContain(gateway.Requests, request => request.Method == "POST");
    }

    [BrowserFact]
    public async Task What_the_gateway_says_of_an_argument_is_told_at_its_field()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        JsonObject problem = new() { ["title"] = "Bad request", ["detail"] = "email is taken.", ["argument"] = "email" };
        gateway.Refusals["POST /tools/create_user/stream"] = (400, problem, null);
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/create_user");
        await page.Field("name*").FillAsync("Ada");
        await page.Field("email*").FillAsync("ada@example.org");
        await page.Button("Run").ClickAsync();
        await DashboardPage.HasFocusAsync(page.Field("email*"));
        await DashboardPage.SeesAsync(page.Page.Locator(".run"), "email is taken.");
        await Assertions.Expect(page.Page.GetByText("email is taken.")).ToHaveCountAsync(2);
    }

    [BrowserTheory]
    [InlineData(503, "The queue is full.", 2, "The queue is full. Try again in 2 s.")]
    [InlineData(429, "Slow down.", 1, "Too many requests with this key. Try again in 1 s.")]
    [InlineData(500, "It failed.", null, "It failed. (reference r-77)")]
    public async Task A_refusal_is_told_as_it_is(int status, string detail, int? retryAfter, string shown)
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        JsonObject problem = new() { ["detail"] = detail, ["reference"] = status == 500 ? "r-77" : null };
        gateway.Refusals["POST /tools/list_tasks/stream"] = (status, problem, retryAfter);
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/list_tasks");
        await DashboardPage.SeesAsync(page.View("tools"), "This tool takes no arguments.");
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run"), shown);
        await DashboardPage.SeesAsync(page.Page.Locator(".run").GetByRole(AriaRole.Status), "Failed");
    }

    [BrowserFact]
    public async Task A_tools_own_error_and_an_error_in_the_stream_are_shown()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Streams["list_tasks"] = async (stream, _) =>
        {
            await stream.SendAsync("result", FakeData.Parse("""{"status": "error", "data": "No such list."}"""));
            await stream.SendAsync("done", FakeData.Parse("""{"status": "complete"}"""));
        };
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/list_tasks");
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run"), "No such list.");
        gateway.Streams["list_tasks"] = (stream, _) =>
            stream.SendAsync("error", FakeData.Parse("""{"code": "worker_lost", "message": "The worker ended before it answered."}"""));
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run"), "The worker ended before it answered.");
        await DashboardPage.SeesAsync(page.Page.Locator(".run"), "worker_lost");
    }

    [BrowserFact]
    public async Task A_call_is_cancelled_by_its_id_and_its_stream_is_closed()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        gateway.Streams["list_tasks"] = async (stream, _) =>
        {
            await stream.SendAsync("progress", FakeData.Parse("""{"progress": 1}"""));
            await stream.Aborted;
            closed.SetResult();
        };
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/list_tasks");
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run"), "running");
        await page.Page.Locator(".run .number", new PageLocatorOptions { HasTextString = "1" }).First.WaitForAsync();
        await page.UntilAsync("() => document.querySelector('.run .call-line .number').textContent === '1'");
        await page.Button("Cancel").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run").GetByRole(AriaRole.Status), "Cancelled");
        await closed.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await DashboardPage.HasFocusAsync(page.Button("Run"));
        await gateway.WaitForAsync(request => request is { Method: "DELETE", Path: "/calls/call7" });
        await DashboardPage.SeesAsync(page.Page.Locator(".run"), "The gateway ends the call by itself a little later");
    }

    [BrowserFact]
    public async Task A_stream_that_breaks_is_taken_up_where_it_ended()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        TaskCompletionSource seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        gateway.Streams["list_tasks"] = async (stream, _) =>
        {
            if (stream.LastEventId is null)
            {
                await stream.SendAsync("chunk", FakeData.Parse("""{"index": 0, "data": "first"}"""));
                await stream.SendAsync("chunk", FakeData.Parse("""{"index": 1, "data": "second"}"""));
                await seen.Task;
                stream.Abort();
                return;
            }
            await stream.SendAsync("result", new JsonObject { ["status"] = "success", ["data"] = $"resumed after {stream.LastEventId}" });
            await stream.SendAsync("done", FakeData.Parse("""{"status": "complete"}"""));
        };
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/list_tasks");
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".chunks"), "second");
        seen.SetResult();
        await DashboardPage.SeesAsync(page.Page.Locator(".run"), "resumed after call7-2");
        await DashboardPage.SeesAsync(page.Page.Locator(".chunks"), "first");
        Assert.Single(gateway.Requests, request => request is { Method: "POST", Path: "/tools/list_tasks/stream" });
        Assert.Single(gateway.Requests, request => request is { Method: "GET", Path: "/tools/list_tasks/stream" });
    }

    [BrowserFact]
    public async Task Arguments_can_be_written_as_JSON_and_the_form_shows_the_same()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/create_user");
        await page.Field("name*").FillAsync("Ada");
        ILocator json = Tab(page, "JSON"), form = Tab(page, "Form"), text = page.Field("Arguments as JSON");
        await json.ClickAsync();
        Assert.Contains("\"name\": \"Ada\"", await text.InputValueAsync(), StringComparison.Ordinal);
        await text.FillAsync("{");
        await form.ClickAsync();
        await DashboardPage.SeesAsync(page.View("tools"), "This is not JSON");
        const string Known = """{"name": "Grace", "email": "g@example.org", "active": true, "role": "editor", "tags": ["a", "b"]""";
        await text.FillAsync(Known + ", \"unknown\": 12345678901234567890}");
        await form.ClickAsync();
        await DashboardPage.SeesAsync(page.View("tools"), "The form cannot show all of this.");
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run .json"), "12345678901234567890");
        await text.FillAsync(Known + "}");
        await form.ClickAsync();
        Assert.Equal("Grace", await page.Field("name*").InputValueAsync());
        Assert.Equal("b", await page.Field("Item 2*").InputValueAsync());
    }

    [BrowserFact]
    public async Task A_tool_that_asks_for_more_gets_an_answer()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        gateway.Streams["list_tasks"] = async (stream, envelope) =>
        {
            await stream.SendAsync("result", envelope["inputResponses"] is { } responses
                ? new JsonObject { ["status"] = "success", ["data"] = responses.DeepClone() }
                : FakeData.Parse("""
                    {"status": "input_required", "data": {"requestState": "state-1", "inputRequests": {"who": {
                      "method": "elicitation/create", "params": {"message": "Who are you?", "requestedSchema": {
                        "type": "object", "required": ["nick"], "properties": {"nick": {"type": "string", "maxLength": 20}}}}}}}}
                    """));
            await stream.SendAsync("done", FakeData.Parse("""{"status": "complete"}"""));
        };
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, "#/tools/list_tasks");
        await page.Button("Run").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run"), "Who are you?");
        await page.Field("nick*").FillAsync("ada");
        await page.Button("Answer").ClickAsync();
        await DashboardPage.SeesAsync(page.Page.Locator(".run .json"), "\"nick\": \"ada\"");
        AssertSent(gateway, """
            {"arguments": {}, "inputResponses": {"who": {"action": "accept", "content": {"nick": "ada"}}}, "requestState": "state-1"}
            """);
    }

    [BrowserFact]
    public async Task A_tool_is_found_called_and_read_with_the_keyboard_alone()
    {
        await using FakeGateway gateway = await FakeGateway.StartAsync();
        await using DashboardPage page = await DashboardPage.OpenAsync(fixture, gateway, hasKey: false);
        IKeyboard keyboard = page.Page.Keyboard;
        await keyboard.TypeAsync(FakeGateway.Key);
        await keyboard.PressAsync("Enter");
        await DashboardPage.SeesAsync(page.View("overview"), "#0 pid 48211");
        await TabToAsync(page, "Tools");
        await keyboard.PressAsync("Enter");
        await DashboardPage.SeesAsync(page.View("tools"), "get_user");
        await TabToAsync(page, "Find a tool");
        await keyboard.TypeAsync("finds a user");
        await TabToAsync(page, "get_user");
        await keyboard.PressAsync("Enter");
        await DashboardPage.SeesAsync(page.View("tools"), "Finds a user by its id.");
        await TabToAsync(page, "user_id");
        await keyboard.TypeAsync("user-1");
        await keyboard.PressAsync("Enter");
        await DashboardPage.SeesAsync(page.Page.Locator(".run .json"), "\"user_id\": \"user-1\"");
        await TabToAsync(page, "Result");
        await DashboardPage.HasFocusAsync(page.Page.Locator(".run .json"));
    }

    /// <summary>Presses Tab until the element of this name has the focus, which then can be seen.</summary>
    private static async Task TabToAsync(DashboardPage page, string name)
    {
        const int PressesMax = 60;
        for (int i = 0; i < PressesMax; i++)
        {
            await page.Page.Keyboard.PressAsync("Tab");
            string focused = await page.Page.EvaluateAsync<string>("""
                () => {
                  const element = document.activeElement;
                  if (element === document.body) return "";
                  const label = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent;
                  const { outlineStyle, outlineWidth } = getComputedStyle(element);
                  if (outlineStyle === "none" || Number.parseFloat(outlineWidth) < 1) return `the focus on ${label} cannot be seen`;
                  return label.trim();
                }
                """);
            Assert.DoesNotContain("cannot be seen", focused, StringComparison.Ordinal);
            if (focused.StartsWith(name, StringComparison.Ordinal)) return;
        }
        Assert.Fail($"{PressesMax} presses of Tab did not come to {name}.");
    }

    private static ILocator Tab(DashboardPage page, string name) =>
        page.Page.GetByRole(AriaRole.Tab, new PageGetByRoleOptions { Name = name });

    private static void AssertSent(FakeGateway gateway, string expected)
    {
        FakeRequest sent = gateway.Requests.Last(request => request.Method == "POST");
        using JsonDocument actual = JsonDocument.Parse(sent.Body), wanted = JsonDocument.Parse(expected);
        Assert.True(JsonElement.DeepEquals(wanted.RootElement, actual.RootElement), sent.Body);
    }
}
