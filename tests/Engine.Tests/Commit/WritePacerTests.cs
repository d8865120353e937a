using Varve.Commit;
using Varve.Runtime;

namespace Varve.Tests.Commit;

public sealed class WritePacerTests
{
    private const double RateBytes = 100e6;

    [Fact]
    public void Without_pressure_writes_wait_for_nothing()
    {
        Run((pacer, clock) =>
        {
            pacer.Delay(long.MaxValue);
            pacer.SetPressure(0, RateBytes);
            for (int i = 0; i < 1_000; i++) pacer.Delay(1 << 20);
            Assert.Equal(0, clock.GetTimestamp());
        });
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.8)]
    [InlineData(0.95)]
    public void Writes_get_the_share_of_upkeeps_rate_that_the_pressure_leaves(double pressure)
    {
        double expected = 50e6 / (RateBytes * (1 - pressure) / pressure);
        foreach (int writeBytes in (int[])[100, 3_000, 50_000])
        {
            double seconds = SecondsFor(pressure, RateBytes, writeBytes, totalBytes: 50_000_000);
            double tolerance = 0.02 * expected + 0.001;
            Assert.True(Math.Abs(seconds - expected) < tolerance, $"{writeBytes} bytes a write: {seconds} s, not {expected} s");
        }
    }

    [Fact]
    public void The_delay_grows_with_the_pressure_without_a_step()
    {
        double before = 0;
        for (int percent = 1; percent <= 99; percent++)
        {
            double seconds = SecondsFor(percent / 100.0, RateBytes, writeBytes: 1_000, totalBytes: 10_000_000);
            Assert.True(seconds > before || percent == 1, $"{percent} %: {seconds} s after {before} s");

            // One percent more changes the rate by (p + 0.01) / p and (1 - p) / (0.99 - p): by a half at most between 3 % and 96 %.
            if (percent is > 3 and < 97) Assert.True(seconds < 1.55 * before, $"{percent} %: {seconds} s after {before} s");
            before = seconds;
        }
    }

    [Fact]
    public void Twice_the_rate_of_upkeep_halves_the_delay_and_an_unknown_rate_leaves_it()
    {
        double once = SecondsFor(0.5, RateBytes, 10_000, 20_000_000);
        Assert.InRange(SecondsFor(0.5, 2 * RateBytes, 10_000, 20_000_000), 0.49 * once, 0.51 * once);
        Run((pacer, clock) =>
        {
            pacer.SetPressure(0.5, 1e6);
            pacer.SetPressure(0.5, rateBytes: 0);
            pacer.Delay(10_000);
            Assert.Equal(TimeSpan.FromMilliseconds(10).Ticks, clock.GetTimestamp());
        });
    }

    [Fact]
    public void No_write_waits_longer_than_twenty_milliseconds_and_the_next_ones_pay_the_rest_up_to_a_second()
    {
        Run((pacer, clock) =>
        {
            foreach (double pressure in (double[])[0.5, 0.99, 1, 7])
            {
                pacer.SetPressure(pressure, rateBytes: 1);
                foreach (long bytes in (long[])[1_000_000, long.MaxValue])
                {
                    long before = clock.GetTimestamp();
                    pacer.Delay(bytes);
                    Assert.Equal(TimeSpan.FromMilliseconds(20).Ticks, clock.GetTimestamp() - before);
                }

                long behind = clock.GetTimestamp();
                pacer.SetPressure(pressure, rateBytes: 1e15);
                for (int i = 0; i < 100; i++) pacer.Delay(1);
                Assert.Equal(TimeSpan.FromMilliseconds(980).Ticks, clock.GetTimestamp() - behind);
            }
        });
    }

    [Fact]
    public void Small_writes_save_up_what_they_owe_until_it_is_worth_a_sleep()
    {
        Run((pacer, clock) =>
        {
            pacer.SetPressure(0.5, RateBytes);
            for (int i = 0; i < 49; i++) pacer.Delay(1_000);
            Assert.Equal(0, clock.GetTimestamp());
            for (int i = 0; i < 52; i++) pacer.Delay(1_000);
            Assert.InRange(clock.GetTimestamp(), TimeSpan.FromMilliseconds(0.9).Ticks, TimeSpan.FromMilliseconds(1.02).Ticks);
        });
    }

    [Fact]
    public void A_writer_slower_than_the_pace_does_not_wait_for_it()
    {
        var scheduler = new DeterministicScheduler(1);
        scheduler.Run(() =>
        {
            var pacer = new WritePacer(scheduler);
            EngineSignal work = scheduler.CreateSignal("work");
            pacer.SetPressure(0.5, RateBytes);
            for (int i = 0; i < 100; i++)
            {
                // Half a millisecond's worth every millisecond.
                pacer.Delay(50_000);
                work.Wait(TimeSpan.FromMilliseconds(1));
            }

            Assert.Equal(TimeSpan.FromMilliseconds(100).Ticks, scheduler.Clock.GetTimestamp());
        });
    }

    [Fact]
    public void What_is_owed_is_forgotten_when_upkeep_has_caught_up()
    {
        Run((pacer, clock) =>
        {
            for (int round = 0; round < 10; round++)
            {
                pacer.SetPressure(0.5, RateBytes);
                pacer.Delay(40_000);
                pacer.SetPressure(0, RateBytes);
                pacer.Delay(1);
            }

            Assert.Equal(0, clock.GetTimestamp());
        });
    }

    [Fact]
    public void Pressure_is_kept_between_none_and_all()
    {
        Run((pacer, _) =>
        {
            foreach ((double set, double kept) in ((double, double)[])[(0, 0), (-1, 0), (0.25, 0.25), (1, 1), (3, 1)])
            {
                pacer.SetPressure(set, RateBytes);
                Assert.Equal(kept, pacer.Pressure);
            }
        });
    }

    private static double SecondsFor(double pressure, double rateBytes, int writeBytes, long totalBytes)
    {
        double seconds = 0;
        Run((pacer, clock) =>
        {
            pacer.SetPressure(pressure, rateBytes);
            for (long written = 0; written < totalBytes; written += writeBytes) pacer.Delay(writeBytes);
            seconds = TimeSpan.FromTicks(clock.GetTimestamp()).TotalSeconds;
        });
        return seconds;
    }

    private static void Run(Action<WritePacer, ManualClock> history)
    {
        var scheduler = new DeterministicScheduler(1);
        scheduler.Run(() => history(new WritePacer(scheduler), scheduler.Clock));
    }
}
