using Varve.Catalog;
using Varve.Files;
using Varve.Log;
using Varve.Reading;

namespace Varve.Feed;

/// <summary>What feeds read: the log, how far they may show it, and the names of the maps. Safe for concurrent use.</summary>
internal sealed class ChangeSource(IFileSystem files, LogHistory history, LogWriter? log, ReadViews views, MapCatalog catalog)
{
    private volatile bool _isClosed;

    /// <summary>How much survives a power cut. Null where the database was opened for reading: everything it shows.</summary>
    public Func<ulong>? GetDurableSequence { get; init; }

    /// <summary>Brings to the files what is only in the log's window.</summary>
    public Action? DrainLog { get; init; }

    /// <summary>What an open for reading has found in the window of a process that died.</summary>
    public LogWindowContent? Window
    {
        init => Segments.Window = value;
    }

    public IFileSystem Files => files;

    public MapCatalog Catalog => catalog;

    public LogSegments Segments { get; } = new(history, log);

    /// <summary>True while more may come.</summary>
    public bool IsLive => log is not null;

    /// <summary>The lowest sequence from which a feed can go on.</summary>
    public ulong OldestSequence => Segments.OldestStart;

    /// <summary>What retired segments take on the disk.</summary>
    public long HistoryBytes => history.Bytes;

    /// <summary>
    /// How far a feed may show the log: what reads see and, as asked, what survives a power cut or what can be read from the files. After a
    /// failed sync of the log tables may survive with more than the log still shows: the feed ends before, until the next open.
    /// </summary>
    public ulong GetLimit(bool durableOnly)
    {
        ObjectDisposedException.ThrowIf(_isClosed, typeof(Database));
        if (log is null || GetDurableSequence is null) return views.VisibleSequence;

        // What a log holds behind its last sync cannot be relied on once a write or sync of it failed; the next open tells what is there.
        if (log.IsSealed) return Math.Min(GetDurableSequence(), log.SyncedSequence);
        if (durableOnly) return GetDurableSequence();
        ulong visible = views.VisibleSequence;
        if (log.DrainedSequence < Math.Min(visible, log.KeptSequence)) DrainLog?.Invoke();
        return Math.Min(visible, log.DrainedSequence);
    }

    /// <summary>Ends when there may be more than at the time of the call.</summary>
    public Task GetProgress() => log!.Progress.GetNext();

    /// <summary>Feeds end with an exception from now on.</summary>
    public void Close()
    {
        _isClosed = true;
        log?.Progress.End();
    }
}
