using Varve.Entries;
using Varve.Memory;
using Varve.Native;

namespace Varve.Tests.Memory;

/// <summary>Threads that read while one inserts: each reads at a published sequence and knows exactly what it must see.</summary>
public sealed class MemTableReadersTests
{
    private const int EntryCount = 6_000;
    private const int ReaderCount = 2;

    [Fact]
    public void Readers_see_exactly_what_was_published_while_the_writer_goes_on()
    {
        foreach (KeyShape shape in KeyShape.All)
        {
            if (shape.ToString() == "largest keys") continue;
            for (int seed = 1; seed <= 3; seed++) new History(shape, seed).Run();
        }
    }

    /// <summary>One run: what is inserted at each sequence is drawn beforehand, so readers can compare without the writer's help.</summary>
    private sealed class History
    {
        private readonly string _where;
        private readonly MemTable _table = new(RegionPool.Shared, 32L << 20);
        private readonly byte[][] _keyBySequence = new byte[EntryCount + 1][];
        private readonly int[] _keyCountAtSequence = new int[EntryCount + 1];
        private readonly int _seed;
        private ulong _published;
        private volatile string? _failure;

        public History(KeyShape shape, int seed)
        {
            _where = $"{shape}, seed {seed}";
            _seed = seed;
            var random = new Random(seed);
            var keys = new SortedSet<byte[]>(MemTableModel.KeyOrder);
            for (int sequence = 1; sequence <= EntryCount; sequence++)
            {
                _keyBySequence[sequence] = shape.Next(random);
                keys.Add(_keyBySequence[sequence]);
                _keyCountAtSequence[sequence] = keys.Count;
            }
        }

        public void Run()
        {
            Thread[] readers = [.. Enumerable.Range(0, ReaderCount).Select(number => new Thread(() => Guarded(() => Read(number))))];
            foreach (Thread reader in readers) reader.Start();
            Guarded(Write);
            foreach (Thread reader in readers) reader.Join();
            _table.Release();
            Assert.True(_failure is null, $"{_where}: {_failure}");
        }

        private void Guarded(Action body)
        {
            try
            {
                body();
            }
            catch (Exception exception)
            {
                _failure ??= exception.ToString();
            }
            finally
            {
                // A reader or writer that failed must not leave the others waiting.
                if (_failure is not null) Volatile.Write(ref _published, EntryCount);
            }
        }

        private void Write()
        {
            Span<byte> value = stackalloc byte[64];
            for (int sequence = 1; sequence <= EntryCount && _failure is null; sequence++)
            {
                byte[] key = _keyBySequence[sequence];
                value.Fill((byte)sequence);
                _table.Insert(key, Trailer.Pack((ulong)sequence, EntryKind.Value), value[..(sequence % 64)]);
                Volatile.Write(ref _published, (ulong)sequence);
            }
        }

        private void Read(int number)
        {
            var random = new Random(_seed + (100 * number));
            ulong sequence;
            do
            {
                sequence = Volatile.Read(ref _published);
                for (int i = 0; i < 200 && sequence > 0; i++) CheckGet(random.Next(1, (int)sequence + 1), sequence);
                using EntryCursor cursor = _table.CreateCursor(sequence);
                CheckScan(cursor, sequence, forward: true);
                CheckScan(cursor, sequence, forward: false);
                for (int i = 0; i < 50 && sequence > 0; i++) CheckSeek(cursor, random.Next(1, (int)sequence + 1));
            }
            while (sequence < EntryCount);
        }

        private void CheckGet(int inserted, ulong sequence)
        {
            Assert.True(_table.TryGet(_keyBySequence[inserted], sequence, out MemEntry entry), $"key {inserted} is lost at {sequence}");
            Assert.InRange(Trailer.Sequence(entry.Trailer), (ulong)inserted, sequence);
            CheckValue(entry.Trailer, entry.ValueSpan);
        }

        private void CheckScan(EntryCursor cursor, ulong sequence, bool forward)
        {
            int count = 0;
            byte[] previous = [];
            if (forward) cursor.SeekToFirst();
            else cursor.SeekToLast();
            while (cursor.IsValid)
            {
                ulong found = Trailer.Sequence(cursor.Trailer);
                Assert.InRange(found, 1UL, sequence);
                byte[] key = _keyBySequence[found];
                Assert.True(cursor.KeySpan.SequenceEqual(key), $"key of {found} at {sequence}");
                int order = MemTableModel.KeyOrder.Compare(previous, key);
                Assert.True(count == 0 || (forward ? order < 0 : order > 0), $"order at {found}");
                CheckValue(cursor.Trailer, cursor.GetValue());
                previous = key;
                count++;
                if (forward) cursor.Next();
                else cursor.Previous();
            }

            Assert.Equal(_keyCountAtSequence[sequence], count);
        }

        private void CheckSeek(EntryCursor cursor, int inserted)
        {
            cursor.Seek(_keyBySequence[inserted], Trailer.Newest);
            Assert.True(cursor.IsValid && cursor.KeySpan.SequenceEqual(_keyBySequence[inserted]), $"seek of {inserted}");
            cursor.SeekForPrevious(_keyBySequence[inserted], Trailer.Oldest);
            Assert.True(cursor.IsValid && cursor.KeySpan.SequenceEqual(_keyBySequence[inserted]), $"seek for previous of {inserted}");
        }

        private static void CheckValue(ulong trailer, ReadOnlySpan<byte> value)
        {
            ulong sequence = Trailer.Sequence(trailer);
            Assert.True(value.Length == (int)(sequence % 64) && !value.ContainsAnyExcept((byte)sequence), $"value of {sequence}");
        }
    }
}
