using System.Globalization;
using Varve.Recovery;

namespace Varve.Simulation;

/// <summary>Sorted input past the log, and checkpoints.</summary>
internal sealed partial class HistoryWork
{
    public const string CheckpointPrefix = "/data/checkpoint-";

    private int _checkpoints;

    /// <summary>How the database was opened; checkpoints are opened in the same way.</summary>
    public required EngineSetup Setup { get; init; }

    /// <summary>Into a map that is there already: an ingest that fails may leave the name of a new one.</summary>
    private void Ingest()
    {
        IReadOnlyList<string> names = database.ListMaps();
        int map = random.Next(options.MapNames.Length);
        if (!names.Contains(options.MapNames[map]) || !names.Contains(HistoryModel.JournalName)) return;
        HistoryBatch batch = model.Begin(DrawSorted(map), isIngest: true);
        ulong sequence;
        try
        {
            if (!TrySend(batch, map, out sequence))
            {
                model.Refuse(batch);
                return;
            }
        }
        catch (Exception failure)
        {
            if (IsRefusedInOrder(batch, failure)) return;
            throw;
        }

        if (IsOver) return;
        model.Acknowledge(batch, sequence, Durability.Synced);
        if (database.DurableSequence < sequence)
            throw new HistoryViolationException($"ingest {sequence} is acknowledged, durable is {database.DurableSequence}");
    }

    /// <summary>False when it was given up.</summary>
    private bool TrySend(HistoryBatch batch, int map, out ulong sequence)
    {
        sequence = 0;
        using IngestWriter ingest = database.CreateIngest();
        model.Tally.Writes += batch.Operations.Length + 1;
        SortedMap target = database.GetMap(options.MapNames[map]);
        foreach (HistoryOperation operation in batch.Operations) ingest.Add(target, options.Keys[operation.Key], operation.Value);
        ingest.Add(database.GetMap(HistoryModel.JournalName), batch.JournalKey, batch.JournalValue);
        if (random.Next(8) == 0) return false;
        sequence = ingest.Commit();
        return true;
    }

    private HistoryOperation[] DrawSorted(int map)
    {
        var operations = new List<HistoryOperation>();
        int first = random.Next(options.Keys.Length);
        int last = random.Next(first, options.Keys.Length);
        for (int key = first; key <= last; key++)
        {
            if (random.Next(3) != 0)
                operations.Add(new HistoryOperation(map, key, HistoryContent.DrawValue(random, options.LargeValueOneIn)));
        }

        return [.. operations];
    }

    /// <summary>Opens as the database at the checkpoint's sequence, while the database itself goes on.</summary>
    private void Checkpoint()
    {
        string directory = string.Create(CultureInfo.InvariantCulture, $"{CheckpointPrefix}{_checkpoints++}-{random.Next()}");
        ulong before = database.LatestSequence;
        long time = Reads.Time.Read();
        ulong sequence = database.Checkpoint(directory);
        if (IsOver) return;
        if (sequence < before) throw new HistoryViolationException($"a checkpoint shows {sequence}, {before} was visible when it began");
        Reads.Resolve(sequence);
        using Database copy = Database.Open(Setup with { Directory = directory }, new DatabaseOptions());
        if (IsOver) return;
        var reads = new HistoryReads(copy, model);
        reads.Time.CheckFloor(time);
        reads.CheckAll(sequence);
        RecoveryCheck.GoOn(copy);
    }
}
