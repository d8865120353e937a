using System.Text;
using Varve.Cli.Output;

namespace Varve.Cli.Transfer;

/// <summary>What an import was asked for.</summary>
/// <param name="Source">What errors call the input: the path as given, or <c>-</c>.</param>
/// <param name="InputBytes">Its length; null when that is not known.</param>
/// <param name="Name">Under which the position is kept; null to keep none.</param>
/// <param name="Map">For rows that name none.</param>
/// <param name="Format">How rows look.</param>
/// <param name="Restarts">Begin anew, whatever an earlier run has left.</param>
/// <param name="ValueBytesMax">Most that a value may have.</param>
internal sealed record ImportRequest(
    string Source, long? InputBytes, string? Name, string Map, RowFormat Format, bool Restarts, int ValueBytesMax);

/// <summary>What an import did.</summary>
/// <param name="Entries">Rows, those of earlier runs included.</param>
/// <param name="Lines">Lines, empty ones included.</param>
/// <param name="Bytes">Bytes of the input.</param>
/// <param name="ResumedAtLine">The first line this run has read; 1 when it began anew.</param>
internal sealed record ImportResult(long Entries, long Lines, long Bytes, long ResumedAtLine);

/// <summary>
/// Reads lines, and puts their rows into maps. However it ends, the database holds the rows of whole lines up to one of them, and knows
/// which: the same command goes on there.
/// </summary>
internal sealed class Importer : IDisposable
{
    private const int CancellationCheckMask = 0x3FF;
    private const long ViewLines = 8 << 10;

    private readonly ImportRequest _request;
    private readonly RowSink? _sink;
    private readonly RowParser _parser;
    private readonly LineReader _lines;
    private readonly Action<ProgressView> _show;
    private long _entries;

    /// <param name="request">What is asked for.</param>
    /// <param name="stream">Read from its beginning, whether or not an earlier run has read some of it.</param>
    /// <param name="sink">Null only checks the lines.</param>
    /// <param name="show">Told how far it is.</param>
    public Importer(ImportRequest request, Stream stream, RowSink? sink, Action<ProgressView> show)
    {
        _request = request;
        _sink = sink;
        _show = show;
        _parser = RowParser.Create(request.Format, request.ValueBytesMax);
        _lines = new LineReader(stream, _parser.LineBytesMax, hashes: request.Name is not null && sink is not null);
    }

    /// <param name="resumed">What an earlier run has left; null begins anew.</param>
    /// <param name="cancellation">Commits the lines read, and ends.</param>
    public async Task<ImportResult> RunAsync(ImportPosition? resumed, CancellationToken cancellation)
    {
        long firstLine = 1;
        try
        {
            if (resumed is not null) firstLine = await ResumeAsync(resumed, cancellation).ConfigureAwait(false);
            do
            {
                TakeLines(cancellation);
            }
            while (await _lines.ReadAsync(cancellation).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            throw Stop(ExitCode.Canceled, "canceled");
        }

        _sink?.CommitLast();
        return new ImportResult(_entries, _lines.LineNumber, _lines.Position, firstLine);
    }

    public void Dispose() => _lines.Dispose();

    private async Task<long> ResumeAsync(ImportPosition position, CancellationToken cancellation)
    {
        bool isSame = position.Format == _request.Format
            && await _lines.TrySkipAsync(position.Bytes, position.Lines, position.Sha256, cancellation).ConfigureAwait(false);
        if (!isSame)
        {
            throw CommandFailureException.Usage(
                $"{_request.Source}: its import stopped behind line {Figures.Count(position.Lines)}, and it is not the same up to there "
                + "any more. Begin anew with --restart.");
        }

        _entries = position.Entries;
        return position.Lines + 1;
    }

    private void TakeLines(CancellationToken cancellation)
    {
        while (true)
        {
            // Asked between lines only: what is taken is also added.
            if ((_lines.LineNumber & CancellationCheckMask) == 0) cancellation.ThrowIfCancellationRequested();
            if (!_lines.TryTake(out ReadOnlySpan<byte> line)) break;
            if (!line.IsEmpty) TakeRow(line);
            if (_lines.LineNumber % ViewLines == 0) Show();
        }

        if (_lines.IsLineTooLong) throw StopAt(_lines.LineNumber + 1, 1, "the line is longer than any row may be");
    }

    private void TakeRow(ReadOnlySpan<byte> line)
    {
        if (_parser.Parse(line) is { } problem)
        {
            int column = ColumnOf(line, problem.ByteOffset);
            _lines.TakeBack();
            throw StopAt(_lines.LineNumber + 1, column, problem.Detail);
        }

        if (_sink is { } sink && !sink.HasRoomFor((long)_parser.Key.Length + _parser.Value.Length))
        {
            // The position of a batch is that of its last row.
            _lines.TakeBack();
            sink.Commit(PositionHere);
            _lines.TryTake(out _);
        }

        _sink?.Add(_parser.Map, _parser.Key, _parser.Value, _parser.Expiry);
        _entries++;
    }

    /// <summary>Characters before the place, as an editor counts them, and one.</summary>
    private static int ColumnOf(ReadOnlySpan<byte> line, int byteOffset)
    {
        int column = 1;
        foreach (Rune _ in Encoding.UTF8.GetString(line[..Math.Min(byteOffset, line.Length)]).EnumerateRunes()) column++;
        return column;
    }

    private ImportPosition PositionHere() =>
        new(_lines.Position, _lines.LineNumber, _entries, _request.Format, _lines.GetHash());

    private void Show()
    {
        double? share = _request.InputBytes is > 0 and { } bytes ? Math.Min(1, (double)_lines.Position / bytes) : null;
        _show(new ProgressView(share, $"{(_sink is null ? "checking" : "importing")} {Figures.Count(_entries, "entry", "entries")}"));
    }

    private CommandFailureException StopAt(long line, int column, string detail)
    {
        string place = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{_request.Source}:{line}:{column}");
        return Stop(ExitCode.Usage, $"{place}: {detail}");
    }

    /// <summary>Commits the rows before this place.</summary>
    private CommandFailureException Stop(int exitCode, string why)
    {
        if (_sink is null) return new CommandFailureException(exitCode, why + ".");
        _sink.CommitAndSync(PositionHere);
        string before = Figures.Count(_lines.LineNumber, "line", "lines");
        string next = _request.Name is null ? "" : "; the same command goes on behind them";
        return new CommandFailureException(exitCode, $"{why}. The {before} before it are imported{next}.");
    }
}
