namespace Varve.Cli.Torture;

/// <summary>What a round does to the writer.</summary>
internal enum TortureKind
{
    /// <summary>SIGKILL in the middle of its writes.</summary>
    Kill,

    /// <summary>SIGKILL in the middle of its writes, and again while the next one recovers, a few times.</summary>
    KillInRecovery,

    /// <summary>SIGSTOP, a second open beside it, SIGCONT.</summary>
    Stop,

    /// <summary>Few file descriptors.</summary>
    Descriptors,

    /// <summary>Little address space.</summary>
    Memory,

    /// <summary>The disk becomes full, and has room again.</summary>
    Full,

    /// <summary>The file system is mounted read-only between two writers.</summary>
    ReadOnly,

    /// <summary>The file system fails below the writer: it stops writing, and forgets what was not synced.</summary>
    Abort,
}

/// <summary>
/// One directory and what happens to it, round after round. Every round ends with the database opened, compared with what was
/// acknowledged, and closed.
/// </summary>
internal sealed class TortureRounds(string directory, LoopDisk? disk, int streams, Random random, CancellationToken cancellation)
{
    private const int RecoveryKillsMax = 4;
    private const long FullLeavesBytesMax = 1 << 20;
    private const int RoundsPerVerification = 8;

    private static readonly TimeSpan OpenMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan NoticeMax = TimeSpan.FromSeconds(60);

    private readonly TortureLedger _ledger = new(streams);
    private readonly List<string> _faults = [];
    private int _rounds;

    public long Acknowledged => _ledger.Count;

    /// <summary>Runs a round; what it found wrong.</summary>
    public IReadOnlyList<string> Run(TortureKind kind)
    {
        _faults.Clear();
        switch (kind)
        {
            case TortureKind.Kill: Kill(); break;
            case TortureKind.KillInRecovery: KillInRecovery(); break;
            case TortureKind.Stop: Stop(); break;
            case TortureKind.Descriptors: Limit($"ulimit -n {random.Next(24, 160)};", "--open-files", "16"); break;
            case TortureKind.Memory: LimitMemory(); break;
            case TortureKind.Full: Fill(); break;
            case TortureKind.ReadOnly: MakeReadOnly(); break;
            case TortureKind.Abort: Abort(); return _faults;
            default: throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such kind of round.");
        }

        OpenAndCheck();
        return _faults;
    }

    private void Kill()
    {
        using TortureChild child = StartWriting();
        Pause(0, 300);
        End(child, isKilled: true);
    }

    private void KillInRecovery()
    {
        Kill();
        int kills = random.Next(1, RecoveryKillsMax + 1);
        for (int i = 0; i < kills; i++)
        {
            using TortureChild child = Start();
            Pause(40, 250);
            End(child, isKilled: true);
        }
    }

    private void Stop()
    {
        using TortureChild child = StartWriting();
        child.Signal("STOP");
        try
        {
            using Database second = Open(OpenMode.OpenExisting);
            _faults.Add("a second process may open the database while its writer is stopped");
        }
        catch (DatabaseLockedException locked)
        {
            Expect(locked.OwnerProcessId == child.Id, $"the lock names process {locked.OwnerProcessId}, its owner is {child.Id}");
        }

        Pause(20, 200);
        child.Signal("CONT");
        long before = child.Acknowledged;
        Expect(child.WaitFor(() => child.Acknowledged > before, NoticeMax, cancellation), "after SIGCONT nothing more was written");
        End(child, isKilled: false);
        Expect(child.IsClosed, $"the writer did not close: {child.Stop} {child.Errors}");
    }

    /// <summary>The writer may work, be refused, or die; whatever it does, what it acknowledged stays.</summary>
    private void Limit(string shellPrefix, params ReadOnlySpan<string> options)
    {
        if (OperatingSystem.IsWindows()) return;
        using TortureChild child = TortureChild.Start(directory, _ledger, random.Next(), shellPrefix, options);
        child.WaitFor(() => child.IsOpen, OpenMax, cancellation);
        Pause(100, 400);
        if (child.HasExited) _faults.AddRange(child.TakeFaults());
        else End(child, isKilled: random.Next(2) == 0);
    }

    /// <summary>
    /// From too little for the runtime itself to enough for all but the large budget; the managed heap has 64 MiB of it (hexadecimal).
    /// </summary>
    private void LimitMemory()
    {
        int mebibytes = random.Next(1_000, 2_400);
        string budget = random.Next(2) == 0 ? "16777216" : "536870912";
        Limit($"ulimit -v {mebibytes << 10}; export DOTNET_GCHeapHardLimit=4000000;", "--budget", budget);
    }

