namespace Varve.Mcp.Gateway.Tests.Dashboard;

/// <summary>The browser that the tests drive.</summary>
internal static class Chromium
{
    private const string Variable = "VARVE_CHROMIUM";

    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];

    /// <summary>Its path; null where there is none.</summary>
    public static string? Path { get; } = Find();

    public static string Missing =>
        $"There is no Chromium: tests/Mcp.Gateway.Tests/install-browser installs one, or {Variable} names one that is there.";

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named) return File.Exists(named) ? named : null;
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator);
        string ending = OperatingSystem.IsWindows() ? ".exe" : "";
        IEnumerable<string> places = from name in Names from folder in folders select System.IO.Path.Combine(folder, name + ending);
        return places.FirstOrDefault(File.Exists);
    }
}

/// <summary>A test that needs a browser; skipped where there is none, and says what installs it.</summary>
internal sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        if (Chromium.Path is null) Skip = Chromium.Missing;
    }
}

/// <summary>The same, once for each row of data.</summary>
internal sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public BrowserTheoryAttribute()
    {
        if (Chromium.Path is null) Skip = Chromium.Missing;
    }
}
