using System.Diagnostics;
using Varve.Diagnostics;
using Varve.Levels;
using Varve.Runtime;

namespace Varve.Compaction;

/// <summary>Tells counters, histograms, activities and events what upkeep does: once a job, so never on a path that must be fast.</summary>
internal sealed class UpkeepReports(EngineEvents events, UpkeepCounters counters)
{
    public Activity? StartFlush(long entries)
    {
        Activity? activity = EngineActivities.Start("varve.flush", events.Directory);
        activity?.SetTag("varve.entries", entries);
        return activity;
    }

    public void FlushDone(LevelEdit edit, long entries, TimeSpan duration, Activity? activity)
    {
        long bytes = WrittenBytes(edit);
        counters.CountFlush(bytes, edit.Added.Count);
        EngineMeter.FlushDuration.Record(duration.TotalSeconds, events.Tag);
        activity?.SetTag("varve.written_bytes", bytes);
        if (!events.IsObserved) return;
        events.Post(new FlushCompletedEvent
        {
            Duration = duration,
            Entries = entries,
            Tables = edit.Added.Count,
            WrittenBytes = bytes,
        });
    }

    public void FlushFailed(Exception failure)
    {
        counters.CountFailure();
        events.Post(new FlushFailedEvent { Failure = failure });
    }

    public Activity? StartCompaction(CompactionPick pick)
    {
        Activity? activity = EngineActivities.Start("varve.compaction", events.Directory);
        if (activity is null) return null;
        activity.SetTag("varve.reason", pick.Reason.ToString());
        activity.SetTag("varve.input_level", pick.InputLevel);
        activity.SetTag("varve.output_level", pick.OutputLevel);
        activity.SetTag("varve.input_tables", pick.Inputs.Count + pick.Overlapped.Count);
        activity.SetTag("varve.read_bytes", pick.InputBytes);
        return activity;
    }

    public void MoveDone(CompactionPick pick, TimeSpan duration)
    {
        counters.CountMove();
        if (events.IsObserved) Post(pick, pick.Inputs.Count, duration, readBytes: 0, writtenBytes: 0);
    }

    public void CompactionDone(CompactionPick pick, LevelEdit edit, TimeSpan duration, Activity? activity)
    {
        long bytes = WrittenBytes(edit);
        counters.CountCompaction(pick.InputBytes, bytes);
        EngineMeter.CompactionDuration.Record(duration.TotalSeconds, events.Tag);
        activity?.SetTag("varve.written_bytes", bytes);
        if (events.IsObserved) Post(pick, edit.Added.Count, duration, pick.InputBytes, bytes);
    }

    public void CompactionFailed(CompactionPick pick, Exception failure)
    {
        counters.CountFailure();
        if (failure is CorruptDataException damage) events.ReportDamage(damage);
        events.Post(new CompactionFailedEvent { InputLevel = pick.InputLevel, OutputLevel = pick.OutputLevel, Failure = failure });
    }

    public void StallBegan(StallReason reason) => events.Post(new StallBeganEvent { Reason = reason });

    public void StallEnded(StallReason reason, TimeSpan duration)
    {
        counters.CountStall(duration);
        events.Post(new StallEndedEvent { Reason = reason, Duration = duration });
    }

    public void LogRecycled(long segments, long liveBytes)
    {
        counters.CountLogSegments(segments);
        events.Post(new LogRecycledEvent { Segments = segments, LiveBytes = liveBytes });
    }

    private void Post(CompactionPick pick, int outputTables, TimeSpan duration, long readBytes, long writtenBytes) =>
        events.Post(new CompactionCompletedEvent
        {
            Reason = pick.Reason.ToString(),
            InputLevel = pick.InputLevel,
            OutputLevel = pick.OutputLevel,
            IsMove = pick.IsTrivialMove,
            Duration = duration,
            InputTables = pick.Inputs.Count + pick.Overlapped.Count,
            OutputTables = outputTables,
            ReadBytes = readBytes,
            WrittenBytes = writtenBytes,
        });

    private static long WrittenBytes(LevelEdit edit)
    {
        long bytes = 0;
        foreach (LeveledTable added in edit.Added) bytes += added.Info.FileBytes;
        return bytes;
    }
}
