namespace Varve.Tables;

// The lookup of TryGet in steps that read no file, so that lookups of several keys wait for memory at the same time: each step asks
// for what the next one reads. Filters come before all else: asked for the index first, absent keys would cost four times as much.
internal sealed unsafe partial class Table
{
    /// <summary>Begins the lookup of a key.</summary>
    public ProbeState BeginProbe(ReadOnlySpan<byte> key, ulong keyHash, out TableProbe probe)
    {
        probe = default;
        OpenedTable? opened = Volatile.Read(ref _opened);
        if (opened is null) return ProbeState.NotInMemory;
        probe.Table = this;
        probe.Opened = opened;
        probe.Partition = opened.Top.Find(key);
        if (probe.Partition == opened.Top.Count) return ProbeState.Absent;
        BlockLocation filter = opened.Top[probe.Partition].Filter;
        if (filter.StoredBytes == 0) return MoveToIndex(ref probe);
        if (!TryPinPartitionInMemory(opened, opened.FilterOrdinal(probe.Partition), out probe.Pin)) return ProbeState.NotInMemory;
        BlockedBloom.LineOf(probe.Pin.Data, FilterLines(filter), keyHash);
        probe.Step = ProbeStep.Filter;
        return ProbeState.GoesOn;
    }

    /// <summary>
    /// The next step, best taken when what it reads has come near. With the last one, where it has found the version, the value is the
    /// receiver's to dispose.
    /// </summary>
    public ProbeState StepProbe(ReadOnlySpan<byte> key, ulong keyHash, ulong sequence, ref TableProbe probe, out TableValue value)
    {
        value = default;
        switch (probe.Step)
        {
            case ProbeStep.Filter:
                int lines = FilterLines(probe.Opened.Top[probe.Partition].Filter);
                bool mayContain = BlockedBloom.MayContain(probe.Pin.Data, lines, keyHash);
                probe.Pin.Dispose();
                return mayContain ? MoveToIndex(ref probe) : ProbeState.Absent;
            case ProbeStep.Index:
                probe.Block = IndexPartition.Find(probe.Pin.Data, key);
                probe.Pin.Dispose();
                probe.Step = ProbeStep.Frame;
                return IsBlock(probe) && _store.Cache.TryPrefetch(probe.Opened.Slots, OrdinalOf(probe))
                    ? ProbeState.GoesOn
                    : ProbeState.NotInMemory;
            case ProbeStep.Frame:
                if (!TryPinCached(probe.Opened, OrdinalOf(probe), out probe.Pin)) return ProbeState.NotInMemory;
                DataBlock.PrefetchMatch(probe.Pin.Data, (byte)(keyHash >> 56));
                probe.Step = ProbeStep.Entry;
                return ProbeState.GoesOn;
            default:
                return TakeEntry(key, keyHash, sequence, ref probe, out value);
        }
    }

    /// <summary>Whether the block where a key would stand is probably in memory, and all that leads to it.</summary>
    public bool ProbablyHolds(ReadOnlySpan<byte> key)
    {
        OpenedTable? opened = Volatile.Read(ref _opened);
        if (opened is null) return false;
        if (opened.Top.Count == 0) return true;
        int partition = Math.Min(opened.Top.Find(key), opened.Top.Count - 1);
        if (!TryPinPartitionInMemory(opened, opened.IndexOrdinal(partition), out BlockPin index)) return false;
        using (index)
        {
            ref readonly TablePartition blocks = ref opened.Top[partition];
            int block = Math.Min(IndexPartition.Find(index.Data, key), blocks.BlockCount - 1);
            return _store.Cache.ProbablyHolds(opened.Slots, blocks.BlockFirst + block);
        }
    }

    private static int FilterLines(BlockLocation filter) => (filter.StoredBytes - BlockTrailer.SizeBytes) / BlockedBloom.LineBytes;

    /// <summary>False behind the last block of a partition, where older versions go on in the next one.</summary>
    private static bool IsBlock(in TableProbe probe) => probe.Block < probe.Opened.Top[probe.Partition].BlockCount;

    private static int OrdinalOf(in TableProbe probe) => probe.Opened.Top[probe.Partition].BlockFirst + probe.Block;

    private ProbeState MoveToIndex(ref TableProbe probe)
    {
        int ordinal = probe.Opened.IndexOrdinal(probe.Partition);
        if (!TryPinPartitionInMemory(probe.Opened, ordinal, out probe.Pin)) return ProbeState.NotInMemory;
        IndexPartition.Prefetch(probe.Pin.Data);
        probe.Step = ProbeStep.Index;
        return ProbeState.GoesOn;
    }

    private ProbeState TakeEntry(ReadOnlySpan<byte> key, ulong keyHash, ulong sequence, ref TableProbe probe, out TableValue value)
    {
        value = default;
        BlockPin data = probe.Pin;
        probe.Pin = default;
        ulong trailerMax = probe.Opened.ToStored(Entries.Trailer.SeekAt(sequence));
        if (trailerMax > 0 && DataBlock.TryFind(data.Data, key, (byte)(keyHash >> 56), trailerMax, out BlockEntry entry))
        {
            Take(probe.Opened, entry, data.Frame, out value);
            return ProbeState.Found;
        }

        bool goesOn = DataBlock.EndsWith(data.Data, key);
        data.Dispose();
        return goesOn ? ProbeState.NotInMemory : ProbeState.Absent;
    }

    private bool TryPinPartitionInMemory(OpenedTable opened, int ordinal, out BlockPin pin)
    {
        nint address = Volatile.Read(ref opened.Resident[ordinal - opened.Top.BlockCount]);
        if (address == 0) return TryPinCached(opened, ordinal, out pin);
        pin = new BlockPin((byte*)address);
        return true;
    }
}
