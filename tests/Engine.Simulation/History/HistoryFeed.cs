using System.Buffers.Binary;
using Varve.Feed;

namespace Varve.Simulation;

/// <summary>
/// Follows the change feed through the generations of a history, and holds what it shows against the model: the batches that were
/// committed, whole, in their order, none twice, none left out, durable ones only.
/// </summary>
internal sealed class HistoryFeed(HistoryModel model)
{
    private readonly List<Run> _runs = [];
    private ChangeReader? _reader;
    private Run? _run;
    private List<Change> _pieces = [];

    /// <summary>True once a crash may have taken what the feed had not read: below Synced a power cut may.</summary>
    public bool MayBeLost { get; set; } = !model.Options.KeepsWholeHistory;

    /// <summary>A log that failed shows what it had synced; what else is durable comes with the next open, or is told as lost.</summary>
    public bool LogMayFail { get; set; }

    /// <summary>The batch it has seen last.</summary>
    private ulong Position => _run?.To ?? 0;

    /// <summary>The database was opened and recovered up to a batch.</summary>
    public void Begin(Database database, ulong lastSequence)
    {
        if (Position > lastSequence)
            throw new HistoryViolationException($"the feed has shown batch {Position} as durable, recovered is {lastSequence}");
        Open(database, Position);
    }

    /// <summary>Reads on for a few batches, or to the end.</summary>
    public void Read(Database database, int count, Func<bool> isOver)
    {
        for (int i = 0; i < count && _reader is not null; i++)
        {
            try
            {
                if (!_reader.TryRead(out ChangeBatch? batch) || isOver()) return;
                Take(database, batch);
            }
            catch (ChangeHistoryLostException lost)
            {
                if (isOver()) return;
                if (!MayBeLost) throw new HistoryViolationException($"the feed behind {Position} is lost: {lost.Message}");
                if (lost.OldestSequence <= Position) throw new HistoryViolationException($"nothing is lost, but: {lost.Message}");
                Open(database, lost.OldestSequence);
            }
            catch (StorageException)
            {
                // The disk fails; whether it may is checked by the run. Of no more use is only the reader.
                Open(database, Position);
                throw;
            }
        }
    }

    /// <summary>The generation ends in order: everything durable is read, and all that was read is checked.</summary>
    public void End(Database database)
    {
        Read(database, int.MaxValue, static () => false);
        bool showsAll = !LogMayFail || database.GetHealth().IsWritable;
        if (showsAll && _run is { } run) run.To = Math.Max(run.To, model.LastBatchUpTo(database.DurableSequence));
        Check();
        Close();
    }

    /// <summary>The machine went down: what was read up to then is checked, once the model knows what was recovered.</summary>
    public void Close()
    {
        _reader?.Dispose();
        _reader = null;
        _pieces = [];
    }

    /// <summary>Checks all that was read. The model knows the sequences of all batches.</summary>
    public void Check()
    {
        foreach (Run run in _runs) CheckRun(model, run);
    }

    /// <summary>Reads the whole feed of a database that was just opened.</summary>
    /// <param name="database">Recovered up to <paramref name="lastSequence"/>.</param>
    /// <param name="model">What must be in it.</param>
    /// <param name="lastSequence">The last batch that is there.</param>
    /// <param name="isWhole">Nothing may be lost.</param>
    public static void CheckWhole(Database database, HistoryModel model, ulong lastSequence, bool isWhole)
    {
        ulong oldest = database.OldestChangeSequence;
        var feed = new HistoryFeed(model) { MayBeLost = !isWhole };
        if (isWhole && oldest != 0) throw new HistoryViolationException($"the feed begins behind {oldest}, nothing may be lost");
        feed.Open(database, oldest);
        HistoryTally before = model.Tally with { };
        feed.Read(database, int.MaxValue, static () => false);
        model.Tally.CountAsChecked(before);
        if (feed._run is { } run) run.To = Math.Max(run.To, lastSequence);
        feed.Check();
        feed.Close();
    }

    private void Open(Database database, ulong after)
    {
        Close();
        if (_run is null || _run.To != after) _runs.Add(_run = new Run(after) { To = after });
        _reader = database.CreateChangeReader(after, new ChangeFeedOptions { PieceBytes = ChangeFeedOptions.PieceBytesMin });
    }

    private void Take(Database database, ChangeBatch batch)
    {
        if (batch.Sequence > database.DurableSequence)
            throw new HistoryViolationException($"the feed shows {batch.Sequence}, durable is {database.DurableSequence}");
        if (batch.IsFirstPiece != (_pieces.Count == 0))
            throw new HistoryViolationException($"batch {batch.Sequence} of the feed begins in the middle");
        _pieces.AddRange(batch.Changes);
        model.Tally.Changes += batch.Changes.Count;
        if (!batch.IsLastPiece) return;
        if (_pieces[0].MapName != RecoveryCheck.LaterName)
        {
            _run!.Batches.Add(new Shown(batch.Sequence, _pieces));
            _run.To = batch.Sequence;
        }

        _pieces = [];
    }

