using Varve.Diagnostics;
using Varve.Memory;

namespace Varve.Commit;

// Which memtable takes a group: the active one, or a fresh one where it is full.
internal sealed partial class GroupCommit
{
    /// <summary>Whether a batch need wait neither for the pace nor for a memtable. For who leads.</summary>
    public bool TakesAtOnce(BatchBuffer batch) =>
        _pacer.Pressure <= 0 && HasRoom(_views.Unpinned.Active, batch.Count, batch.KeyBytes, batch.ValueBytes, batch.RangeCount);

    /// <summary>The active memtable, after a rotation where it is full or could not take the whole group.</summary>
    private MemTable MakeRoom(List<CommitRequest> group)
    {
        long keyBytes = 0;
        long valueBytes = 0;
        int count = 0;
        int rangeCount = 0;
        foreach (CommitRequest request in group)
        {
            BatchBuffer batch = request.Batch!;
            keyBytes += batch.KeyBytes;
            valueBytes += batch.ValueBytes;
            count += batch.Count;
            rangeCount += batch.RangeCount;
        }

        return MakeRoom(count, keyBytes, valueBytes, rangeCount);
    }

    private MemTable MakeRoom(int count, long keyBytes, long valueBytes, int rangeCount)
    {
        MemTable active = _views.Unpinned.Active;
        if (HasRoom(active, count, keyBytes, valueBytes, rangeCount)) return active;
        Rotate(MemTable.RoomBytesFor(count, keyBytes, valueBytes));
        active = _views.Unpinned.Active;
        Invariant.Holds(active.HasRoomFor(count, keyBytes, valueBytes));
        return active;
    }

    private static bool HasRoom(MemTable active, int count, long keyBytes, long valueBytes, int rangeCount) =>
        !active.IsFull && active.HasRoomFor(count, keyBytes, valueBytes) && active.TakesRanges(rangeCount);

    private void Rotate(long roomBytes)
    {
        // The wait may be long; what is in the log's buffer is not kept from the system by it. And feeds show what is in tables, which they
        // read in the log's slots.
        DrainLog();
        _room.WaitForRoom();
        MemTable fresh = _room.CreateMemTable(roomBytes);
        _views.Rotate(fresh);
        fresh.Release();
        _room.OnFrozen();
    }
}
