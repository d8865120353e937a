using Varve.Log;
using Varve.Tests.House;

namespace Varve.Tests.Log;

/// <summary>The end of the log that is mapped into memory and in no slot yet.</summary>
public class LogWindowTests
{
    private const int LargeSegmentBytes = 4 << 20;

    [Fact]
    public void What_is_kept_survives_the_process_and_is_in_no_slot()
    {
        LogHouse house = new();
        LogWriter log = house.OpenWriter();
        Append(log, 1, 20);
        log.Keep();
        Append(log, 21, 5);
        Assert.Equal((20UL, 0UL), (log.KeptSequence, log.DrainedSequence));
        log.Dispose();
        house.Crash(CrashMode.KeepAll);
        house.Recover().AssertSequences(1, 20);
    }

    [Fact]
    public void At_no_moment_a_process_can_die_at_anything_kept_is_missing()
    {
        // Records of all lengths over several windows and segments; each one is kept, so that each one is a moment.
        LogHouse house = new(segmentBytes: 1 << 20);
        using LogWriter log = house.OpenWriter();
        Random random = new(1);
        for (ulong sequence = 1; sequence <= 900; sequence++)
        {
            LogHouse.Append(log, sequence, random.Next(random.Next(20) == 0 ? 90_000 : 3_000));
            if (random.Next(50) == 0) log.Sync();
            else if (random.Next(40) == 0) log.Drain();
            else log.Keep();
            if (sequence % 30 != 0) continue;
            AtAnyCall(house).AssertSequences(1, sequence, $"sequence {sequence}:");
        }

        static Recovered AtAnyCall(LogHouse house)
        {
            var other = new LogHouse { Era = house.Era };
            other.MoveTo(house.Disk.Fork(), house.Context);
            return other.Recover();
        }
    }

    [Fact]
    public void A_kill_in_the_middle_of_a_store_leaves_a_prefix()
    {
        LogHouse house = new();
        LogWriter log = house.OpenWriter();
        Append(log, 1, 12, bytes: 60);
        log.Keep();
        log.Dispose();
        house.Crash(CrashMode.KeepAll);
        byte[] window = house.Disk.ReadAll(house.WindowPath);
        int frameBytes = LogFormat.FrameBytes(60);
        for (int stored = 0; stored <= 12 * frameBytes; stored++)
        {
            byte[] cut = window.ToArray();
            cut.AsSpan(LogFormat.HeaderAreaBytes + stored).Fill(0xA5);
            house.Disk.WriteAll(house.WindowPath, cut);
            house.Recover().AssertSequences(1, (ulong)(stored / frameBytes), $"{stored} bytes:");
        }
    }

    [Fact]
    public void A_damaged_window_never_gives_anything_else_than_a_prefix_with_all_that_was_synced()
    {
        LogHouse house = new();
        LogWriter log = house.OpenWriter();
        Append(log, 1, 6);
        log.Sync();
        Append(log, 7, 6);
        log.Keep();
        log.Dispose();
        house.Crash(CrashMode.KeepAll);
        byte[] window = house.Disk.ReadAll(house.WindowPath);
        for (int offset = 0; offset < LogFormat.HeaderAreaBytes + 2_000; offset++)
        {
            byte[] damaged = window.ToArray();
            damaged[offset] ^= 0x10;
            house.Disk.WriteAll(house.WindowPath, damaged);
            Recovered recovered = house.Recover();
            Assert.InRange(recovered.Result.LastSequence, 6UL, 12UL);
            recovered.AssertSequences(1, recovered.Result.LastSequence, $"offset {offset}:");
        }

        foreach (int length in (int[])[0, 10, LogFormat.HeaderAreaBytes, LogFormat.HeaderAreaBytes + 100])
        {
            house.Disk.WriteAll(house.WindowPath, window[..length]);
            house.Recover().AssertSequences(1, 6, $"length {length}:");
        }
    }

    [Fact]
    public void An_old_window_harms_neither_its_own_segment_nor_the_one_that_has_its_slot_now()
    {
        LogHouse house = new(segmentBytes: 16 * 1024);
        LogWriter log = house.OpenWriter();
        Append(log, 1, 5, bytes: 300);
        log.Keep();
        byte[] old = house.Disk.ReadAll(house.WindowPath);
        for (ulong sequence = 6; sequence <= 400; sequence++)
        {
            LogHouse.Append(log, sequence, 300);
            if (sequence % 20 != 0) continue;
            log.Sync();
            Check($"sequence {sequence}:", sequence);
            log.RetireThrough(sequence - 10);
        }

        Assert.True(log.OldestSegment > 3);
        log.Dispose();

        void Check(string context, ulong last)
        {
            var other = new LogHouse { Era = house.Era };
            other.MoveTo(house.Disk.Fork(), house.Context);
            other.Disk.WriteAll(house.WindowPath, old);
            other.Recover(flushedSequence: last - 10).AssertSequences(last - 9, last, context);
        }
    }

