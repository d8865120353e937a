namespace Varve.Cli.Transfer;

/// <summary>How rows of <c>import</c> and <c>export</c> look, one a line; see docs/cli.md.</summary>
internal enum RowFormat
{
    /// <summary>Key, tab, value, escaped as <c>scan</c> prints them.</summary>
    Tsv,

    /// <summary>
    /// One JSON object a line: <c>key</c> or <c>keyBase64</c>, <c>value</c> or <c>valueBase64</c>, and <c>map</c> where given.
    /// </summary>
    NdJson,
}

/// <summary>Names of formats.</summary>
internal static class RowFormats
{
    private static readonly string[] JsonEndings = [".ndjson", ".jsonl", ".json"];

    /// <summary>What a file's name says; TSV when it says nothing.</summary>
    public static RowFormat OfPath(string path) =>
        JsonEndings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase) ? RowFormat.NdJson : RowFormat.Tsv;
}
