using Varve.Log;
using Varve.Tests.House;

namespace Varve.Tests.Log;

public class LogWriterTests
{
    [Fact]
    public void Records_of_every_size_come_back_as_they_were_appended()
    {
        LogHouse house = new(segmentBytes: 64 * 1024);
        int[] sizes = [0, 1, 7, 8, 9, 100, 4096, 20_000, 65_535, 65_536, 65_537, 150_000, 0, 600_000, 3];
        using LogWriter log = house.OpenWriter();
        ulong sequence = 1;
        foreach (int size in sizes) LogHouse.Append(log, sequence++, size);
        LogEnd end = log.Close();

        Recovered recovered = house.Recover(cleanEnd: end);
        recovered.AssertSequences(1, (ulong)sizes.Length);
        Assert.Equal(sizes, recovered.Records.Select(record => record.Payload.Length));
        Assert.Equal(LogEndKind.Clean, recovered.Result.EndKind);
        Assert.Equal((ulong)sizes.Length, recovered.Result.LastSequence);
    }

    [Fact]
    public void A_batch_keeps_its_number_of_sequences()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter(nextSequence: 10);
        LogHouse.Append(log, 10, 40, count: 5);
        LogHouse.Append(log, 15, 30_000, count: 1000);
        LogHouse.Append(log, 1015, 1);
        log.Drain();

