using Varve.Native;
using Varve.Tables;

namespace Varve.Tests.Tables;

public sealed class BlockCacheRandomTests
{
    [Fact]
    public void Any_history_keeps_the_cap_the_pins_and_the_bytes()
    {
        for (int seed = 1; seed <= 8; seed++)
        {
            long capacityBytes = (256 << 10) << (seed % 4);
            using var history = new History(seed, capacityBytes);
            for (int step = 0; step < 3_000; step++) history.Step();
            history.End();
        }
    }

    /// <summary>Random calls on a cache beside a model of what must and what must not be found.</summary>
    private sealed class History : IDisposable
    {
        private const int TableCount = 4;
        private const int BlocksPerTable = 150;
        private const int PinsMax = 12;

        private readonly string _context;
        private readonly Random _random;
        private readonly BlockCache _cache;
        private readonly CacheSlots[] _tables = new CacheSlots[TableCount];
        private readonly HashSet<(CacheSlots Slots, int Ordinal)> _published = [];
        private readonly List<(CacheSlots Slots, int Ordinal, FramePin Pin, bool IsFindable)> _pins = [];
        private long _residentBytes;

        public History(int seed, long capacityBytes)
        {
            _context = $"seed {seed}, capacity {capacityBytes}";
            _random = new Random(seed);
            _cache = new BlockCache(RegionPool.Shared, capacityBytes);
            for (int i = 0; i < TableCount; i++) _tables[i] = new CacheSlots(BlocksPerTable);
        }

        public void Step()
        {
            switch (_random.Next(100))
            {
                case < 80:
                    ReadOrLoad();
                    break;
                case < 92:
                    if (_pins.Count > 0) Unpin(_random.Next(_pins.Count));
                    break;
                case < 94:
                    Forget(_random.Next(TableCount));
                    break;
                case < 97:
                    long bytes = _random.Next(100_000);
                    bool mayFit = _residentBytes + bytes <= _cache.CapacityBytes / 2;
                    if (_cache.TryReserveResident(bytes))
                    {
                        Assert.True(mayFit, $"{_context}: resident bytes over half of the capacity");
                        _residentBytes += bytes;
                    }

                    break;
                default:
                    _cache.ReleaseResident(_residentBytes);
                    _residentBytes = 0;
                    break;
            }

            BlockCacheStatistics statistics = _cache.GetStatistics();
            Assert.True(statistics.BytesUsed <= _cache.CapacityBytes, $"{_context}: {statistics.BytesUsed} bytes used");
            Assert.True(statistics.ResidentBytes == _residentBytes, $"{_context}: {statistics.ResidentBytes} bytes resident");
        }

        public void End()
        {
            while (_pins.Count > 0) Unpin(0);
            BlockCacheStatistics statistics = _cache.GetStatistics();
            Assert.True(_cache.CountPinned() == 0, $"{_context}: pins are left");
            Assert.True(statistics.PrivateBytes == 0, $"{_context}: private bytes are left");
            Assert.True(statistics.Evictions > 100, $"{_context}: the history evicted only {statistics.Evictions} blocks");
        }

        public void Dispose() => _cache.Dispose();

        private void ReadOrLoad()
        {
            CacheSlots slots = _tables[_random.Next(TableCount)];
            int ordinal = _random.Next(BlocksPerTable);
            bool mustBeFound = _pins.Exists(held => held.Slots == slots && held.Ordinal == ordinal && held.IsFindable);
            if (_cache.TryPin(slots, ordinal, out FramePin pin))
            {
                Assert.True(_published.Contains((slots, ordinal)), $"{_context}: found block {ordinal}, which was never published");
                Assert.True(pin.Bytes == LengthOf(ordinal), $"{_context}: block {ordinal} has {pin.Bytes} bytes");
                Keep(slots, ordinal, pin, isFindable: true);
                return;
            }

            Assert.False(mustBeFound, $"{_context}: block {ordinal} is pinned and was not found");
            try
            {
                pin = BlockCacheContent.Reserve(_cache, slots, ordinal, LengthOf(ordinal));
            }
            catch (MemoryBudgetException)
            {
                bool isTooLong = LengthOf(ordinal) + BlockCache.PaddingBytes > _cache.CapacityBytes / 4;
                Assert.True(isTooLong || _pins.Count > 0, $"{_context}: block {ordinal} was refused without a pin");
                return;
            }

            bool publishes = _random.Next(10) > 0;
            if (publishes)
            {
                _cache.Publish(slots, ordinal, pin, _random.Next(4) == 0 ? FramePriority.High : FramePriority.Normal);
                if (!pin.IsPrivate) _published.Add((slots, ordinal));
            }

            Keep(slots, ordinal, pin, publishes && !pin.IsPrivate);
        }

        private void Keep(CacheSlots slots, int ordinal, FramePin pin, bool isFindable)
        {
            _pins.Add((slots, ordinal, pin, isFindable));
            if (_pins.Count > PinsMax || _random.Next(3) > 0) Unpin(_random.Next(2) == 0 ? _pins.Count - 1 : _random.Next(_pins.Count));
        }

        private void Unpin(int index)
        {
            (CacheSlots slots, int ordinal, FramePin pin, _) = _pins[index];
            BlockCacheContent.AssertHolds(pin, slots, ordinal, _context);
            _pins.RemoveAt(index);
            _cache.Unpin(pin);
        }

        private void Forget(int table)
        {
            _cache.Forget(_tables[table]);
            _tables[table] = new CacheSlots(BlocksPerTable);
        }

        private static int LengthOf(int ordinal) =>
            BlockCacheContent.LengthsAroundTheClasses[ordinal % BlockCacheContent.LengthsAroundTheClasses.Length];
    }
}
