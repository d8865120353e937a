using System.Net;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Varve.Mcp.Gateway.Dashboard;

namespace Varve.Mcp.Gateway.Tests.Dashboard;

public sealed partial class DashboardFilesTests : IAsyncLifetime
{
    private const string SvgNamespace = "http://www.w3.org/2000/svg";

    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false });
    private FakeGateway? _gateway;

    public async Task InitializeAsync()
    {
        _gateway = await FakeGateway.StartAsync();
        _client.BaseAddress = _gateway.Address;
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _gateway!.DisposeAsync();
    }

    [Fact]
    public async Task The_page_is_sent_with_a_policy_that_lets_nothing_in_from_elsewhere()
    {
        using HttpResponseMessage page = await GetAsync("", ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"));
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Equal("text/html; charset=utf-8", page.Content.Headers.ContentType!.ToString());
        Assert.Equal(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
            + "form-action 'none'; frame-ancestors 'none'",
            HeaderOf(page, "Content-Security-Policy"));
        Assert.Equal("nosniff", HeaderOf(page, "X-Content-Type-Options"));
        Assert.Equal("no-referrer", HeaderOf(page, "Referrer-Policy"));
        Assert.Equal("no-cache", HeaderOf(page, "Cache-Control"));
        Assert.Equal("Accept", HeaderOf(page, "Vary"));
    }

    [Theory]
    [InlineData("text/html", true)]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true)]
    [InlineData("application/json;q=0.5, text/html", true)]
    [InlineData("application/json, text/html;q=0.9", false)]
    [InlineData("text/html;q=0", false)]
    [InlineData("application/json", false)]
    [InlineData("*/*", false)]
    [InlineData("", false)]
    [InlineData("][", false)]
    public void A_page_is_for_those_who_ask_for_one(string accept, bool prefersPage)
    {
        DefaultHttpContext context = new();
        context.Request.Headers.Accept = accept;
        Assert.Equal(prefersPage, DashboardFiles.PrefersPage(context.Request));
    }

    [Theory]
    [InlineData("app.js", "text/javascript; charset=utf-8")]
    [InlineData("style.css", "text/css; charset=utf-8")]
    [InlineData("favicon.svg", "image/svg+xml")]
    [InlineData("vendor/uplot/uPlot.iife.min.js", "text/javascript; charset=utf-8")]
    [InlineData("vendor/uplot/LICENSE", "text/plain; charset=utf-8")]
    public async Task Files_have_their_types_and_the_same_policy(string file, string type)
    {
        using HttpResponseMessage answer = await GetAsync("dashboard/" + file);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(type, answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(DashboardFiles.ContentSecurityPolicy, HeaderOf(answer, "Content-Security-Policy"));
        Assert.Equal(answer.Content.Headers.ContentLength, (await answer.Content.ReadAsByteArrayAsync()).Length);
    }

    [Fact]
    public async Task A_file_that_is_known_is_not_sent_again()
    {
        using HttpResponseMessage first = await GetAsync("dashboard/app.js");
        string tag = HeaderOf(first, "ETag");
        using HttpResponseMessage second = await GetAsync("dashboard/app.js", ("If-None-Match", $"\"other\", W/{tag}"));
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        Assert.Equal(tag, HeaderOf(second, "ETag"));
        Assert.Empty(await second.Content.ReadAsByteArrayAsync());
        using HttpResponseMessage other = await GetAsync("dashboard/style.css", ("If-None-Match", tag));
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
    }

    [Fact]
    public async Task HEAD_gets_the_headers_alone()
    {
        using HttpResponseMessage answer = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "dashboard/app.js"));
        Assert.True(answer.Content.Headers.ContentLength > 0);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("dashboard/none.js")]
    [InlineData("dashboard/App.js")]
    [InlineData("dashboard/vendor")]
    [InlineData("dashboard/vendor/uplot/..%2f..%2fapp.js")]
    [InlineData("dashboard/%2e%2e%2fapp.js")]
    [InlineData("dashboard//app.js")]
    public async Task What_is_no_file_is_not_found(string path)
    {
        using HttpResponseMessage answer = await GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Theory]
    [InlineData("dashboard")]
    [InlineData("dashboard/")]
    [InlineData("dashboard/index.html")]
    public async Task The_page_is_at_the_root_alone(string path)
    {
        using HttpResponseMessage answer = await GetAsync(path);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal("/", answer.Headers.Location!.OriginalString);
    }

    [Fact]
    public async Task Whatever_the_page_and_its_modules_name_is_there_and_nothing_else_is()
    {
        HashSet<string> named = [DashboardFiles.Page, "vendor/uplot/LICENSE"];
        string page = await TextOfAsync("", ("Accept", "text/html"));
        foreach (Match reference in PageReference().Matches(page)) named.Add(reference.Groups["file"].Value);
        Queue<string> modules = new(named.Where(name => IsOwn(name) && name.EndsWith(".js", StringComparison.Ordinal)));
        while (modules.TryDequeue(out string? module))
        {
            foreach (Match import in ModuleImport().Matches(await TextOfAsync("dashboard/" + module)))
            {
                if (named.Add(import.Groups["file"].Value)) modules.Enqueue(import.Groups["file"].Value);
            }
        }
        Assert.Equal(named.Order(StringComparer.Ordinal), DashboardFiles.Names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Nothing_names_another_host_and_data_never_becomes_markup()
    {
        List<string> wrong = [];
        foreach (string name in DashboardFiles.Names.Where(name => IsOwn(name) && name != DashboardFiles.Page))
        {
            string text = await TextOfAsync("dashboard/" + name);
            text = text.Replace(SvgNamespace, "", StringComparison.Ordinal);
            if (OtherHost().IsMatch(text)) wrong.Add($"{name}: {OtherHost().Match(text).Value}");
            if (Markup().IsMatch(text)) wrong.Add($"{name}: {Markup().Match(text).Value}");
        }
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("uPlot.iife.min.js", "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f")]
    [InlineData("uPlot.min.css", "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04")]
    public async Task What_others_wrote_is_as_they_published_it(string file, string hash)
    {
        byte[] content = await _client.GetByteArrayAsync("dashboard/vendor/uplot/" + file);
        Assert.Equal(hash, Convert.ToHexStringLower(SHA256.HashData(content)));
    }

    private async Task<HttpResponseMessage> GetAsync(string path, params (string Name, string Value)[] headers)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, path);
        foreach ((string name, string value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await _client.SendAsync(request);
    }

    private async Task<string> TextOfAsync(string path, params (string Name, string Value)[] headers)
    {
        using HttpResponseMessage answer = await GetAsync(path, headers);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {answer.StatusCode}");
        return await answer.Content.ReadAsStringAsync();
    }

    private static bool IsOwn(string name) => !name.StartsWith("vendor/", StringComparison.Ordinal);

    private static string HeaderOf(HttpResponseMessage answer, string name) => string.Join(", ", answer.Headers.GetValues(name));

    [GeneratedRegex("""(?:href|src)="dashboard/(?<file>[^"]+)"|(?:href|src)="(?<file>\w+:[^"]*)" """)]
    private static partial Regex PageReference();

    [GeneratedRegex("""\bfrom "\./(?<file>[^"]+)";""")]
    private static partial Regex ModuleImport();

    [GeneratedRegex("""(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}""", RegexOptions.IgnoreCase)]
    private static partial Regex OtherHost();

    [GeneratedRegex("""\.(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function|createContextualFragment""")]
    private static partial Regex Markup();
}
