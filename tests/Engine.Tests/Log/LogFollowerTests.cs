using Varve.Log;

namespace Varve.Tests.Log;

public sealed class LogFollowerTests
{
    private const int SegmentBytes = 16 * 1024;

    /// <summary>A segment ends with a mark; it was retired before a sync, and a power cut took the mark: no record went with it.</summary>
    [Fact]
    public void A_mark_that_is_lost_at_the_end_of_a_retired_segment_is_no_loss()
    {
        (LogHouse house, LogHistory history) = Write(out LogWriter log, out long markOffset);
        using (log)
        {
            house.DamageSlot(1, markOffset);
            Assert.Equal([1ul, 2, 3], Follow(house, history, log));
            Assert.Equal(2ul, new LogSegments(history, log).OldestStart);
        }
    }

    [Fact]
    public void A_record_that_is_lost_from_a_retired_segment_is_told()
    {
        (LogHouse house, LogHistory history) = Write(out LogWriter log, out long markOffset);
        using (log)
        {
            house.DamageSlot(1, markOffset - 8);
            ChangeHistoryLostException lost = Assert.Throws<ChangeHistoryLostException>(() => Follow(house, history, log));
            Assert.Equal(2ul, lost.OldestSequence);
        }
    }

    /// <summary>Two records and a mark fill the first segment but for less than a frame; a third record is in the second.</summary>
    private static (LogHouse House, LogHistory History) Write(out LogWriter log, out long markOffset)
    {
        var house = new LogHouse(SegmentBytes);
        var history = new LogHistory(house.Context, bytesMax: 1 << 20, precedingSequence: 0);
        log = new LogWriter(house.Context, house.Era, 1, history);
        LogHouse.Append(log, 1, 1_000);
        int left = SegmentBytes - LogFormat.HeaderAreaBytes - LogFormat.FrameBytes(1_000) - LogFrame.HeaderBytes - 24;
        LogHouse.Append(log, 2, left - LogFrame.HeaderBytes);
        log.Sync();
        markOffset = log.GetLiveSegments()[0].ValidBytes;
        log.WriteMark();
        LogHouse.Append(log, 3, 100);
        log.Sync();
        log.RetireThrough(2);
        Assert.Equal(2, log.OldestSegment);
        return (house, history);
    }

    private static List<ulong> Follow(LogHouse house, LogHistory history, LogWriter log)
    {
        using var follower = new LogFollower(new LogSegments(history, log), house.Disk, after: 0);
        var sequences = new List<ulong>();
        while (follower.TryRead(limit: 3, out LogFrame frame)) sequences.Add(frame.FirstSequence);
        return sequences;
    }
}
