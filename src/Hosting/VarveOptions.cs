namespace Varve.Extensions.Hosting;

/// <summary>Where a database of the host lives and how it is opened. Read once, when it is opened.</summary>
public sealed class VarveOptions
{
    /// <summary>
    /// The database's directory; no default. A relative path begins at the host's content root or, without a host, at the current
    /// directory.
    /// </summary>
    public string Directory { get; set; } = "";

    /// <summary>How it is opened; the defaults of <see cref="DatabaseOptions"/>.</summary>
    /// <remarks><see cref="DatabaseOptions.OnEvent"/> is told every event before it is logged.</remarks>
    public DatabaseOptions Database { get; } = new();

    /// <summary>
    /// Whether events are written to the log, category <c>Varve.Database</c>; default true. Levels by event: see docs/observability.md.
    /// </summary>
    public bool LogEvents { get; set; } = true;
}
