namespace Varve;

/// <summary>The names under which the library's figures and activities are found.</summary>
public static class VarveDiagnostics
{
    /// <summary>
    /// The name of the <see cref="System.Diagnostics.Metrics.Meter"/>; its instruments are listed in docs/observability.md.
    /// </summary>
    public const string MeterName = "Varve";

    /// <summary>The name of the <see cref="System.Diagnostics.ActivitySource"/>.</summary>
    public const string ActivitySourceName = "Varve";

    /// <summary>The tag that every measurement and every activity carries: the full path of the database's directory.</summary>
    public const string DirectoryTag = "varve.directory";
}
