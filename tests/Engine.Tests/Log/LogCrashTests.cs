using Varve.Log;

namespace Varve.Tests.Log;

/// <summary>Random histories on a disk that loses, tears and reorders what was not synced, or fails a call.</summary>
public class LogCrashTests
{
    [Fact]
    public void After_any_crash_the_log_is_a_prefix_that_holds_everything_synced()
    {
        for (int seed = 1; seed <= 40; seed++)
        {
            Random random = new(seed);
            LogHouse house = new(segmentBytes: 8192 << random.Next(3));
            ulong flushed = 0;
            ulong next = 1;
            for (int open = 0; open < 4; open++)
            {
                LogWriter log = house.OpenWriter(next);
                Act(log, random, ref flushed, steps: random.Next(60));
                CrashMode mode = random.Next(4) switch { 0 => CrashMode.KeepNothing, 1 => CrashMode.KeepAll, _ => CrashMode.Random };
                ulong promised = mode == CrashMode.KeepAll ? log.KeptSequence : log.SyncedSequence;
                ulong appended = log.AppendedSequence;
                log.Dispose();
                house.Crash(mode, seed * 10 + open);

                string context = $"seed {seed}, open {open}:";
                Recovered recovered = Recover(house, flushed, context);
                ulong last = recovered.Result.LastSequence;
                Assert.True(last >= promised && last <= appended, $"{context} last {last}, {mode} {promised}, appended {appended}");
                recovered.AssertSequences(Math.Max(flushed + 1, next), last, context);
                Assert.Equal(last, Recover(house, flushed, context).Result.LastSequence);

                // What the database does next: the records go into tables, the manifest names a new era, sequences jump.
                flushed = last;
                next = last + (1UL << 32);
                house.Era = house.Context.CreateEra(recovered.Result.HighestSegment + 1);
            }
        }
    }

    [Theory]
    [InlineData(nameof(FailedSync.LeavesDirty))]
    [InlineData(nameof(FailedSync.MarksClean))]
    [InlineData(nameof(FailedSync.DropsUnsynced))]
    public void Whichever_call_fails_nothing_synced_is_lost_and_nothing_torn_comes_back(string failedSync)
    {
        Fault fault = Fault.HalfWrite(Errors.InputOutput, Enum.Parse<FailedSync>(failedSync));
        long calls = RunUntilFailure(FaultPlan.From(long.MaxValue, fault), out _, out _, out _);
        Assert.True(calls > 30);
        for (long failing = new LogHouse().Disk.CallCount + 1; failing <= calls; failing++)
        {
            RunUntilFailure(FaultPlan.Once(failing, fault), out LogHouse house, out ulong synced, out ulong flushed);
            Assert.NotNull(house.Disk.LastFault);
            house.Crash(CrashMode.Random, seed: (int)failing);
            Recovered recovered = Recover(house, flushed, $"call {failing}:");
            Assert.True(recovered.Result.LastSequence >= synced, $"call {failing}: {recovered.Result.LastSequence} of {synced}");
            recovered.AssertSequences(flushed + 1, recovered.Result.LastSequence, $"call {failing}:");
        }
    }

    private static long RunUntilFailure(Func<DiskCall, Fault?> plan, out LogHouse house, out ulong synced, out ulong flushed)
    {
        house = new LogHouse(segmentBytes: 8192);
        house.Disk.Faults = plan;
        (synced, flushed) = (0, 0);
        LogWriter? log = null;
        try
        {
            log = house.OpenWriter();
            for (ulong sequence = 1; sequence <= 30; sequence++)
            {
                LogHouse.Append(log, sequence, sequence % 7 == 0 ? 9000 : 500);
                if (sequence % 2 == 0) log.Keep();
                if (sequence % 3 == 0) log.Drain();
                if (sequence % 5 == 0) log.Sync();
                synced = log.SyncedSequence;
                if (sequence % 10 != 0) continue;
                flushed = sequence - 4;
                log.RetireThrough(flushed);
                log.EnsureSpare();
                log.WriteMark();
            }
        }
        catch (StorageException)
        {
            // The history ends here, as the database would stop writing.
        }

        log?.Dispose();
        return house.Disk.CallCount;
    }

    private static void Act(LogWriter log, Random random, ref ulong flushed, int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            switch (random.Next(10))
            {
                case < 5:
                    LogHouse.Append(log, log.AppendedSequence + 1, random.Next(8) == 0 ? random.Next(30_000) : random.Next(400));
                    break;
                case 5:
                    log.Keep();
                    break;
                case 6:
                    log.Drain();
                    break;
                case 7:
                    log.Sync();
                    break;
                case 8:
                    log.WriteMark();
                    break;
                case 9 when log.DrainedSequence > flushed && random.Next(3) == 0:
                    // A flush may take in what the log has not synced: its tables are synced before the manifest says so.
                    flushed = log.DrainedSequence;
                    log.RetireThrough(flushed);
                    break;
            }
        }
    }

    private static Recovered Recover(LogHouse house, ulong flushed, string context)
    {
        try
        {
            return house.Recover(flushed);
        }
        catch (CorruptDataException damage)
        {
            throw new Xunit.Sdk.XunitException($"{context} {damage.Message}");
        }
    }
}
