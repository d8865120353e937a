using Varve.Runtime;

namespace Varve.Tables;

/// <summary>
/// A thread that brings blocks into the cache which reads are likely to ask for. After a get or seek that had to read a block: its
/// neighbours, as long as the cache has memory that it never used and the system has the bytes in its own. Random reads of what fits find
/// most of it there after a few thousand, instead of reading and decompressing block after block themselves. Before a walk over blocks
/// that the cache lacks: every second piece of its way, so that two processors decompress. Safe for concurrent use.
/// </summary>
/// <param name="scheduler">Where the thread comes from.</param>
/// <param name="cache">Whose memory it fills.</param>
internal sealed class NeighbourReads(Scheduler scheduler, BlockCache cache)
{
    /// <summary>A neighbourhood: blocks that stand together, of which one was read.</summary>
    public const int BlocksTogether = 16;

    /// <summary>1 wakes the thread too late; 4 gain no more than 2, and only on a longer way.</summary>
    private const int NeighbourhoodsAhead = 2;

    /// <summary>Who reads little needs no thread.</summary>
    private const int ReadsBeforeStart = 16;

    private const int QueueMax = 64;
    private const int BufferBytes = BlocksTogether * (8 << 10);

    private readonly Lock _guard = new();
    private readonly Queue<Neighbourhood> _queue = new(QueueMax);
    private readonly EngineSignal _wanted = scheduler.CreateSignal("neighbours wanted");
    private readonly EngineLock _threadGuard = scheduler.CreateLock("neighbours' thread");
    private EngineThread? _thread;
    private int _readsBeforeStart = ReadsBeforeStart;
    private bool _isStarted;
    private bool _isIdle;
    private bool _isStopped;

    /// <summary>A data block of the table had to be read. Costs little where nothing comes of it; the caller holds the table.</summary>
    public void OnRead(Table table, OpenedTable opened, int partition, int block)
    {
        if (!cache.HasUnusedRoom) return;
        Ask(table, new Neighbourhood(table, opened, partition, block / BlocksTogether * BlocksTogether, WalkDirection.None));
    }

    /// <summary>
    /// A walk had to read a block, the first one of its neighbourhood: the neighbourhood so far ahead is brought in. The walk decodes the
    /// ones before it itself, so that there is time until it comes there. The thread begins at the far end: a walk that catches up with it
    /// decodes the near end meanwhile, and hardly a block is decoded by both.
    /// </summary>
    public void OnWalk(Table table, OpenedTable opened, int partition, int block, bool isBackward)
    {
        int neighbourhood = block / BlocksTogether + (isBackward ? -NeighbourhoodsAhead : NeighbourhoodsAhead);
        int first = neighbourhood * BlocksTogether;
        if (first < 0 || first >= opened.Top[partition].BlockCount) return;
        Ask(table, new Neighbourhood(table, opened, partition, first, isBackward ? WalkDirection.Backward : WalkDirection.Forward));
    }

    private void Ask(Table table, Neighbourhood wanted)
    {
        bool starts;
        bool wakes;
        lock (_guard)
        {
            if (_readsBeforeStart > 0)
            {
                _readsBeforeStart--;
                return;
            }

            if (_isStopped || _queue.Count == QueueMax || _queue.Contains(wanted)) return;
            table.AddReference();
            _queue.Enqueue(wanted);
            starts = !_isStarted;
            _isStarted = true;
            wakes = _isIdle;
            _isIdle = false;
        }

        if (starts) Start();
        if (wakes) _wanted.Set();
    }

    /// <summary>Ends the thread; what waits is given up. Nothing happens the second time.</summary>
    public void Stop()
    {
        GiveUp();
        EngineThread? thread;
        using (_threadGuard.Hold()) thread = _thread;
        if (thread is null) return;
        _wanted.Set();
        thread.Join();
    }

    private void Start()
    {
        using (_threadGuard.Hold())
        {
            if (!_isStopped) _thread = scheduler.StartThread("varve neighbours", Work);
        }
    }

    private void GiveUp()
    {
        Neighbourhood[] left;
        lock (_guard)
        {
            _isStopped = true;
            left = [.. _queue];
            _queue.Clear();
        }

        foreach (Neighbourhood given in left) given.Table.Release();
    }

    private void Work()
    {
        scheduler.YieldToOthers();
        byte[] buffer;
        try
        {
            buffer = new byte[BufferBytes];
        }
        catch (OutOfMemoryException)
        {
            GiveUp();
            return;
        }

        while (TryTake(out Neighbourhood taken))
        {
            try
            {
                taken.Table.ReadNeighbours(taken.Opened, taken.Partition, taken.FirstBlock, taken.Walk, buffer);
            }
            catch (Exception failure) when (failure is StorageException or CorruptDataException or MemoryBudgetException)
            {
                // Nobody asked for these blocks: whoever does is told.
            }
            finally
            {
                taken.Table.Release();
            }
        }
    }

    /// <summary>Waits for the next; false once there will be none.</summary>
    private bool TryTake(out Neighbourhood taken)
    {
        while (true)
        {
            lock (_guard)
            {
                if (_queue.TryDequeue(out taken)) return true;
                if (_isStopped) return false;
                _isIdle = true;
            }

            _wanted.Wait();
        }
    }

    private readonly record struct Neighbourhood(Table Table, OpenedTable Opened, int Partition, int FirstBlock, WalkDirection Walk);
}

/// <summary>Who will need a neighbourhood of blocks.</summary>
internal enum WalkDirection
{
    /// <summary>Perhaps a get.</summary>
    None,

    /// <summary>A walk from below.</summary>
    Forward,

    /// <summary>A walk from above.</summary>
    Backward,
}
