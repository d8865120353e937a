namespace Varve.Simulation;

/// <summary>The clocks: what they have shown, and from where the store's time must go on.</summary>
internal sealed partial class HistoryModel
{
    private const int DaysMax = 40;

    private DateTimeOffset? _wall;

    /// <summary>The highest time that a wall clock has shown: the store's time is never ahead of it. Milliseconds since 1970.</summary>
    public long WallMax { get; private set; }

    /// <summary>The same for the clocks before the one that runs now; 0: it is the first.</summary>
    public long WallMaxBefore { get; private set; }

    /// <summary>Whatever happens, the store's time goes on from here, milliseconds since 1970; 0: nothing has been promised.</summary>
    public long TimeFloor { get; private set; }

    public void SawWall(DateTimeOffset wall) => WallMax = Math.Max(WallMax, wall.ToUnixTimeMilliseconds());

    /// <summary>A time that the store has given out is on disk, or one from before it.</summary>
    public void PromiseTime(long milliseconds) => TimeFloor = Math.Max(TimeFloor, milliseconds);

    /// <summary>A machine stops; the next one's clock goes on from about there.</summary>
    public void StopClock(ManualClock clock)
    {
        _wall = clock.GetUtcNow();
        SawWall(_wall.Value);
    }

    /// <summary>Sets the clock of the next machine: mostly some time later, sometimes wrong.</summary>
    public void StartClock(ManualClock clock, Random random)
    {
        if (_wall is { } wall)
        {
            WallMaxBefore = WallMax;
            clock.SetUtcNow(DrawWall(random, wall));
        }

        SawWall(clock.GetUtcNow());
    }

    /// <summary>What a clock shows after a while off: some time later, unless it was set back or far ahead.</summary>
    public static DateTimeOffset DrawWall(Random random, DateTimeOffset before) => random.Next(8) switch
    {
        0 => before - DrawDuration(random),
        1 => before - TimeSpan.FromDays(random.Next(1, 400)),
        2 => before + TimeSpan.FromDays(random.Next(1, DaysMax)),
        _ => before + DrawDuration(random),
    };

    /// <summary>Milliseconds to days, each order as often as the others; not always whole milliseconds.</summary>
    public static TimeSpan DrawDuration(Random random)
    {
        TimeSpan unit = random.Next(5) switch
        {
            0 => TimeSpan.FromMilliseconds(1),
            1 => TimeSpan.FromMilliseconds(50),
            2 => TimeSpan.FromSeconds(5),
            3 => TimeSpan.FromMinutes(10),
            _ => TimeSpan.FromHours(8),
        };
        long ticks = random.NextInt64(1, 10 * unit.Ticks);
        return random.Next(2) == 0
            ? TimeSpan.FromTicks(ticks)
            : TimeSpan.FromMilliseconds(Math.Max(1, ticks / TimeSpan.TicksPerMillisecond));
    }
}
