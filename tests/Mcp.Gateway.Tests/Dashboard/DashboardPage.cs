using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace Varve.Mcp.Gateway.Tests.Dashboard;

/// <summary>The dashboard of a fake gateway in a browser. At its end nothing may have gone wrong in the page unseen.</summary>
internal sealed class DashboardPage : IAsyncDisposable
{
    private const float TimeMax = 30_000;

    // A browser reports answers other than success itself, whatever the page makes of them.
    private const string FailedRequest = "Failed to load resource";

    private readonly IBrowserContext _context;
    private readonly ConcurrentQueue<string> _errors = new();

    private DashboardPage(FakeGateway gateway, IBrowserContext context, IPage page)
    {
        Gateway = gateway;
        _context = context;
        Page = page;
    }

    public FakeGateway Gateway { get; }

    public IPage Page { get; }

    /// <summary>Opens the page; with the key given unless that is what the test is about.</summary>
    public static async Task<DashboardPage> OpenAsync(
        BrowserFixture fixture, FakeGateway gateway, string view = "", bool hasKey = true, int width = 1280, int height = 900,
        ColorScheme scheme = ColorScheme.Light)
    {
        IBrowserContext context = await fixture.Browser.NewContextAsync(new BrowserNewContextOptions
        {
            ViewportSize = new ViewportSize { Width = width, Height = height },
            ColorScheme = scheme,
            ReducedMotion = ReducedMotion.Reduce,
        });
        context.SetDefaultTimeout(TimeMax);
        IPage page = await context.NewPageAsync();
        DashboardPage dashboard = new(gateway, context, page);
        page.PageError += (_, error) => dashboard._errors.Enqueue(error);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning" && !message.Text.StartsWith(FailedRequest, StringComparison.Ordinal))
                dashboard._errors.Enqueue(message.Text);
        };
        page.Dialog += (_, dialog) => dashboard._errors.Enqueue($"dialog: {dialog.Message}");
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url).Authority != gateway.Address.Authority) dashboard._errors.Enqueue($"another host: {request.Url}");
        };
        await page.AddInitScriptAsync("""
            document.addEventListener("securitypolicyviolation",
              (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
            """);
        if (hasKey) await page.AddInitScriptAsync($"sessionStorage.setItem('varve-api-key', '{FakeGateway.Key}')");
        await page.GotoAsync(gateway.Address + view);
        return dashboard;
    }

    public ILocator View(string name) => Page.Locator($"#view-{name}");

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = name, Exact = true });

    public ILocator Field(string label) => Page.GetByLabel(label, new PageGetByLabelOptions { Exact = true });

    public static Task SeesAsync(ILocator place, string text) =>
        Assertions.Expect(place).ToContainTextAsync(text, new LocatorAssertionsToContainTextOptions { Timeout = TimeMax });

    public static Task IsVisibleAsync(ILocator place) =>
        Assertions.Expect(place).ToBeVisibleAsync(new LocatorAssertionsToBeVisibleOptions { Timeout = TimeMax });

    public static Task IsHiddenAsync(ILocator place) =>
        Assertions.Expect(place).ToBeHiddenAsync(new LocatorAssertionsToBeHiddenOptions { Timeout = TimeMax });

    public static Task HasFocusAsync(ILocator place) =>
        Assertions.Expect(place).ToBeFocusedAsync(new LocatorAssertionsToBeFocusedOptions { Timeout = TimeMax });

    /// <summary>Waits until an expression of JavaScript is true.</summary>
    public Task UntilAsync(string expression) => Page.WaitForFunctionAsync(expression);

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        Assert.Empty(_errors);
    }
}
