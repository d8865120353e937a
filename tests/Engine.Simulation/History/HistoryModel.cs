namespace Varve.Simulation;

/// <summary>
/// What the database must hold: every batch in the order of sequences, and with it every version of every key. Knows what has been
/// promised to survive. Only the thread that runs of a history touches it.
/// </summary>
internal sealed partial class HistoryModel(HistoryOptions options)
{
    public const string JournalName = "journal";

    private readonly List<HistoryBatch> _batches = [];
    private readonly List<HistoryBatch> _unresolved = [];
    private readonly List<Version>[,] _versions = MakeVersions(options);

    public HistoryOptions Options => options;

    /// <summary>What was asked of the database so far.</summary>
    public HistoryTally Tally { get; } = new();

    /// <summary>Every batch that was ever begun, by number.</summary>
    public IReadOnlyList<HistoryBatch> Batches => _batches;

    /// <summary>Batches whose writers have no answer, or none that says whether they happened.</summary>
    public IReadOnlyList<HistoryBatch> Unresolved => _unresolved;

    /// <summary>The highest sequence of a batch that is known to have happened.</summary>
    public ulong LastSequence { get; private set; }

    /// <summary>What a power cut must leave.</summary>
    public ulong SyncedFloor { get; private set; }

    /// <summary>What the death of the process must leave.</summary>
    public ulong BufferedFloor { get; private set; }

    public HistoryBatch Begin(HistoryOperation[] operations, bool isIngest = false, HistoryCondition[]? conditions = null)
    {
        var batch = new HistoryBatch(_batches.Count, operations, isIngest, conditions ?? []);
        _batches.Add(batch);
        _unresolved.Add(batch);
        return batch;
    }

    /// <summary>The writer has its answer.</summary>
    public void Acknowledge(HistoryBatch batch, ulong sequence, Durability durability)
    {
        Resolve(batch, sequence);
        if (durability != Durability.None) BufferedFloor = Math.Max(BufferedFloor, sequence);
        if (durability == Durability.Synced) PromiseSynced(sequence);
    }

    /// <summary>True when somebody has dropped the map, or tried to: a write that got its handle before may be refused.</summary>
    public bool MayBeDropped(HistoryBatch batch)
    {
        foreach (HistoryOperation operation in batch.Operations)
        {
            bool isDropped = _batches.Exists(
                other => !other.IsDead && other.Operations is [{ Drops: true } drop] && drop.Map == operation.Map);
            if (isDropped) return true;
        }

        return false;
    }

    /// <summary>The batch was refused: it did not happen.</summary>
    public void Refuse(HistoryBatch batch)
    {
        if (batch.Sequence != 0) throw new HistoryViolationException($"batch {batch.Number} was refused, but reads have shown it");
        batch.IsDead = true;
        _unresolved.Remove(batch);
    }

    /// <summary>The batch was seen, or acknowledged, at this sequence.</summary>
    public void Resolve(HistoryBatch batch, ulong sequence)
    {
        if (batch.IsDead) throw new HistoryViolationException($"batch {batch.Number} is there, which was refused or lost before");
        if (batch.Sequence == sequence) return;
        if (batch.Sequence != 0)
            throw new HistoryViolationException($"batch {batch.Number} has sequence {sequence}, it had {batch.Sequence}");
        batch.Sequence = sequence;
        _unresolved.Remove(batch);
        LastSequence = Math.Max(LastSequence, sequence);
        for (int i = 0; i < batch.Operations.Length; i++)
        {
            HistoryOperation operation = batch.Operations[i];
            ulong version = batch.VersionOf(i);
            int end = operation.IsRange ? operation.EndKey : operation.Key + 1;
            for (int key = operation.Key; key < end; key++)
            {
                List<Version> versions = _versions[operation.Map, key];
                int at = versions.Count;
                while (at > 0 && versions[at - 1].Sequence > sequence) at--;
                versions.Insert(at, new Version(sequence, operation.Value, operation.Expiry, version));
            }
        }
    }

    /// <summary>Everything up to the sequence survives a power cut.</summary>
    public void PromiseSynced(ulong sequence)
    {
        SyncedFloor = Math.Max(SyncedFloor, sequence);
        BufferedFloor = Math.Max(BufferedFloor, sequence);
    }

    /// <summary>As <see cref="PromiseSynced"/>, for what the database itself calls durable, which may lie between batches.</summary>
    public void PromiseDurable(ulong sequence) => PromiseSynced(LastBatchUpTo(sequence));

    /// <summary>The database was recovered up to this batch: what is behind it may not come back, nor what is before it be lost.</summary>
    public void Recovered(ulong lastSequence)
    {
        foreach (HistoryBatch batch in _batches)
        {
            if (batch.Sequence == 0 || batch.Sequence > lastSequence) batch.IsDead = true;
        }

        _unresolved.Clear();
        foreach (List<Version> versions in _versions) versions.RemoveAll(version => version.Sequence > lastSequence);
        LastSequence = lastSequence;
        SyncedFloor = BufferedFloor = lastSequence;
    }

