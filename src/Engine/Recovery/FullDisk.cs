using Varve.Files;
using Varve.Levels;
using Varve.Log;

namespace Varve.Recovery;

/// <summary>
/// Makes room for an open that a full disk has refused. An open writes what the log holds to tables, and gives the log's slots back only
/// then; here that is done a segment at a time, so that the room of one segment is enough, and before that all goes that nobody needs.
/// </summary>
/// <remarks>
/// Whatever ends it, the database is whole: each step is what a flush does beside writers. What was read of the manifest may be only in
/// the system's memory, and the device's be an older one; so nothing that any manifest ever named goes before it has been written anew.
/// </remarks>
internal sealed class FullDisk
{
    private readonly EngineSetup _setup;
    private readonly Opening _opening;
    private readonly ManifestState _found;
    private readonly ManifestWriter _manifest;
    private readonly LogContext _context;
    private readonly LogEra _era;
    private readonly LogRecoveryResult _log;

    private FullDisk(EngineSetup setup, Opening opening, ManifestState found, LogEra era, LogRecoveryResult log)
    {
        _setup = setup;
        _opening = opening;
        _found = found;
        _era = era;
        _log = log;
        _manifest = opening.MakeManifest(found);
        _context = StoreOpener.LogContextOf(setup, found.DatabaseId);
    }

    /// <exception cref="StorageException">The disk refuses; that may also be for want of room still.</exception>
    public static void MakeRoom(EngineSetup setup)
    {
        using var opening = new Opening(setup, exclusive: true);
        if (Manifest.Load(setup.Files, setup.Directory) is not { LogEra: { } era } state) return;
        opening.MakeParts(state);
        HashSet<long> known = StoreOpener.CheckTablesExist(setup, state);
        LogRecoveryResult log;
        using (var replay = new Replay(setup, opening.Tables)) log = StoreOpener.ReplayLog(setup, state, replay)!;
        new FullDisk(setup, opening, state, era, log).Run(StoreOpener.FindUnknownTables(setup, known));
    }

    /// <summary>What to tell where no room could be made: how much is needed.</summary>
    public static StorageException Explain(EngineSetup setup, StorageException refusal)
    {
        try
        {
            // At most the log's content as tables, the manifest anew, and a log slot.
            long neededBytes = setup.LogSegmentBytes;
            bool hasManifest = false;
            foreach (string name in setup.Files.ListFiles(setup.Directory))
            {
                bool isManifest = FileNames.TryParseManifest(name, out _);
                hasManifest |= isManifest;
                if (!isManifest && !FileNames.IsOfLog(name)) continue;
                using IFile file = setup.Files.Open(Path.Combine(setup.Directory, name), FileOpening.Read);
                neededBytes += file.Length;
            }

            long freeBytes = setup.Files.GetAvailableBytes(setup.Directory);
            string reading = hasManifest ? "opening for reading needs none" : "there is no database yet";
            return new StorageException(
                refusal.Operation,
                refusal.Path,
                refusal.ErrorCode,
                $"the disk is full: opening for writing takes up to {neededBytes} bytes, {freeBytes} are free; {reading}");
        }
        catch (StorageException)
        {
            return refusal;
        }
    }

    private void Run(List<long> unknownTables)
    {
        DiskReserve.TryGiveBack(_setup.Files, _setup.Directory);
        CutLog();
        DeleteUnnamedManifests();
        foreach (string spare in FindSpares()) _setup.Files.Delete(spare);
        StoreOpener.DeleteTables(_setup, unknownTables.FindAll(number => number >= _found.NextFileNumber));

        // The clean end stays: nothing is logged.
        _manifest.Append(new LevelEdit { CleanEnd = _found.CleanEnd });
        StoreOpener.DeleteTables(_setup, unknownTables);
        DeleteHistory();
        var numbers = new FileNumbers(Math.Max(_found.NextFileNumber, unknownTables.Count > 0 ? unknownTables.Max() + 1 : 0));
        while (TryShortenLog(numbers)) DeleteHistory();
    }

    /// <summary>Behind the last frame of the log nothing is wanted, whatever the manifest on the device says.</summary>
    private void CutLog()
    {
        LogInventory inventory = TakeInventory();
        if (_log.ReadTo is not { } end || inventory.HighestNumber != end.Segment) return;
        using IFile file = _setup.Files.Open(inventory.Segments[^1].Path, FileOpening.ReadWrite);
        long bytes = LogFormat.RoundUpToGranularity(end.Offset);
        if (file.Length > bytes) file.SetLength(bytes);
    }

    /// <summary>Those above the one that counts were never named by CURRENT: an open failed before.</summary>
    private void DeleteUnnamedManifests()
    {
        FileNames.TryParseManifest(Path.GetFileName(_found.ReadUpTo!.Value.Path), out long current);
        foreach (string name in _setup.Files.ListFiles(_setup.Directory))
        {
            if (FileNames.TryParseManifest(name, out long number) && number > current)
                _setup.Files.Delete(Path.Combine(_setup.Directory, name));
        }
    }

    /// <summary>The slots that never held a segment.</summary>
    private List<string> FindSpares()
    {
        var spares = new List<string>();
        using var reader = new LogFrameReader(CancellationToken.None);
        foreach (string path in TakeInventory().OfOthers)
        {
            reader.Open(_setup.Files, path);
            if (reader.TryReadHeader(out LogSegmentHeader header) && header.Number == LogSegmentHeader.SpareNumber) spares.Add(path);
        }

        return spares;
    }

    /// <summary>The slots that only a change feed reads, or nobody.</summary>
    private void DeleteHistory()
    {
        LogInventory inventory = TakeInventory();
        foreach (string path in inventory.OfOthers) _setup.Files.Delete(path);
        foreach (string path in inventory.Unreadable) _setup.Files.Delete(path);
        if (inventory.Segments.Count == 0) return;
        int start = inventory.FindStart(_manifest.State.FlushedSequence);
        for (int i = 0; i < start; i++) _setup.Files.Delete(inventory.Segments[i].Path);
    }

    /// <summary>
    /// Writes what the oldest segment has to a table, so that it becomes history. False where it is the only one: then the open does that.
    /// </summary>
    private bool TryShortenLog(FileNumbers numbers)
    {
        ManifestState state = _manifest.State;
        LogInventory inventory = TakeInventory();
        if (inventory.Segments.Count < 2) return false;
        ulong lastSequence = inventory.Segments[inventory.FindStart(state.FlushedSequence) + 1].Header.StartSequence;
        if (lastSequence > _log.LastSequence) return false;
        using var replay = new Replay(_setup, _opening.Tables);
        LogRecovery.Run(_context, _era, state.FlushedSequence, _found.CleanEnd, TakeOldest, CancellationToken.None);
        LevelEdit edit = replay.WriteTables(numbers);
        edit.FlushedSequence = lastSequence;
        edit.NextFileNumber = numbers.Next;
        edit.CleanEnd = _found.CleanEnd;
        if (LostEdits.FindMismatch(edit, state) is { } mismatch) throw mismatch;
        _manifest.Append(edit);
        return true;

        void TakeOldest(ulong firstSequence, int sequenceCount, ReadOnlySpan<byte> payload)
        {
            if (firstSequence <= lastSequence) replay.Take(firstSequence, sequenceCount, payload);
        }
    }

    private LogInventory TakeInventory()
    {
        using var reader = new LogFrameReader(CancellationToken.None);
        return LogInventory.Take(_context, _era, reader);
    }
}
