namespace Varve.Cli.Transfer;

/// <summary>
/// Where an export goes: the standard output, or a file that has its name only once it is whole. Disposed before that, it leaves nothing.
/// </summary>
internal sealed class ExportOutput : IDisposable
{
    private const string PartialSuffix = ".partial";

    private readonly string? _path;
    private readonly bool _replaces;
    private bool _isWhole;

    private ExportOutput(Stream stream, string? path, bool replaces)
    {
        Stream = stream;
        _path = path;
        _replaces = replaces;
    }

    public Stream Stream { get; }

    public static ExportOutput ToStandardOutput(Stream stream) => new(stream, null, replaces: false);

    /// <param name="path">The file's name when it is whole; until then it has another.</param>
    /// <param name="replaces">Whether there may be a file of this name.</param>
    public static ExportOutput ToFile(string path, bool replaces)
    {
        path = Path.GetFullPath(path);
        if (Directory.Exists(path)) throw CommandFailureException.Usage($"'{path}' is a directory.");
        if (!replaces && File.Exists(path)) throw CommandFailureException.Usage($"There is a file '{path}'; --force replaces it.");

        // One that a killed process has left is of no use to anybody.
        return new ExportOutput(new FileStream(path + PartialSuffix, FileMode.Create, FileAccess.Write), path, replaces);
    }

    /// <summary>Gives the file its name, on disk.</summary>
    public void Complete()
    {
        _isWhole = true;
        if (_path is null) return;
        ((FileStream)Stream).Flush(flushToDisk: true);
        Stream.Dispose();
        File.Move(_path + PartialSuffix, _path, _replaces);
    }

    public void Dispose()
    {
        if (_path is null || _isWhole) return;
        Stream.Dispose();
        File.Delete(_path + PartialSuffix);
    }
}
