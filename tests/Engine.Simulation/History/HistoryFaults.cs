namespace Varve.Simulation;

/// <summary>
/// What one generation suffers from its disk, drawn from the seed: calls that fail, once, for a while or until the disk is made well
/// again, and a disk that runs full.
/// </summary>
internal sealed class HistoryFaults
{
    private const int CallsToFirst = 600;
    private const int SpareBytesMax = 64 << 10;

    private readonly List<Episode> _episodes = [];
    private readonly SimulatedDisk _disk;
    private bool _isHealed;
    private long _capacityBytes = long.MaxValue;
    private bool _isPaused;

    /// <param name="disk">The generation's; its call count tells when an episode begins.</param>
    /// <param name="random">Null: a disk that stays well.</param>
    public HistoryFaults(SimulatedDisk disk, Random? random)
    {
        _disk = disk;
        for (int count = random?.Next(1, 4) ?? 0; count > 0; count--) _episodes.Add(Draw(random!, disk.CallCount));

        // The machine went down with a full disk, and comes up with it.
        HasFailed = disk.CapacityBytes != long.MaxValue;
        IsDrawn = _episodes.Count > 0 || HasFailed;
    }

    /// <summary>True where the disk may fail.</summary>
    public bool IsDrawn { get; }

    /// <summary>While true the disk is well, and has room.</summary>
    public bool IsPaused
    {
        get => _isPaused;
        set
        {
            if (_isHealed || _isPaused == value) return;
            _isPaused = value;
            (_capacityBytes, _disk.CapacityBytes) = (_disk.CapacityBytes, value ? long.MaxValue : _capacityBytes);
        }
    }

    /// <summary>True once a call has failed, or could have for want of space.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Calls that failed, or were made while the disk was full.</summary>
    public int FaultyCalls { get; private set; }

    /// <summary>True once a failed sync threw unsynced pages away: a killed process may then lose what it only wrote.</summary>
    public bool HasLostPages { get; private set; }

    /// <summary>True when nothing failed but for want of space, and no sync: the database must go on once there is room.</summary>
    public bool WasOnlyFull { get; private set; } = true;

    public Fault? Strike(DiskCall call)
    {
        if (_isHealed || _isPaused) return null;
        foreach (Episode episode in _episodes)
        {
            if (call.Index < episode.First || call.Index > episode.Last) continue;
            if (episode.Fault is null)
            {
                if (_disk.CapacityBytes == long.MaxValue) _disk.FillUp(episode.SpareBytes);
                HasFailed = true;
                FaultyCalls++;
                if (call.Index == episode.Last) _disk.CapacityBytes = long.MaxValue;
            }
            else if (episode.Strikes(call.Operation))
            {
                HasFailed = true;
                FaultyCalls++;
                WasOnlyFull = false;
                bool isSync = call.Operation is DiskOperation.Sync or DiskOperation.SyncDirectory;
                HasLostPages |= isSync && episode.Fault.FailedSync == FailedSync.DropsUnsynced;
                return episode.Fault;
            }
        }

        return null;
    }

    /// <summary>From now on the disk is well, and has room.</summary>
    public void Heal()
    {
        _isHealed = true;
        _disk.CapacityBytes = long.MaxValue;
    }

    private static Episode Draw(Random random, long callsBefore)
    {
        long first = callsBefore + random.Next(1, CallsToFirst);
        long last = random.Next(3) switch { 0 => first, 1 => first + random.Next(1, 60), _ => long.MaxValue };
        int errorCode = random.Next(8) switch
        {
            0 or 1 => Errors.InputOutput,
            2 => Errors.NoSpace,
            3 => Errors.Quota,
            4 => Errors.TooManyOpen,
            5 => Errors.NoAccess,
            6 => Errors.Interrupted,
            _ => 0,
        };
        var failedSync = (FailedSync)random.Next(3);
        bool landsHalf = random.Next(2) == 0;
        int spareBytes = random.Next(SpareBytesMax);
        if (errorCode == 0) return new Episode(first, Math.Max(last, first + 30), null, 0, spareBytes);
        Fault fault = landsHalf ? Fault.HalfWrite(errorCode, failedSync) : Fault.Error(errorCode, failedSync);
        return new Episode(first, last, fault, errorCode, 0);
    }

    /// <param name="First">The first call that it may strike.</param>
    /// <param name="Last">The last one.</param>
    /// <param name="Fault">Null: the disk is full meanwhile.</param>
    /// <param name="ErrorCode">What the calls fail with.</param>
    /// <param name="SpareBytes">Room that a full disk still has when it begins to be full.</param>
    private sealed record Episode(long First, long Last, Fault? Fault, int ErrorCode, int SpareBytes)
    {
        /// <summary>A system gives an error only to calls that can have it.</summary>
        public bool Strikes(DiskOperation operation) => ErrorCode switch
        {
            Errors.TooManyOpen => operation is DiskOperation.Open or DiskOperation.Lock or DiskOperation.List
                or DiskOperation.SyncDirectory,
            Errors.NoAccess => operation is DiskOperation.Open or DiskOperation.Delete or DiskOperation.Rename or DiskOperation.Link
                or DiskOperation.CreateDirectory or DiskOperation.List,
            Errors.NoSpace or Errors.Quota => operation is DiskOperation.Write or DiskOperation.Allocate or DiskOperation.Sync
                or DiskOperation.Rename or DiskOperation.Link or DiskOperation.CreateDirectory or DiskOperation.SyncDirectory,
            _ => true,
        };
    }
}