    /// <summary>An ingest that failed in its last step leaves its marks, and nothing else: who reads the map sees that.</summary>
    private static bool IsVoidIngest(HistoryModel model, Shown shown)
    {
        if (shown.Changes[^1] is not { Kind: ChangeKind.Ingest, MapName: HistoryModel.JournalName } mark) return false;
        HistoryBatch batch = model.Batches[BinaryPrimitives.ReadInt32BigEndian(mark.Key.Span)];
        return batch.IsIngest && (batch.IsDead || batch.Sequence == 0);
    }

    private static void CheckRun(HistoryModel model, Run run)
    {
        run.Batches.RemoveAll(shown => IsVoidIngest(model, shown));
        List<HistoryBatch> expected =
        [
            .. model.Batches.Where(batch => HistoryModel.IsThere(batch, run.To) && batch.Sequence > run.From)
                .OrderBy(batch => batch.Sequence),
        ];
        string where = $"the feed from {run.From} to {run.To} ([{string.Join(", ", run.Batches.Select(shown => shown.Sequence))}])";
        for (int i = 0; i < Math.Max(expected.Count, run.Batches.Count); i++)
        {
            if (i == expected.Count) throw new HistoryViolationException($"{where} shows {run.Batches[i]}, which is no batch");
            HistoryBatch wanted = expected[i];
            if (i == run.Batches.Count) throw new HistoryViolationException($"{where} lacks batch {wanted.Sequence}");
            if (run.Batches[i].Sequence != wanted.Sequence)
                throw new HistoryViolationException($"{where} shows {run.Batches[i]}, expected {wanted.Sequence}");
            CheckChanges(model, wanted, run.Batches[i].Changes);
        }
    }

    private static void CheckChanges(HistoryModel model, HistoryBatch batch, List<Change> changes)
    {
        string where = $"batch {batch.Sequence} of the feed";
        List<ExpectedChange> expected = batch.IsIngest ? ExpectIngest(model, batch) : ExpectWrite(model, batch);
        if (changes.Count != expected.Count)
            throw new HistoryViolationException($"{where} has {changes.Count} changes, expected {expected.Count}");
        for (int i = 0; i < expected.Count; i++)
        {
            if (expected[i].IsShownBy(changes[i])) continue;
            throw new HistoryViolationException($"{where} differs in change {i}, a {changes[i].Kind}, expected a {expected[i].Kind}");
        }
    }

    private static List<ExpectedChange> ExpectWrite(HistoryModel model, HistoryBatch batch)
    {
        byte[][] keys = model.Options.Keys;
        var expected = new List<ExpectedChange>();
        foreach (HistoryOperation operation in batch.Operations)
        {
            string map = model.Options.MapNames[operation.Map];
            byte[] end = operation.IsRange && operation.EndKey < keys.Length ? keys[operation.EndKey] : [];
            expected.Add(operation switch
            {
                { Drops: true } => new ExpectedChange(ChangeKind.DropMap, map, [], [], []),
                { IsRange: true } => new ExpectedChange(ChangeKind.DeleteRange, map, keys[operation.Key], end, []),
                { Value: { } value } => new ExpectedChange(ChangeKind.Put, map, keys[operation.Key], [], value, operation.Expiry),
                _ => new ExpectedChange(ChangeKind.Delete, map, keys[operation.Key], [], []),
            });
        }

        expected.Add(new ExpectedChange(ChangeKind.Put, HistoryModel.JournalName, batch.JournalKey, [], batch.JournalValue));
        return expected;
    }

    /// <summary>One change for each map: its keys lie between.</summary>
    private static List<ExpectedChange> ExpectIngest(HistoryModel model, HistoryBatch batch)
    {
        var expected = new List<ExpectedChange>();
        if (batch.Operations is [HistoryOperation first, ..])
        {
            string map = model.Options.MapNames[first.Map];
            byte[] last = model.Options.Keys[batch.Operations[^1].Key];
            expected.Add(new ExpectedChange(ChangeKind.Ingest, map, model.Options.Keys[first.Key], last, []));
        }

        expected.Add(new ExpectedChange(ChangeKind.Ingest, HistoryModel.JournalName, batch.JournalKey, batch.JournalKey, []));
        return expected;
    }

    private sealed record Shown(ulong Sequence, List<Change> Changes)
    {
        public override string ToString() => $"{Sequence} ({string.Join(", ", Changes.Select(change => change.Kind))})";
    }

    /// <summary>What was read without a loss between.</summary>
    private sealed class Run(ulong from)
    {
        public ulong From { get; } = from;

        /// <summary>Everything up to it must have been shown.</summary>
        public ulong To { get; set; }

        public List<Shown> Batches { get; } = [];
    }
}
