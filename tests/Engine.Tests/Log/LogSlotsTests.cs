using Varve.Log;

namespace Varve.Tests.Log;

public class LogSlotsTests
{
    [Fact]
    public void A_retired_segment_is_recycled_and_its_stale_records_do_not_come_back()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        ulong sequence = 1;
        for (int round = 0; round < 40; round++)
        {
            for (int i = 0; i < 12; i++) LogHouse.Append(log, sequence++, 1000 + round);
            log.Sync();
            ulong flushed = log.AppendedSequence - 3;
            log.RetireThrough(flushed);
            Assert.True(house.ListSlots().Count <= 4, $"round {round}: {house.ListSlots().Count} slots");

            Recovered recovered = house.Recover(flushed);
            recovered.AssertSequences(flushed + 1, log.AppendedSequence, $"round {round}:");
            Assert.Equal(log.AppendedSequence, recovered.Result.LastSequence);
        }
    }

    [Fact]
    public void A_segment_lives_as_long_as_it_holds_a_record_that_is_not_flushed()
    {
        LogHouse house = new(segmentBytes: 8192);
        using LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= 20; sequence++) LogHouse.Append(log, sequence, 900);
        log.Drain();
        IReadOnlyList<LogSegmentInfo> segments = log.GetLiveSegments();
        Assert.True(segments.Count > 3);
        ulong second = segments[1].FirstSequence;

        log.RetireThrough(second - 2);
        Assert.Equal(1, log.OldestSegment);
        log.RetireThrough(second - 1);
        Assert.Equal(2, log.OldestSegment);
        house.Recover(second - 1).AssertSequences(second, 20);

        log.RetireThrough(20);
        Assert.Equal(segments[^1].Number, log.OldestSegment);
        Assert.Equal(log.GetLiveSegments().Sum(segment => segment.ValidBytes), log.LiveBytes);
    }

    [Fact]
    public void A_record_that_covers_whole_segments_holds_all_of_them()
    {
        LogHouse house = new(segmentBytes: 8192);
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        LogHouse.Append(log, 2, 15_000);
        LogHouse.Append(log, 3, 100);
        log.Drain();
        log.RetireThrough(1);
        Assert.Equal(1, log.OldestSegment);
        house.Recover(1).AssertSequences(2, 3);
        log.RetireThrough(2);
        Assert.Equal(log.GetLiveSegments()[^1].Number, log.OldestSegment);
        house.Recover(2).AssertSequences(3, 3);
    }

    [Fact]
    public void One_spare_is_kept_and_the_next_segment_takes_it()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        log.EnsureSpare();
        log.EnsureSpare();
        Assert.Equal(["data/0001.log", "data/0002.log"], house.ListSlots());

        house.Disk.Faults = FaultPlan.Matching(
            call => call.Operation == DiskOperation.Allocate, Fault.Error(Errors.NoSpace), forEver: true);
        for (ulong sequence = 1; sequence <= 12; sequence++) LogHouse.Append(log, sequence, 1500);
        house.Recover(cleanEnd: log.Close()).AssertSequences(1, 12);
    }

    [Fact]
    public void The_spare_can_be_given_to_a_full_disk()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        log.EnsureSpare();
        log.DeleteSpares();
        Assert.Equal(["data/0001.log"], house.ListSlots());
    }

    [Fact]
    public void Slots_found_at_open_are_recycled_whatever_they_hold()
    {
        LogHouse house = new();
        using (LogWriter log = house.OpenWriter())
        {
            for (ulong sequence = 1; sequence <= 30; sequence++) LogHouse.Append(log, sequence, 1500);
            log.Close();
        }

        house.WriteSlot(1, new byte[100]);
        house.WriteSlot(2, new byte[50_000]);
        house.Era = house.Context.CreateEra(firstSegment: 9);
        int slots = house.ListSlots().Count;
        using LogWriter next = house.OpenWriter(nextSequence: 100);
        for (ulong sequence = 100; sequence <= 125; sequence++) LogHouse.Append(next, sequence, 1500);
        LogEnd end = next.Close();
        Assert.Equal(slots, house.ListSlots().Count);
        Assert.All(
            next.GetLiveSegments(),
            segment => Assert.Equal(house.Context.SegmentBytes, house.Disk.ReadAll(segment.Path).Length));
        house.Recover(flushedSequence: 30, end).AssertSequences(100, 125);
    }

    [Fact]
    public void A_slot_that_cannot_be_deleted_is_used_again()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= 40; sequence++) LogHouse.Append(log, sequence, 1500);
        house.Disk.Faults = FaultPlan.Matching(
            call => call.Operation == DiskOperation.Delete, Fault.Error(Errors.NoAccess), forEver: true);
        int slots = house.ListSlots().Count;
        log.RetireThrough(40);
        Assert.Equal(slots, house.ListSlots().Count);
        for (ulong sequence = 41; sequence <= 60; sequence++) LogHouse.Append(log, sequence, 1500);
        Assert.Equal(slots, house.ListSlots().Count);
        house.Recover(40, log.Close()).AssertSequences(41, 60);
    }

    [Fact]
    public void Nothing_stays_open_after_the_log()
    {
        LogHouse house = new();
        LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= 40; sequence++) LogHouse.Append(log, sequence, 1500);
        log.EnsureSpare();
        log.RetireThrough(30);
        house.Recover(30);
        log.Dispose();
        log.Dispose();
        log.DeleteSpares();
        log.EnsureSpare();
        Assert.Equal(0, house.Disk.OpenFileCount);
    }

    [Fact]
    public void A_log_that_cannot_begin_leaves_nothing_open()
    {
        LogHouse house = new();
        house.Disk.Faults = FaultPlan.Matching(
            call => call.Operation == DiskOperation.Sync, Fault.Error(Errors.InputOutput), forEver: true);
        Assert.Throws<StorageException>(() => house.OpenWriter());
        Assert.Equal(0, house.Disk.OpenFileCount);
    }
}
