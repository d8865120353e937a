using System.Runtime.CompilerServices;
using Varve.Commit;
using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Tables;

namespace Varve.Recovery;

/// <summary>Takes the log's records back into memtables, and writes those to tables where the store is opened for writing.</summary>
internal sealed class Replay(EngineSetup setup, TableStore tables) : IDisposable
{
    private readonly List<MemTable> _filled = [];

    /// <summary>The memtable that was filled last, or an empty one.</summary>
    public MemTable Active
    {
        get
        {
            if (_filled.Count == 0) _filled.Add(new MemTable(setup.Pool, setup.Compaction.MemtableBytes));
            return _filled[^1];
        }
    }

    /// <summary>Memtables that were filled.</summary>
    public int FilledCount => _filled.Count;

    /// <summary>The first sequence that was taken; 0: none was.</summary>
    public ulong FirstSequence => _filled.Count > 0 ? _filled[0].FirstSequence : 0;

    /// <summary>All memtables, newest first.</summary>
    public MemTable[] FilledNewestFirst()
    {
        MemTable[] filled = [.. _filled];
        Array.Reverse(filled);
        return filled;
    }

    /// <summary>All but <see cref="Active"/>, which is asked for first.</summary>
    public MemTable[] FrozenNewestFirst() => FilledNewestFirst()[1..];

    /// <summary>The sequence of the last ingest whose marks were taken: the manifest knows nothing of it. 0: none.</summary>
    public ulong IngestSequence { get; private set; }

    /// <summary>
    /// Takes one record. A record whose checksum holds but that is no batch was written by a bug: it is reported as damage.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take(ulong firstSequence, int sequenceCount, ReadOnlySpan<byte> payload)
    {
        MemTable table = RoomFor(firstSequence, sequenceCount, payload);
        ulong sequence = firstSequence;
        List<RangeTombstone>? ranges = null;
        var reader = new BatchReader(payload);
        while (reader.TryNext())
        {
            // An ingest's mark stands for its sequence only: if it happened, the manifest has its tables and states them as flushed.
            if (reader.Kind == EntryKind.RangeTombstone)
                (ranges ??= []).Add(new RangeTombstone(reader.Key.ToArray(), reader.Value.ToArray(), sequence));
            else if (reader.Kind == EntryKind.Ingest)
                IngestSequence = firstSequence + (ulong)sequenceCount - 1;
            else
                table.Insert(reader.Key, Trailer.Pack(sequence, reader.Kind), reader.Value);
            sequence++;
        }

        if (ranges is not null) table.AddRanges(ranges);
    }

    /// <summary>
    /// Writes what was taken to tables of level 0 and syncs them with their names, each before the next: to a repair that finds no manifest
    /// a table says that everything older is in tables. Returns the edit that adds them; where it fails, it leaves no file behind.
    /// </summary>
    public LevelEdit WriteTables(FileNumbers numbers)
    {
        var edit = new LevelEdit();
        long first = numbers.Next;
        try
        {
            foreach (MemTable table in _filled)
            {
                if (table.IsEmpty) continue;
                edit.Add(0, WriteTable(table, numbers.Take()));
                setup.Files.SyncDirectory(setup.Directory);
            }
        }
        catch (StorageException)
        {
            for (long number = first; number < numbers.Next; number++) TryDelete(number);
            throw;
        }

        return edit;
    }

    private TableInfo WriteTable(MemTable table, long number)
    {
        using TableWriter writer = tables.CreateWriter(number, setup.UpperFormat, direct: true);

        // Nobody reads yet: of each key only the newest version is wanted. A tombstone stays, it may hide what is in older tables.
        using EntryCursor cursor = table.CreateCursor(Trailer.SequenceMax);
        RangeTombstones ranges = RangesOf(table);
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
        {
            if (!ranges.IsEmpty && ranges.NewestCovering(cursor.KeySpan, Trailer.SequenceMax) > Trailer.Sequence(cursor.Trailer)) continue;
            writer.Add(cursor.KeySpan, cursor.Trailer, cursor.GetValue());
        }

        return writer.Finish(ranges);
    }

    private void TryDelete(long number)
    {
        try
        {
            tables.Delete(number);
        }
        catch (StorageException)
        {
            // The next open deletes what the manifest does not name.
        }
    }

    private static RangeTombstones RangesOf(MemTable table)
    {
        var ranges = new List<RangeTombstone>(table.Ranges.Count);
        table.Ranges.CopyTo(ranges);
        return RangeTombstones.Build(ranges, [Trailer.SequenceMax]);
    }

    public void Dispose()
    {
        foreach (MemTable table in _filled) table.Release();
    }

    /// <summary>The table that takes the record: it is counted as its writer counted it, so what fitted then fits now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private MemTable RoomFor(ulong firstSequence, int sequenceCount, ReadOnlySpan<byte> payload)
    {
        long keyBytes = 0;
        long valueBytes = 0;
        int count = 0;
        int rangeCount = 0;
        bool isKeyTooLong = false;
        bool isRangeWrong = false;
        var reader = new BatchReader(payload);
        while (reader.TryNext())
        {
            keyBytes += reader.Key.Length;
            valueBytes += reader.Value.Length;
            isKeyTooLong |= reader.Key.Length > MemTable.KeyBytesMax;
            count++;
            if (reader.Kind != EntryKind.RangeTombstone) continue;
            rangeCount++;
            isRangeWrong |= reader.Value.Length > MemTable.KeyBytesMax || reader.Key.SequenceCompareTo(reader.Value) >= 0;
        }

        long roomBytes = MemTable.RoomBytesFor(count, keyBytes, valueBytes);
        if (reader.RestBytes > 0 || count != sequenceCount || isKeyTooLong || isRangeWrong || roomBytes > MemTable.RoomBytesMax)
        {
            throw new CorruptDataException(
                setup.Directory, 0, $"the log's record of sequence {firstSequence} holds no batch of {sequenceCount} operations");
        }

        MemTable table = Active;
        if (!table.IsFull && table.HasRoomFor(count, keyBytes, valueBytes) && table.TakesRanges(rangeCount)) return table;
        table = new MemTable(setup.Pool, setup.Compaction.MemtableBytes, roomBytes);
        _filled.Add(table);
        return table;
    }
}
