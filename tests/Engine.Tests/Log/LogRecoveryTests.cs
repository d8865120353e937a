using Varve.Log;

namespace Varve.Tests.Log;

public class LogRecoveryTests
{
    [Fact]
    public void An_era_without_a_segment_is_empty()
    {
        Recovered recovered = new LogHouse().Recover(flushedSequence: 12);
        Assert.Empty(recovered.Records);
        Assert.Equal((12ul, LogEndKind.Empty, 0), (recovered.Result.LastSequence, recovered.Result.EndKind, recovered.Result.SegmentsSeen));
    }

    [Fact]
    public void A_log_without_a_record_is_empty_and_ends_below_its_first_sequence()
    {
        LogHouse house = new();
        house.OpenWriter(nextSequence: 1000).Dispose();
        Recovered recovered = house.Recover(flushedSequence: 12);
        Assert.Equal((999ul, LogEndKind.Empty), (recovered.Result.LastSequence, recovered.Result.EndKind));
        Assert.Equal(1L, recovered.Result.HighestSegment);
    }

    [Fact]
    public void Recovery_changes_nothing_and_gives_the_same_twice()
    {
        LogHouse house = Written(out _, syncEach: false, records: 30, bytes: 900);
        IReadOnlyList<string> files = house.Disk.ListAllFiles();
        List<DiskCall> calls = house.RecordCalls();
        house.Recover().AssertSequences(1, 30);
        house.Recover().AssertSequences(1, 30);
        DiskOperation[] harmless = [DiskOperation.List, DiskOperation.Exists, DiskOperation.Open, DiskOperation.Read];
        Assert.All(calls, call => Assert.Contains(call.Operation, harmless));
        Assert.Equal(files, house.Disk.ListAllFiles());
    }

    [Fact]
    public void A_torn_tail_ends_replay_quietly_at_every_length()
    {
        LogHouse house = Written(out LogEnd end, syncEach: false, records: 12, bytes: 60);
        byte[] whole = house.ReadSlot(1);
        foreach (bool isCut in new[] { false, true })
        {
            int records = 0;
            for (int length = LogFormat.HeaderAreaBytes; length <= end.ValidBytes; length++)
            {
                house.WriteSlot(1, isCut ? whole[..length] : [.. whole[..length], .. new byte[whole.Length - length]]);
                Recovered recovered = house.Recover();
                recovered.AssertSequences(1, (ulong)recovered.Records.Count, $"length {length}, cut {isCut}:");
                Assert.InRange(recovered.Records.Count, records, 12);
                records = recovered.Records.Count;
                Assert.Equal(records == 0 ? LogEndKind.Empty : LogEndKind.TornTail, recovered.Result.EndKind);
            }

            Assert.Equal(12, records);
        }
    }

    [Fact]
    public void A_cleanly_closed_log_that_was_cut_anywhere_is_damaged()
    {
        LogHouse house = Written(out LogEnd end, syncEach: false, records: 12, bytes: 60);
        byte[] whole = house.ReadSlot(1);
        for (int length = 0; length < end.ValidBytes; length += 3)
        {
            house.WriteSlot(1, whole[..length]);
            Assert.Throws<CorruptDataException>(() => house.Recover(cleanEnd: end));
        }
    }

    [Fact]
    public void A_record_whose_last_fragment_is_missing_does_not_count()
    {
        LogHouse house = new(segmentBytes: 8192);
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        LogHouse.Append(log, 2, 9000);
        log.Drain();
        IReadOnlyList<LogSegmentInfo> segments = log.GetLiveSegments();
        house.Disk.FlipBit(segments[^1].Path, (segments[^1].ValidBytes - 1) * 8);
        Recovered recovered = house.Recover();
        recovered.AssertSequences(1, 1);
        Assert.Equal(LogEndKind.TornTail, recovered.Result.EndKind);
    }

    [Fact]
    public void The_end_is_behind_the_last_record_seen_to_end_whatever_the_headers_and_tables_say()
    {
        LogHouse house = new(segmentBytes: 8192);
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        LogHouse.Append(log, 2, 9000);
        LogHouse.Append(log, 3, 100);
        log.Drain();
        IReadOnlyList<LogSegmentInfo> segments = log.GetLiveSegments();
        LogSegmentInfo last = segments[^1];
        Assert.Equal(new LogEnd(last.Number, last.ValidBytes, 3), house.Recover(flushedSequence: 2).Result.End);

        // Record 2 is in tables, but its last fragment is lost: the segment's header alone says that it was there.
        house.Disk.FlipBit(last.Path, (LogFormat.HeaderAreaBytes + LogFrame.HeaderBytes) * 8);
        LogRecoveryResult result = house.Recover(flushedSequence: 2).Result;
        Assert.Equal((2UL, new LogEnd(last.Number, LogFormat.HeaderAreaBytes, 1)), (result.LastSequence, result.End));
    }

