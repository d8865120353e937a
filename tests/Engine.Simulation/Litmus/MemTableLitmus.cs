using Varve.Entries;
using Varve.Memory;
using Varve.Native;
using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>
/// One thread inserts into a memtable, and deletes ranges, and publishes each sequence behind it; others read at published sequences:
/// whatever is published is found, whole.
/// </summary>
internal sealed class MemTableLitmus(Scheduler scheduler, Func<MemTableLitmus, MemTableLitmus.ISubject> make) : Litmus(scheduler)
{
    private const int Sequences = 64;
    private const int RangeEvery = 8;
    private const int Reads = 40;

    private readonly byte[][] _keys = new byte[Sequences + 1][];
    private readonly Random _random = new(1);
    private ISubject? _table;
    private ulong _published;

    /// <summary>What is written by one thread and read by others.</summary>
    public interface ISubject : IDisposable
    {
        void Insert(byte[] key, ulong sequence, byte[] value);

        void DeleteRange(byte[] start, byte[] end, ulong sequence);

        /// <summary>Copies what it finds.</summary>
        bool TryGet(byte[] key, ulong sequence, out ulong found, out byte[] value);

        /// <summary>The newest deleted range over the key up to the sequence; 0: none.</summary>
        ulong NewestCovering(byte[] key, ulong sequence);
    }

    public override int ThreadCount => 3;

    public override void Prepare()
    {
        _table?.Dispose();
        _table = make(this);
        _published = 0;
        for (int i = 1; i <= Sequences; i++)
        {
            // Often the beginning of one another, so that nodes split and grow.
            _keys[i] = new byte[_random.Next(2, 24)];
            if (_random.Next(2) == 0) _random.NextBytes(_keys[i].AsSpan(_random.Next(_keys[i].Length)));
            _keys[i][^1] = (byte)i;
            _keys[i][0] = (byte)(i % 5);
        }
    }

    public override void Run(int thread, Random random)
    {
        if (thread > 0)
        {
            for (int i = 0; i < Reads; i++) Read(random);
            return;
        }

        for (ulong sequence = 1; sequence <= Sequences; sequence++)
        {
            if (sequence % RangeEvery == 0) _table!.DeleteRange(RangeStart(sequence), RangeEnd(sequence), sequence);
            else _table!.Insert(_keys[sequence], sequence, ValueOf(sequence));
            Volatile.Write(ref _published, sequence);
            Seam();
        }
    }

    public override void Dispose() => _table?.Dispose();

    /// <summary>Ranges of its own, above all keys.</summary>
    private static byte[] RangeStart(ulong sequence) => [0x80, (byte)sequence];

    private static byte[] RangeEnd(ulong sequence) => [0x80, (byte)sequence, 0xFF];

    private static byte[] ValueOf(ulong sequence)
    {
        byte[] value = new byte[8 + (sequence % 64)];
        Array.Fill(value, (byte)sequence);
        return value;
    }

    private void Read(Random random)
    {
        ulong published = Volatile.Read(ref _published);
        Seam();
        if (published == 0) return;
        ulong wanted = (ulong)random.NextInt64(1, (long)published + 1);
        if (wanted % RangeEvery == 0)
        {
            ulong covering = _table!.NewestCovering([0x80, (byte)wanted, 1], published);
            Holds(covering == wanted, $"the range deleted at {wanted} is not seen at {published}, but {covering}");
            return;
        }

        Holds(_table!.TryGet(_keys[wanted], published, out ulong found, out byte[] value), $"key {wanted} is not found at {published}");
        Holds(found >= wanted && found <= published, $"key {wanted} has sequence {found} at {published}");
        Holds(value.AsSpan().SequenceEqual(ValueOf(found)), $"the value of {found} is not whole");
    }

    /// <summary>The engine's memtable.</summary>
    public sealed class Real : ISubject
    {
        private static readonly RegionPool Pool = MakePool();
        private readonly MemTable _table = new(Pool, 64 << 10);

