using Varve.Log;

namespace Varve.Tests.Log;

public sealed class LogFormatTests
{
    [Fact]
    public void The_salt_of_an_era_follows_from_that_of_any_of_its_segments()
    {
        var random = new Random(1);
        for (int round = 0; round < 1_000; round++)
        {
            var era = new LogEra((ulong)random.NextInt64(), random.NextInt64(1, 1L << 40));
            long segment = era.FirstSegment + random.Next(1_000);
            Assert.Equal(era.Salt, LogFormat.EraSaltOf(LogFormat.SegmentSalt(era, segment), segment));
        }
    }
}
