using Varve.Entries;

namespace Varve;

/// <summary>Between the dates of the public API and the milliseconds of the store.</summary>
internal static class ExpiryTime
{
    public static DateTimeOffset? ToDate(ulong trailer, ulong expiry) =>
        Expiry.IsExpiring(trailer) ? DateTimeOffset.FromUnixTimeMilliseconds((long)Math.Min(expiry, Expiry.Latest)) : null;

    /// <summary>A part of a millisecond counts as a whole one: an entry lives at least as long as asked.</summary>
    public static ulong After(long now, TimeSpan timeToLive)
    {
        if (timeToLive <= TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(
                nameof(timeToLive), timeToLive, "A time to live must be positive. What is to be absent at once is deleted.");
        }

        long milliseconds = (timeToLive.Ticks - 1) / TimeSpan.TicksPerMillisecond + 1;
        if (milliseconds > (long)Expiry.Latest - now)
        {
            throw new ArgumentOutOfRangeException(
                nameof(timeToLive), timeToLive,
                "The entry would expire after the year 9999. What never expires is put without a time to live.");
        }

        return (ulong)(now + milliseconds);
    }

    public static ulong At(DateTimeOffset expiry)
    {
        if (expiry <= DateTimeOffset.UnixEpoch)
            throw new ArgumentOutOfRangeException(nameof(expiry), expiry, "An expiry must lie after the beginning of 1970.");
        return Math.Min((ulong)((expiry.UtcTicks - DateTimeOffset.UnixEpoch.Ticks - 1) / TimeSpan.TicksPerMillisecond + 1), Expiry.Latest);
    }
}