    [Fact]
    public void Later_bytes_that_survived_an_unsynced_earlier_one_are_not_replayed()
    {
        LogHouse house = Written(out _, syncEach: false, records: 40, bytes: 900);
        house.Disk.Zero(house.Context.SlotPath(1), LogFormat.HeaderAreaBytes + 2000, 512);
        house.Recover().AssertSequences(1, 2);
    }

    [Fact]
    public void A_mark_in_the_same_segment_tells_damage_from_a_torn_tail()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= 4; sequence++) LogHouse.Append(log, sequence, 100);
        log.Sync();
        house.DamageSlot(1, LogFormat.HeaderAreaBytes + 200);
        house.Recover().AssertSequences(1, 1);

        log.WriteMark();
        CorruptDataException damage = Assert.Throws<CorruptDataException>(() => house.Recover());
        Assert.Equal((house.Context.SlotPath(1), LogFormat.HeaderAreaBytes + 144L), (damage.Path, damage.Offset));
    }

    [Fact]
    public void A_mark_in_a_later_segment_tells_damage_from_a_torn_tail()
    {
        LogHouse house = new(segmentBytes: 8192);
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 900);
        LogHouse.Append(log, 2, 900);
        for (ulong sequence = 3; sequence <= 10; sequence++) LogHouse.Append(log, sequence, 900);
        log.Drain();
        house.DamageSlot(1, LogFormat.HeaderAreaBytes + 1000);
        house.Recover().AssertSequences(1, 1);

        log.Sync();
        LogHouse.Append(log, 11, 10);
        log.Drain();
        Assert.Throws<CorruptDataException>(() => house.Recover());
    }

    [Fact]
    public void Damage_below_the_flushed_segments_does_not_matter()
    {
        LogHouse house = new(segmentBytes: 8192);
        using LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= 20; sequence++) LogHouse.Append(log, sequence, 900);
        log.Sync();
        log.WriteMark();
        ulong flushed = log.GetLiveSegments()[2].FirstSequence;
        house.Disk.Zero(
            house.Context.SlotPath(1), LogFormat.HeaderAreaBytes, house.ReadSlot(1).Length - LogFormat.HeaderAreaBytes);
        house.Recover(flushed).AssertSequences(flushed + 1, 20);
        house.Disk.Remove(house.Context.SlotPath(1));
        house.Recover(flushed).AssertSequences(flushed + 1, 20);
    }

    [Fact]
    public void A_tail_lost_below_the_flushed_sequence_is_no_damage()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= 30; sequence++) LogHouse.Append(log, sequence, 900);
        log.Drain();
        house.Crash(CrashMode.KeepNothing);
        Recovered recovered = house.Recover(flushedSequence: 25);
        Assert.Empty(recovered.Records);
        Assert.Equal(25ul, recovered.Result.LastSequence);
    }

    [Fact]
    public void Every_missing_segment_is_found_when_something_behind_it_or_a_clean_end_tells()
    {
        LogHouse house = Written(out LogEnd end, syncEach: true, records: 60, bytes: 1500);
        Assert.True(end.Segment >= 6);
        for (int missing = 1; missing <= end.Segment; missing++)
        {
            byte[] content = house.ReadSlot(missing);
            house.WriteSlot(missing, []);
            Assert.Throws<CorruptDataException>(() => house.Recover(cleanEnd: end));
            if (missing < end.Segment) Assert.Throws<CorruptDataException>(() => house.Recover());
            house.WriteSlot(missing, content);
        }

        house.Recover(cleanEnd: end).AssertSequences(1, 60);
    }

    [Fact]
    public void A_segment_behind_the_clean_end_is_found()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        log.Sync();
        LogEnd early = new(1, log.GetLiveSegments()[0].ValidBytes, 1);
        house.Recover(cleanEnd: early);
        LogHouse.Append(log, 2, 100);
        log.Drain();
        Assert.Throws<CorruptDataException>(() => house.Recover(cleanEnd: early));
        LogHouse.Append(log, 3, 20_000);
        log.Drain();
        Assert.Throws<CorruptDataException>(() => house.Recover(cleanEnd: early));
    }

    [Fact]
    public void A_log_lost_as_a_whole_after_a_clean_close_is_found()
    {
        LogHouse house = Written(out LogEnd end, syncEach: false, records: 3, bytes: 10);
        house.Disk.Remove(house.Context.SlotPath(1));
        Assert.Throws<CorruptDataException>(() => house.Recover(cleanEnd: end));
    }

    [Fact]
    public void Swapped_slot_files_are_found()
    {
        LogHouse house = Written(out _, syncEach: false, records: 40, bytes: 1500);
        byte[] first = house.ReadSlot(1);
        house.WriteSlot(1, house.ReadSlot(2));
        house.WriteSlot(2, first);
        Assert.Throws<CorruptDataException>(() => house.Recover());
    }

    [Fact]
    public void A_stale_copy_of_a_slot_is_found()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 100);
        log.Sync();
        byte[] stale = house.ReadSlot(1);
        LogHouse.Append(log, 2, 20_000);
        LogHouse.Append(log, 3, 100);
        log.Sync();
        log.WriteMark();
        house.WriteSlot(1, stale);
        Assert.Throws<CorruptDataException>(() => house.Recover());
    }

    /// <summary>A page that was written to the wrong place, or restored: the header is whole, but another's.</summary>
    [Fact]
    public void A_header_of_another_segment_before_synced_frames_is_found()
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        LogHouse.Append(log, 1, 13_000);
        LogHouse.Append(log, 2, 100);
        log.Sync();
        byte[] older = house.ReadSlot(1);
        log.RetireThrough(2);
        ulong sequence = 3;
        while (house.ReadSlot(1).AsSpan(0, LogFormat.HeaderAreaBytes).SequenceEqual(older.AsSpan(0, LogFormat.HeaderAreaBytes)))
        {
            LogHouse.Append(log, sequence, 9_000);
            log.Sync();
            log.RetireThrough(sequence++);
        }

        LogHouse.Append(log, sequence, 100);
        log.Sync();
        log.WriteMark();
        byte[] sound = house.ReadSlot(1);
        Assert.Equal(sequence, house.Recover(sequence - 1).Result.LastSequence);
        LogHouse stranger = new(databaseIdLow: 8);
        using LogWriter strange = stranger.OpenWriter();
        byte[] foreign = stranger.ReadSlot(1);
        foreach (byte[] other in (byte[][])[older, foreign])
        {
            house.WriteSlot(1, [.. other.AsSpan(0, LogFormat.HeaderAreaBytes), .. sound.AsSpan(LogFormat.HeaderAreaBytes)]);
            var error = Assert.Throws<CorruptDataException>(() => house.Recover(sequence - 1));
            Assert.Equal(house.Context.SlotPath(1), error.Path);
        }
    }

    [Fact]
    public void Segments_of_another_era_or_database_never_pass()
    {
        LogHouse house = Written(out _, syncEach: true, records: 20, bytes: 1500);
        LogHouse stranger = new(databaseIdLow: 8);
        Assert.Equal(house.Era, stranger.Era);
        using LogWriter log = stranger.OpenWriter();
        LogHouse.Append(log, 1, 100);
        log.Sync();
        byte[] foreign = stranger.ReadSlot(1);

        house.Era = house.Context.CreateEra(firstSegment: 1);
        Assert.Empty(house.Recover().Records);
        house.WriteSlot(1, foreign);
        house.Era = stranger.Era;
        Assert.Throws<CorruptDataException>(() => house.Recover());
    }

    [Fact]
    public void A_read_error_is_never_a_torn_tail()
    {
        LogHouse house = Written(out _, syncEach: false, records: 20, bytes: 1500);
        long before = house.Disk.CallCount;
        house.Recover();
        long calls = house.Disk.CallCount - before;
        Assert.True(calls > 6);
        for (int failing = 1; failing <= calls; failing++)
        {
            house.Disk.Faults = FaultPlan.Once(house.Disk.CallCount + failing, Fault.Error(Errors.InputOutput));
            Assert.Equal(Errors.InputOutput, Assert.Throws<StorageException>(() => house.Recover()).ErrorCode);
            Assert.Equal(0, house.Disk.OpenFileCount);
        }
    }

    [Fact]
    public void Reading_ends_when_it_is_cancelled()
    {
        LogHouse house = Written(out _, syncEach: false, records: 3, bytes: 10);
        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => LogRecovery.Run(house.Context, house.Era, 0, null, (_, _, _) => { }, source.Token));
    }

    private static LogHouse Written(out LogEnd end, bool syncEach, int records, int bytes)
    {
        LogHouse house = new();
        using LogWriter log = house.OpenWriter();
        for (ulong sequence = 1; sequence <= (ulong)records; sequence++)
        {
            LogHouse.Append(log, sequence, bytes);
            if (syncEach) log.Sync();
        }

        end = log.Close();
        return house;
    }
}
