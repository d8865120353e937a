namespace Varve.Simulation;

/// <summary>Entries that end by themselves, and the time that passes over them.</summary>
internal sealed partial class HistoryWork
{
    /// <summary>A calm store whose entries expire has written down its time of a while ago, up to that much.</summary>
    private const long ClockLagMilliseconds = 60_000;

    private static readonly TimeSpan ClockWrittenWithin = TimeSpan.FromSeconds(2.5);

    /// <summary>An entry that expires was put in this generation.</summary>
    private bool _hasExpiring;

    /// <summary>By a time to live or by its moment; a moment that has passed is as good as a delete.</summary>
    private HistoryOperation AddExpiring(WriteBatch write, SortedMap map, HistoryOperation operation)
    {
        TimeSpan timeToLive = operation.TimeToLive!.Value;
        byte[] key = options.Keys[operation.Key];
        _hasExpiring = true;

        // Nothing else runs between here and the put, so that both ask for the same time.
        long nowTicks = Reads.Time.Read() * TimeSpan.TicksPerMillisecond;
        if (timeToLive > TimeSpan.Zero && timeToLive.Ticks % 3 != 0) write.Put(map, key, operation.Value, timeToLive);
        else write.PutUntil(map, key, operation.Value, DateTimeOffset.UnixEpoch.AddTicks(nowTicks + timeToLive.Ticks));
        return operation with { Expiry = (nowTicks + timeToLive.Ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond };
    }

    private TimeSpan? DrawTimeToLive(Random own)
    {
        if (own.Next(100) >= options.ExpiringPercent) return null;
        TimeSpan duration = HistoryModel.DrawDuration(own);
        return own.Next(20) == 0 ? -duration : duration;
    }

    /// <summary>Time passes, or somebody sets the wall clock.</summary>
    private void PassTime()
    {
        ManualClock clock = scheduler.Clock;
        model.SawWall(clock.GetUtcNow());
        int kind = random.Next(10);
        if (kind == 0) clock.SetUtcNow(HistoryModel.DrawWall(random, clock.GetUtcNow()));
        else if (kind == 1) clock.SetUtcNow(DateTimeOffset.FromUnixTimeMilliseconds(Reads.Time.Read()) + HistoryModel.DrawDuration(random));
        else clock.Advance(HistoryModel.DrawDuration(random));
        model.SawWall(clock.GetUtcNow());
        if (random.Next(3) == 0) Pause();
    }

    /// <summary>Idle time brings marks and the upkeep of a calm store, which also writes its time down.</summary>
    private void Pause()
    {
        long before = Reads.Time.Read();
        var duration = TimeSpan.FromMilliseconds(random.Next(1, 4_000));
        scheduler.CreateSignal("pause").Wait(duration);
        bool isWritten = _hasExpiring && HasFailed is null && !IsOver && duration >= ClockWrittenWithin;
        if (isWritten) model.PromiseTime(before - ClockLagMilliseconds);
    }

    private void HoldCursor()
    {
        HistoryMoment? held = DrawMoment(out bool isOwn);
        try
        {
            ulong sequence = held?.Sequence ?? database.LatestSequence;
            Reads.Resolve(sequence);
            HistoryMoment moment = held ?? new HistoryMoment(sequence, Reads.Time.Read());
            Reads.CheckHeldCursor(random.Next(options.MapNames.Length), moment, () =>
            {
                PassTime();
                if (random.Next(2) == 0) database.Flush();
                if (random.Next(2) == 0) database.Compact();
            });
        }
        finally
        {
            if (isOwn) held!.Value.Snapshot!.Dispose();
        }
    }
}
