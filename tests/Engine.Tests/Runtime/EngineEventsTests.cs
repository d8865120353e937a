using Varve.Runtime;
using Varve.Tests.Diagnostics;

namespace Varve.Tests.Runtime;

public sealed class EngineEventsTests
{
    [Fact]
    public void A_handler_that_is_too_slow_misses_what_comes_often_but_not_what_comes_once()
    {
        var log = new EventLog();
        using var mayGoOn = new ManualResetEventSlim();
        EngineEvents events = EngineEvents.Start(new SystemScheduler(TimeProvider.System), "data", happened =>
        {
            log.Add(happened);
            mayGoOn.Wait();
        });
        for (int i = 0; i < 1_100; i++) events.Post(new StallBeganEvent { Reason = StallReason.Flush });
        events.ReportDamage(new CorruptDataException("a", 1, "first"));
        events.ReportDamage(new CorruptDataException("a", 2, "second"));
        events.ReportDamage(new CorruptDataException("b", 3, "third"));
        Task stop = Task.Run(events.Stop);
        Assert.False(stop.IsCompleted);
        mayGoOn.Set();
        stop.Wait();

        // One more where the handler had taken the first before the queue was full.
        Assert.InRange(log.Of<StallBeganEvent>().Count, 1_024, 1_025);
        Assert.Equal(1_100, log.Of<StallBeganEvent>().Count + events.DroppedCount);
        Assert.Equal(["first", "third"], log.Of<DamageFoundEvent>().Select(told => told.Damage.Detail));
        Assert.Equal(2, events.DamagedFileCount);
        events.Post(new StallBeganEvent { Reason = StallReason.Flush });
        Assert.IsType<DamageFoundEvent>(log.All[^1]);
    }

    [Fact]
    public void What_the_handler_throws_is_counted()
    {
        EngineEvents events = EngineEvents.Start(
            new SystemScheduler(TimeProvider.System), "data", _ => throw new InvalidOperationException("A handler's own failure."));
        for (int i = 0; i < 3; i++) events.Post(new StallBeganEvent { Reason = StallReason.Flush });
        events.Stop();
        Assert.Equal(3, events.HandlerFailureCount);
        Assert.Equal(0, events.DroppedCount);
    }

    [Fact]
    public void Every_event_is_handled_in_order_whatever_the_threads_do()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            var handled = new List<ulong>();
            scheduler.Run(() =>
            {
                EngineEvents events = EngineEvents.Start(
                    scheduler, "data", happened => handled.Add(((DatabaseOpenedEvent)happened).LatestSequence));
                for (ulong i = 0; i < 20; i++) events.Post(Opened(i));
                events.Stop();
            });
            Assert.True(handled.SequenceEqual(Enumerable.Range(0, 20).Select(i => (ulong)i)), $"seed {seed}: {string.Join(' ', handled)}");
        }
    }

    private static DatabaseOpenedEvent Opened(ulong sequence) => new()
    {
        Duration = TimeSpan.Zero,
        IsReadOnly = false,
        WasClosedCleanly = true,
        RecoveredRecords = 0,
        RecoveredBytes = 0,
        LatestSequence = sequence,
    };
}