        public void Insert(byte[] key, ulong sequence, byte[] value) =>
            _table.Insert(key, Trailer.Pack(sequence, EntryKind.Value), value);

        public void DeleteRange(byte[] start, byte[] end, ulong sequence) =>
            _table.AddRanges([new RangeTombstone(start, end, sequence)]);

        public bool TryGet(byte[] key, ulong sequence, out ulong found, out byte[] value)
        {
            bool isFound = _table.TryGet(key, sequence, out MemEntry entry);
            found = isFound ? Trailer.Sequence(entry.Trailer) : 0;
            value = isFound ? entry.ValueSpan.ToArray() : [];
            return isFound;
        }

        public ulong NewestCovering(byte[] key, ulong sequence) => _table.Ranges.NewestCovering(key, sequence);

        public void Dispose() => _table.Release();

        private static RegionPool MakePool()
        {
            var pool = new RegionPool();
            pool.AddUser();
            return pool;
        }
    }

    /// <summary>A chain of records with one slip.</summary>
    public abstract class Copy : ISubject
    {
        private Record? _first;

        protected Record? First
        {
            get => Volatile.Read(ref _first);
            set => Volatile.Write(ref _first, value);
        }

        public abstract void Insert(byte[] key, ulong sequence, byte[] value);

        public abstract void DeleteRange(byte[] start, byte[] end, ulong sequence);

        public bool TryGet(byte[] key, ulong sequence, out ulong found, out byte[] value)
        {
            for (Record? record = First; record is not null; record = record.Older)
            {
                (found, value) = (record.Sequence, record.Value);
                if (found <= sequence && record.Key.AsSpan().SequenceEqual(key)) return true;
            }

            (found, value) = (0, []);
            return false;
        }

        public ulong NewestCovering(byte[] key, ulong sequence)
        {
            ulong newest = 0;
            foreach (RangeTombstone range in RangesNow())
            {
                bool covers = key.AsSpan().SequenceCompareTo(range.Start) >= 0 && key.AsSpan().SequenceCompareTo(range.End) < 0;
                if (covers && range.Sequence <= sequence) newest = Math.Max(newest, range.Sequence);
            }

            return newest;
        }

        public void Dispose()
        {
        }

        protected abstract IReadOnlyList<RangeTombstone> RangesNow();

        protected sealed class Record
        {
            public volatile Record? Older;

            public required byte[] Key { get; init; }

            public required ulong Sequence { get; init; }

            public required byte[] Value { get; init; }
        }
    }

    /// <summary>Slip: the record is linked before what it leads to.</summary>
    public sealed class LinksFirst(Action seam) : Copy
    {
        private volatile IReadOnlyList<RangeTombstone> _published = [];

        public override void Insert(byte[] key, ulong sequence, byte[] value)
        {
            Record? older = First;
            var record = new Record { Key = key, Sequence = sequence, Value = value };
            First = record;
            seam();
            record.Older = older;
        }

        public override void DeleteRange(byte[] start, byte[] end, ulong sequence) =>
            _published = [.. _published, new RangeTombstone(start, end, sequence)];

        protected override IReadOnlyList<RangeTombstone> RangesNow() => _published;
    }

    /// <summary>Slip: the list of deleted ranges is rewritten in its place.</summary>
    public sealed class ChangesRangesInPlace(Action seam) : Copy
    {
        private readonly RangeTombstone[] _inPlace = new RangeTombstone[Sequences];
        private int _count;

        public override void Insert(byte[] key, ulong sequence, byte[] value) =>
            First = new Record { Older = First, Key = key, Sequence = sequence, Value = value };

        public override void DeleteRange(byte[] start, byte[] end, ulong sequence)
        {
            // Newest first, so the others move: for a moment the last is gone from where it was.
            int count = _count;
            _count = 0;
            seam();
            Array.Copy(_inPlace, 0, _inPlace, 1, count);
            _inPlace[0] = new RangeTombstone(start, end, sequence);
            _count = count + 1;
        }

        protected override IReadOnlyList<RangeTombstone> RangesNow() => _inPlace[..Volatile.Read(ref _count)];
    }
}