    [Fact]
    public void The_slot_that_the_window_continues_is_not_lost_in_silence()
    {
        LogHouse house = new();
        LogWriter log = house.OpenWriter();
        Append(log, 1, 5);
        log.Keep();
        log.Dispose();
        house.Crash(CrashMode.KeepAll);
        house.Disk.Delete(house.Context.SlotPath(1));
        CorruptDataException damage = Assert.Throws<CorruptDataException>(() => house.Recover());
        Assert.Equal(house.WindowPath, damage.Path);
    }

    [Fact]
    public void The_window_of_another_era_another_database_or_before_a_clean_close_counts_for_nothing()
    {
        LogHouse house = new();
        LogWriter log = house.OpenWriter();
        Append(log, 1, 3);
        LogEnd end = log.Close();
        log.Dispose();
        Assert.Equal(LogEndKind.Clean, house.Recover(cleanEnd: end).Result.EndKind);
        byte[] window = house.Disk.ReadAll(house.WindowPath);

        house.Era = house.Context.CreateEra(firstSegment: 2);
        house.OpenWriter(nextSequence: 100).Dispose();
        house.Crash(CrashMode.KeepAll);
        house.Disk.WriteAll(house.WindowPath, window);
        Assert.Empty(house.Recover().Records);

        LogHouse other = new(databaseIdLow: 8);
        other.OpenWriter().Dispose();
        other.Crash(CrashMode.KeepAll);
        other.Disk.WriteAll(house.WindowPath, window);
        Assert.Empty(other.Recover().Records);
    }

    [Fact]
    public void Without_mappings_what_is_kept_goes_to_the_slot()
    {
        LogHouse house = new(mapsFiles: false);
        LogWriter log = house.OpenWriter();
        Append(log, 1, 20);
        log.Keep();
        Assert.Equal((20UL, 20UL), (log.KeptSequence, log.DrainedSequence));
        log.Dispose();
        house.Crash(CrashMode.KeepAll);
        house.Recover().AssertSequences(1, 20);
    }

    [Fact]
    public void A_window_that_cannot_be_made_is_done_without()
    {
        DiskOperation[] operations = [DiskOperation.Open, DiskOperation.Allocate, DiskOperation.Write, DiskOperation.Map];
        foreach (DiskOperation operation in operations)
        {
            LogHouse house = new();
            house.Disk.Faults = FaultPlan.Matching(
                call => call.Path == house.WindowPath && call.Operation == operation, Fault.Error(Errors.NoSpace));
            LogWriter log = house.OpenWriter();
            Append(log, 1, 4);
            log.Keep();
            Assert.Equal(4UL, log.DrainedSequence);
            Assert.NotNull(house.Disk.LastFault);
            log.Dispose();
            house.Crash(CrashMode.KeepAll);
            house.Recover().AssertSequences(1, 4, $"{operation}:");
        }
    }

    [Fact]
    public void A_window_that_takes_no_more_stores_is_left_and_nothing_is_lost()
    {
        // Asked for at the first store, and then for 4 to 64 KiB more at a time.
        for (int refused = 1; refused <= 8; refused++)
        {
            LogHouse house = new(LargeSegmentBytes);
            LogWriter log = house.OpenWriter();
            house.Disk.Faults = FaultPlan.Matching(
                call => call.Operation == DiskOperation.Map, Fault.Error(Errors.InputOutput), nth: refused, forEver: true);
            for (ulong sequence = 1; sequence <= 500; sequence++)
            {
                LogHouse.Append(log, sequence, 1_000);
                log.Keep();
            }

            Assert.NotNull(house.Disk.LastFault);
            Assert.Equal(500UL, log.DrainedSequence);
            log.Dispose();
            house.Crash(CrashMode.KeepAll);
            house.Recover().AssertSequences(1, 500, $"refusal {refused}:");
        }
    }

    [Fact]
    public void Nothing_is_allocated_to_keep_a_record()
    {
        LogHouse house = new(LargeSegmentBytes);
        using LogWriter log = house.OpenWriter();
        byte[] payload = new byte[10];
        ulong sequence = 1;
        while (sequence <= 100) log.Append(sequence++, 1, payload);
        log.Drain();
        log.Append(sequence++, 1, payload);
        Assert.Equal(0, Allocated.By(() =>
        {
            for (int i = 0; i < 100; i++) log.Append(sequence++, 1, payload);
        }));
    }

    private static void Append(LogWriter log, ulong first, int count, int bytes = 100)
    {
        for (int i = 0; i < count; i++) LogHouse.Append(log, first + (ulong)i, bytes);
    }
}