        Recovered recovered = house.Recover(flushedSequence: 9);
        Assert.Equal([(10ul, 5), (15ul, 1000), (1015ul, 1)], recovered.Records.Select(record => (record.FirstSequence, record.Count)));
        Assert.Equal(1015ul, recovered.Result.LastSequence);
    }

    [Fact]
    public void A_gap_in_sequences_is_a_bug()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 8);
        Assert.Throws<InvariantViolatedException>(() => LogHouse.Append(log, 3, 8));
    }

    [Fact]
    public void What_is_drained_survives_the_process_and_what_is_not_is_lost()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        log.Drain();
        LogHouse.Append(log, 2, 100);

        Assert.Equal((2ul, 1ul, 0ul), (log.AppendedSequence, log.DrainedSequence, log.SyncedSequence));
        house.Recover().AssertSequences(1, 1);
    }

    [Fact]
    public void What_is_synced_survives_a_power_cut_across_segments()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= 50; sequence++) LogHouse.Append(log, sequence, 1500);
        log.Sync();
        LogHouse.Append(log, 51, 1500);
        log.Drain();
        Assert.Equal((51ul, 51ul, 50ul), (log.AppendedSequence, log.DrainedSequence, log.SyncedSequence));

        house.Crash(CrashMode.KeepNothing);
        house.Recover().AssertSequences(1, 50);
    }

    [Fact]
    public void A_record_larger_than_the_buffer_counts_as_drained_only_as_a_whole()
    {
        LogHouse house = new(segmentBytes: 1 << 20);
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 700_000);
        Assert.Equal(0ul, log.DrainedSequence);
        Assert.Empty(house.Recover().Records);
        log.Drain();
        Assert.Equal(1ul, log.DrainedSequence);
        house.Recover().AssertSequences(1, 1);
    }

    [Fact]
    public void A_segment_begins_with_a_synced_header_and_a_durable_name()
    {
        LogHouse house = new();
        List<DiskCall> all = house.RecordCalls();
        using LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= 10; sequence++) LogHouse.Append(log, sequence, 1500);
        log.Drain();

        for (int slot = 1; slot <= 2; slot++)
        {
            List<DiskOperation> calls = all
                .Where(call => call.Path == house.Context.SlotPath(slot) || call.Path == LogHouse.Directory)
                .Select(call => call.Operation)
                .ToList();
            int created = calls.IndexOf(DiskOperation.Open);
            int synced = calls.IndexOf(DiskOperation.Sync);
            int header = calls.LastIndexOf(DiskOperation.Write, synced);
            int frames = calls.LastIndexOf(DiskOperation.Write);
            Assert.True(created >= 0 && created < header && header < synced && synced < frames, string.Join(", ", calls));
            Assert.Contains(DiskOperation.SyncDirectory, calls[created..frames]);
        }
    }

    [Fact]
    public void A_failed_write_seals_the_log_with_its_cause()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        house.Disk.Faults = FailOnce(DiskOperation.Write, Errors.NoSpace);
        AssertSealed(log, Assert.Throws<StorageException>(log.Drain));
        Assert.Empty(house.Recover().Records);
    }

    [Fact]
    public void A_failed_sync_seals_the_log_with_its_cause_and_is_not_repeated()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        house.Disk.Faults = FailOnce(DiskOperation.Sync, Errors.InputOutput);
        AssertSealed(log, Assert.Throws<StorageException>(log.Sync));
        Assert.Equal(0ul, log.SyncedSequence);
    }

    [Fact]
    public void A_failed_header_of_the_next_segment_seals_the_log()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        log.Sync();
        log.EnsureSpare();
        house.Disk.Faults = FailOnce(DiskOperation.Sync, Errors.InputOutput);
        AssertSealed(log, Assert.Throws<StorageException>(() => LogHouse.Append(log, 2, 16_000)));
        house.Recover().AssertSequences(1, 1);
    }

    [Fact]
    public void A_new_slot_is_written_whole_and_synced_before_it_is_used()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        log.Sync();
        house.Disk.Faults = FailOnce(DiskOperation.Sync, Errors.InputOutput);
        Assert.Throws<StorageException>(() => LogHouse.Append(log, 2, 16_000));

        // Nothing was logged: with another file it goes on.
        LogHouse.Append(log, 2, 16_000);
        log.Sync();
        house.Crash(CrashMode.KeepNothing);
        house.Recover().AssertSequences(1, 2);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_failed_sync_of_the_directory_seals_the_log(bool whileMakingTheSpare)
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        log.Sync();
        house.Disk.Faults = FailOnce(DiskOperation.SyncDirectory, Errors.InputOutput);
        AssertSealed(log, Assert.Throws<StorageException>(() =>
        {
            if (whileMakingTheSpare) log.EnsureSpare();
            else LogHouse.Append(log, 2, 20_000);
        }));
        house.Recover().AssertSequences(1, 1);
    }

    [Fact]
    public void An_idle_mark_that_is_still_in_the_buffer_is_drained()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        log.Sync();
        LogHouse.Append(log, 2, 100);
        log.WriteMark();
        house.DamageSlot(1, LogFormat.HeaderAreaBytes + 20);
        Assert.Throws<CorruptDataException>(() => house.Recover());
    }

    [Fact]
    public void A_full_disk_refuses_a_record_as_a_whole_and_takes_it_once_there_is_room()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        house.Disk.Faults = FaultPlan.Matching(
            call => call.Operation == DiskOperation.Allocate, Fault.Error(Errors.NoSpace), nth: 3, forEver: true);
        Assert.Throws<StorageException>(() => LogHouse.Append(log, 2, 100_000));
        Assert.Equal(1ul, log.AppendedSequence);
        LogHouse.Append(log, 2, 200);
        log.Sync();
        house.Recover().AssertSequences(1, 2);

        house.Disk.Faults = null;
        LogHouse.Append(log, 3, 100_000);
        house.Recover(cleanEnd: log.Close()).AssertSequences(1, 3);
    }

    [Fact]
    public void An_idle_mark_is_written_once()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        log.Sync();
        List<DiskCall> calls = house.RecordCalls();
        log.WriteMark();
        int writes = calls.Count(call => call.Operation == DiskOperation.Write);
        Assert.True(writes > 0);
        log.WriteMark();
        Assert.Equal(writes, calls.Count(call => call.Operation == DiskOperation.Write));
        LogHouse.Append(log, 2, 100);
        house.Recover(cleanEnd: log.Close()).AssertSequences(1, 2);
    }

    [Fact]
    public void A_mark_finds_room_whatever_is_left_in_the_segment()
    {
        const int segmentRoom = 8192 - LogFormat.HeaderAreaBytes - LogFrame.HeaderBytes;
        for (int left = 0; left <= 96; left += 8)
        {
            LogHouse house = new(segmentBytes: 8192);
            using LogWriter log = house.OpenWriter();
            LogHouse.Append(log, 1, segmentRoom - left);
            log.Sync();
            log.WriteMark();
            log.Drain();
            LogHouse.Append(log, 2, 50);
            Recovered recovered = house.Recover(cleanEnd: log.Close());
            recovered.AssertSequences(1, 2, $"left {left}:");
        }
    }

    [Fact]
    public void Appending_allocates_nothing()
    {
        LogHouse house = new(segmentBytes: 1 << 20);
        using LogWriter log = house.OpenWriter();
        byte[] payload = new byte[100];
        log.Append(1, 1, payload);
        ulong sequence = 2;
        Assert.Equal(0, Allocated.By(() =>
        {
            for (int i = 0; i < 1000; i++) log.Append(sequence++, 1, payload);
        }));
    }

    [Fact]
    public void A_sync_beside_appends_claims_only_what_was_drained_before_it()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        log.Drain();
        house.Disk.Faults = call =>
        {
            if (call.Operation != DiskOperation.Sync) return null;
            house.Disk.Faults = null;
            LogHouse.Append(log, 2, 30_000);
            log.Drain();
            return null;
        };
        log.SyncDrained();
        Assert.Equal((2ul, 1ul), (log.DrainedSequence, log.SyncedSequence));
        log.SyncDrained();
        Assert.Equal(2ul, log.SyncedSequence);
        house.Crash(CrashMode.KeepNothing);
        house.Recover().AssertSequences(1, 2);
    }

    private static void AssertSealed(LogWriter log, StorageException cause)
    {
        ulong next = log.AppendedSequence + 1;
        Assert.Same(cause, Assert.Throws<StorageException>(() => LogHouse.Append(log, next, 1)));
        Assert.Same(cause, Assert.Throws<StorageException>(log.Drain));
        Assert.Same(cause, Assert.Throws<StorageException>(log.Sync));
        Assert.Same(cause, Assert.Throws<StorageException>(log.WriteMark));
        Assert.Same(cause, Assert.Throws<StorageException>(() => log.Close()));
    }

    private static Func<DiskCall, Fault?> FailOnce(DiskOperation failing, int errorCode) =>
        FaultPlan.Matching(call => call.Operation == failing, Fault.HalfWrite(errorCode));
}