    private void Fill()
    {
        using TortureChild child = StartWriting();
        disk!.Fill(random.NextInt64(FullLeavesBytesMax));
        bool isNoticed = child.WaitFor(() => child.Refusals > 0 || child.Stop is not null, NoticeMax, cancellation);
        Expect(isNoticed, "on a full disk writing neither went on nor was refused");
        if (random.Next(2) == 0)
        {
            End(child, isKilled: true);
            CheckWhileFull();
            disk.MakeRoom();
            return;
        }

        disk.MakeRoom();
        long before = child.Acknowledged;
        if (child.Stop is null)
        {
            bool goesOn = child.WaitFor(() => child.Acknowledged > before || child.Stop is not null, NoticeMax, cancellation);
            Expect(goesOn, $"there is room again, but writing does not go on: {child.LastRefusal}");
        }

        End(child, isKilled: false);
    }

    /// <summary>Opening for writing needs room for what the log holds; opening for reading needs none.</summary>
    private void CheckWhileFull()
    {
        try
        {
            using Database reader = Open(OpenMode.ReadOnly);
            _faults.AddRange(_ledger.Check(reader));
            reader.Dispose();
            using Database writer = Open(OpenMode.OpenExisting);
            _faults.AddRange(_ledger.Check(writer));
        }
        catch (StorageException refusal) when (refusal.Operation != "open")
        {
            // There is no room: what is there is there all the same.
        }
    }

    private void MakeReadOnly()
    {
        using (TortureChild child = StartWriting())
        {
            Pause(0, 200);
            End(child, isKilled: random.Next(2) == 0);
        }

        if (!disk!.TryRemount(isReadOnly: true, out string why))
        {
            _faults.Add("could not remount: " + why);
            return;
        }

        try
        {
            using (Database reader = Open(OpenMode.ReadOnly)) _faults.AddRange(_ledger.Check(reader));
            using Database writer = Open(OpenMode.OpenExisting);
            _faults.Add("a database on a read-only file system opens for writing");
        }
        catch (StorageException)
        {
            // So it must be: it cannot be written.
        }
        finally
        {
            disk.TryRemount(isReadOnly: false, out _);
        }
    }

    private void Abort()
    {
        using (TortureChild child = StartWriting())
        {
            Pause(0, 200);
            Expect(disk!.TryAbort(out string why), "could not abort the file system: " + why);
            bool isNoticed = child.WaitFor(() => child.Refusals > 0 || child.Stop is not null, NoticeMax, cancellation);
            Expect(isNoticed, "writing goes on on a file system that takes nothing");
            End(child, isKilled: true);
        }

        Expect(disk.TryMountAgain(out string refused), "could not mount again: " + refused);
        OpenAndCheck(diedWithDisk: true);
    }

    private TortureChild Start() => TortureChild.Start(directory, _ledger, random.Next());

    private TortureChild StartWriting()
    {
        TortureChild child = Start();
        long before = child.Acknowledged;
        if (!child.WaitFor(() => child.Acknowledged > before, OpenMax, cancellation))
        {
            string errors = child.HasExited ? child.Errors : "";
            _faults.Add($"the writer writes nothing: {child.LastRefusal} {child.Stop} {errors}");
        }

        return child;
    }

    private void End(TortureChild child, bool isKilled)
    {
        if (isKilled) child.Kill();
        else child.End();
        _faults.AddRange(child.TakeFaults());
    }

    private void OpenAndCheck(bool diedWithDisk = false)
    {
        try
        {
            if (random.Next(4) == 0)
            {
                using Database reader = Open(OpenMode.ReadOnly);
                _faults.AddRange(_ledger.Check(reader, diedWithDisk));
            }

            using Database database = Open(OpenMode.CreateOrOpen);
            _faults.AddRange(_ledger.Check(database, diedWithDisk));
            if (++_rounds % RoundsPerVerification == 0)
            {
                foreach (CorruptDataException damage in database.Verify(cancellation: cancellation).Damages) _faults.Add(damage.Message);
            }

            if (random.Next(2) == 0) database.Close();
        }
        catch (Exception failure) when (failure is IOException or DatabaseReadOnlyException or InvariantViolatedException)
        {
            _faults.Add($"{failure.GetType().Name}: {failure.Message}");
        }
    }

    private Database Open(OpenMode mode)
    {
        DatabaseOptions options = TortureDatabase.Options();
        options.Mode = mode;
        return Database.Open(directory, options);
    }

    private void Pause(int least, int most) => cancellation.WaitHandle.WaitOne(random.Next(least, most));

    private void Expect(bool holds, string otherwise)
    {
        if (!holds) _faults.Add(otherwise);
    }
}