    /// <summary>A crash strikes: what is only promised to survive the process does not survive a power cut.</summary>
    public void Crashed(CrashMode mode)
    {
        if (mode != CrashMode.KeepAll) BufferedFloor = SyncedFloor;
    }

    /// <summary>The sequence of the last batch up to a sequence; 0 when there is none.</summary>
    public ulong LastBatchUpTo(ulong sequence)
    {
        ulong last = 0;
        foreach (HistoryBatch batch in _batches)
        {
            if (IsThere(batch, sequence)) last = Math.Max(last, batch.Sequence);
        }

        return last;
    }

    /// <summary>What a map holds at a moment, in the order of keys.</summary>
    public List<HistoryEntry> Expected(int map, in HistoryMoment moment)
    {
        var entries = new List<HistoryEntry>();
        for (int key = 0; key < options.Keys.Length; key++)
        {
            if (ExpectedEntry(map, key, moment) is { } entry) entries.Add(entry);
        }

        return entries;
    }

    /// <summary>Null where the key is absent: never written, deleted, or expired at the moment's time.</summary>
    public HistoryEntry? ExpectedEntry(int map, int key, in HistoryMoment moment)
    {
        if (Find(map, key, moment.Sequence) is not { Value: { } value } version) return null;
        bool hasExpired = version.Expiry != 0 && version.Expiry <= moment.Milliseconds;
        return hasExpired ? null : new HistoryEntry(options.Keys[key], value, version.Expiry, version.EntrySequence);
    }

    public List<HistoryEntry> ExpectedJournal(ulong sequence)
    {
        var entries = new List<HistoryEntry>();
        foreach (HistoryBatch batch in _batches)
        {
            if (IsThere(batch, sequence)) entries.Add(new HistoryEntry(batch.JournalKey, batch.JournalValue, 0, batch.Sequence));
        }

        return entries;
    }

    /// <summary>The names of the maps that have been written to, in ordinal order.</summary>
    public List<string> ExpectedNames(ulong sequence)
    {
        bool[] isWritten = new bool[options.MapNames.Length];
        bool any = false;
        foreach (HistoryBatch batch in _batches.OrderBy(batch => batch.Sequence))
        {
            if (!IsThere(batch, sequence)) continue;
            any = true;
            foreach (HistoryOperation operation in batch.Operations) isWritten[operation.Map] = !operation.Drops;
        }

        var names = new List<string>();
        if (any) names.Add(JournalName);
        for (int map = 0; map < isWritten.Length; map++)
        {
            if (isWritten[map]) names.Add(options.MapNames[map]);
        }

        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>A hash of all maps with their entries as they are now; equal for equal content, whatever the sequences.</summary>
    public ulong HashContent()
    {
        ulong hash = 14695981039346656037;
        void Add(ReadOnlySpan<byte> bytes)
        {
            hash = (hash ^ (ulong)bytes.Length) * 1099511628211;
            foreach (byte part in bytes) hash = (hash ^ part) * 1099511628211;
        }

        foreach (string name in ExpectedNames(LastSequence)) Add(System.Text.Encoding.UTF8.GetBytes(name));
        for (int map = 0; map < options.MapNames.Length; map++)
        {
            foreach (HistoryEntry entry in Expected(map, new HistoryMoment(LastSequence, 0)))
            {
                Add(entry.Key);
                Add(entry.Value);
            }
        }

        return hash;
    }

    public static bool IsThere(HistoryBatch batch, ulong sequence) => !batch.IsDead && batch.Sequence != 0 && batch.Sequence <= sequence;

    private Version? Find(int map, int key, ulong sequence)
    {
        List<Version> versions = _versions[map, key];
        for (int i = versions.Count - 1; i >= 0; i--)
        {
            if (versions[i].Sequence <= sequence) return versions[i];
        }

        return null;
    }

    private static List<Version>[,] MakeVersions(HistoryOptions options)
    {
        var versions = new List<Version>[options.MapNames.Length, options.Keys.Length];
        for (int map = 0; map < options.MapNames.Length; map++)
        {
            for (int key = 0; key < options.Keys.Length; key++) versions[map, key] = [];
        }

        return versions;
    }

    /// <param name="Sequence">Of the batch: from then on it is visible.</param>
    /// <param name="Value">Null: the key is absent.</param>
    /// <param name="Expiry">The time from which it is absent; 0: never.</param>
    /// <param name="EntrySequence">What the entry's version says.</param>
    private sealed record Version(ulong Sequence, byte[]? Value, long Expiry, ulong EntrySequence);
}
