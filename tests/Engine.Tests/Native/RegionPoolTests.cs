using System.Runtime.InteropServices;
using Varve.Native;

namespace Varve.Tests.Native;

public sealed unsafe partial class RegionPoolTests
{
    private const long MiB = 1L << 20;

    private readonly ManualClock _clock = new();
    private readonly RegionPool _pool;

    public RegionPoolTests()
    {
        _pool = new RegionPool(_clock, toucher: null);
        _pool.AddUser();
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2 * MiB, 2)]
    [InlineData(2 * MiB + 1, 4)]
    [InlineData(100 * MiB, 100)]
    public void A_region_is_rounded_up_aligned_and_writable_to_its_end(long bytes, long expectedMiB)
    {
        MemoryRegion region = _pool.Rent(bytes);
        Assert.Equal(expectedMiB * MiB, region.ReservedBytes);
        Assert.Equal(0, (long)region.Address & (2 * MiB - 1));
        region.Address[0] = 1;
        region.Address[region.ReservedBytes - 1] = 2;
        _pool.Return(region);
    }

    [Fact]
    public void Address_space_is_not_memory()
    {
        // More than any machine has.
        MemoryRegion region = _pool.Rent(1L << 43);
        region.Address[1L << 42] = 1;
        Assert.Equal(0, region.Address[(1L << 42) + 1]);
        _pool.Return(region);
        _pool.Trim(TimeSpan.Zero);
    }

    [Theory]
    [InlineData(1L << 57)]
    [InlineData((1L << 60) + 1)]
    [InlineData(long.MaxValue)]
    public void What_the_system_refuses_is_a_typed_error_and_leaves_the_pool_whole(long bytes)
    {
        long reserved = _pool.ReservedBytes;
        var refusal = Assert.Throws<MemoryBudgetException>(() => _pool.Rent(bytes));
        Assert.Contains(bytes.ToString("N0"), refusal.Message, StringComparison.Ordinal);
        Assert.Equal(reserved, _pool.ReservedBytes);
        _pool.Return(_pool.Rent(1));
    }

    [Fact]
    public void A_returned_region_is_rented_again_with_its_memory()
    {
        MemoryRegion first = _pool.Rent(4 * MiB);
        first.Address[5] = 42;
        _pool.Return(first);
        MemoryRegion second = _pool.Rent(3 * MiB);
        Assert.Same(first, second);
        Assert.Equal(42, second.Address[5]);
        Assert.NotSame(second, _pool.Rent(4 * MiB));
    }

    [Fact]
    public void The_exact_size_is_preferred_then_one_up_to_twice_as_large_then_bare_addresses()
    {
        MemoryRegion twice = _pool.Rent(8 * MiB);
        MemoryRegion thrice = _pool.Rent(12 * MiB);
        MemoryRegion exact = _pool.Rent(4 * MiB);
        MemoryRegion bare = _pool.Rent(100 * MiB);
        _pool.Return(bare);
        _pool.Trim(TimeSpan.Zero);
        foreach (MemoryRegion region in new[] { twice, thrice, exact }) _pool.Return(region);

        Assert.Same(exact, _pool.Rent(4 * MiB));
        Assert.Same(twice, _pool.Rent(4 * MiB));
        Assert.Same(bare, _pool.Rent(4 * MiB));
        long reserved = _pool.ReservedBytes;
        _pool.Rent(4 * MiB);
        Assert.Equal(reserved + 4 * MiB, _pool.ReservedBytes);
        Assert.Same(thrice, _pool.Rent(6 * MiB));
    }

    [Fact]
    public void Trimming_gives_memory_back_after_its_time_and_keeps_the_address()
    {
        MemoryRegion early = Used(4 * MiB);
        MemoryRegion late = Used(16 * MiB);
        byte* stale = early.Address;
        _pool.Return(early);
        _clock.Advance(TimeSpan.FromSeconds(40));
        _pool.Return(late);
        _clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(20 * MiB, _pool.IdleUsedBytes);

        _pool.Trim(TimeSpan.FromSeconds(61));
        Assert.Equal(20 * MiB, _pool.IdleUsedBytes);
        Assert.Equal(7, stale[MiB]);

        _pool.Trim(TimeSpan.FromSeconds(60));
        Assert.Equal(16 * MiB, _pool.IdleUsedBytes);
        if (OperatingSystem.IsLinux()) Assert.Equal(0, stale[MiB]);
        Assert.Equal(7, late.Address[MiB]);

        long reserved = _pool.ReservedBytes;
        Assert.Same(early, _pool.Rent(4 * MiB));
        Assert.Equal(0, early.UsedBytes);
        Assert.Equal(reserved, _pool.ReservedBytes);
    }

    [Fact]
    public void Trimming_really_lowers_resident_memory()
    {
        if (!OperatingSystem.IsLinux()) return;
        MemoryRegion region = _pool.Rent(64 * MiB);
        Assert.Equal(0, ResidentBytes(region));
        for (long offset = 0; offset < region.ReservedBytes; offset += 4096) region.Address[offset] = 1;
        Assert.Equal(64 * MiB, ResidentBytes(region));
        _pool.Return(region);
        Assert.Equal(64 * MiB, ResidentBytes(region));
        _pool.Trim(TimeSpan.Zero);
        Assert.Equal(0, ResidentBytes(region));
    }

    [Fact]
    public void Huge_pages_are_asked_for()
    {
        if (!OperatingSystem.IsLinux()) return;
        MemoryRegion region = _pool.Rent(6 * MiB);
        Assert.Contains("hg", MappingLine(region, "VmFlags:").Split(' '));
    }

    [Fact]
    public void After_the_last_user_nothing_idle_keeps_memory()
    {
        _pool.AddUser();
        MemoryRegion idle = Used(4 * MiB);
        MemoryRegion rented = Used(8 * MiB);
        _pool.Return(idle);
        _pool.RemoveUser();
        Assert.Equal(4 * MiB, _pool.IdleUsedBytes);
        _pool.RemoveUser();
        Assert.Equal(0, _pool.IdleUsedBytes);
        Assert.Equal(7, rented.Address[MiB]);

        _pool.Return(rented);
        Assert.Equal(0, _pool.IdleUsedBytes);
        if (OperatingSystem.IsLinux()) Assert.Equal(0, rented.Address[MiB]);
        Assert.Throws<InvariantViolatedException>(_pool.RemoveUser);
    }

    [Fact]
    public void A_region_returned_twice_is_noticed()
    {
        MemoryRegion region = _pool.Rent(1);
        _pool.Return(region);
        Assert.Throws<InvariantViolatedException>(() => _pool.Return(region));
    }

    [Fact]
    public void No_two_renters_share_a_region_while_others_trim()
    {
        var threads = new Thread[4];
        int failures = 0;
        for (int i = 0; i < threads.Length; i++)
        {
            int seed = i + 1;
            threads[i] = new Thread(() =>
            {
                var random = new Random(seed);
                for (int step = 0; step < 2_000; step++)
                {
                    MemoryRegion region = _pool.Rent(random.Next(1, 5) * 2 * MiB);
                    int mark = seed * 10_000 + step;
                    *(int*)region.Address = mark;
                    region.ReportUsed(sizeof(int));
                    if (step % 50 == 0) _pool.Trim(TimeSpan.Zero);
                    if (*(int*)region.Address != mark) Interlocked.Increment(ref failures);
                    _pool.Return(region);
                }
            });
        }

        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.True(failures == 0, $"{failures} regions changed under their renters (seeds 1 to {threads.Length})");

        // Without recycling it would be 40 GiB.
        Assert.InRange(_pool.ReservedBytes, 2 * MiB, 1024 * MiB);
    }

    private MemoryRegion Used(long bytes)
    {
        MemoryRegion region = _pool.Rent(bytes);
        region.Address[MiB] = 7;
        region.ReportUsed(bytes);
        return region;
    }

    private static long ResidentBytes(MemoryRegion region)
    {
        byte[] residence = new byte[region.ReservedBytes / Environment.SystemPageSize];
        Assert.Equal(0, GetResidence((nint)region.Address, (nuint)region.ReservedBytes, residence));
        return residence.Count(page => (page & 1) != 0) * (long)Environment.SystemPageSize;
    }

    private static string MappingLine(MemoryRegion region, string title)
    {
        bool isInside = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string[] range = line.Split(' ')[0].Split('-');
            if (range.Length == 2)
            {
                ulong address = (ulong)region.Address;
                isInside = Convert.ToUInt64(range[0], 16) <= address && address < Convert.ToUInt64(range[1], 16);
            }
            else if (isInside && line.StartsWith(title, StringComparison.Ordinal))
            {
                return line;
            }
        }

        throw new InvalidOperationException($"no mapping at {(ulong)region.Address:x}");
    }

    [LibraryImport("libc", EntryPoint = "mincore")]
    private static partial int GetResidence(nint address, nuint bytes, byte[] residence);

    private sealed class ManualClock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref _ticks);

        public void Advance(TimeSpan time) => _ticks += time.Ticks;
    }
}
