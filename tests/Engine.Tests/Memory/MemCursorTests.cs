using Varve.Entries;
using Varve.Memory;
using Varve.Native;

namespace Varve.Tests.Memory;

public sealed class MemCursorTests
{
    private const int EntryCount = 800;

    [Fact]
    public void A_cursor_shows_the_newest_visible_version_of_each_key_wherever_it_is_moved() =>
        ForEachHistory((table, model, shape, random, where) =>
        {
            foreach (ulong sequence in (ulong[])[0, 1, (ulong)random.Next(EntryCount), EntryCount, Trailer.SequenceMax])
            {
                using EntryCursor cursor = table.CreateCursor(sequence);
                List<ModelEntry> expected = model.AsOf(sequence);
                CursorWalk.CheckWhole(cursor, expected, $"{where}, sequence {sequence}");
                CursorWalk.CheckRandomMoves(cursor, expected, shape, random, $"{where}, sequence {sequence}");
            }
        });

    [Fact]
    public void A_version_cursor_shows_every_version_wherever_it_is_moved() =>
        ForEachHistory((table, model, shape, random, where) =>
        {
            using EntryCursor cursor = table.CreateVersionCursor();
            List<ModelEntry> expected = model.AllVersions();
            CursorWalk.CheckWhole(cursor, expected, where);
            CursorWalk.CheckRandomMoves(cursor, expected, shape, random, where);
        });

    [Fact]
    public void A_cursor_keeps_its_place_and_its_view_while_keys_come_in()
    {
        foreach (KeyShape shape in KeyShape.All)
        {
            for (int seed = 1; seed <= 3; seed++)
            {
                var random = new Random(seed);
                var table = new MemTable(RegionPool.Shared, 8 << 20);
                var model = new MemTableModel();
                ulong sequence = 0;
                while (sequence < EntryCount / 2) MemTableTests.InsertRandom(table, model, shape, random, ++sequence);

                List<ModelEntry> expected = model.AsOf(sequence);
                using EntryCursor forward = table.CreateCursor(sequence);
                using EntryCursor backward = table.CreateCursor(sequence);
                forward.SeekToFirst();
                backward.SeekToLast();
                for (int i = 0; i < expected.Count; i++)
                {
                    string where = $"{shape}, seed {seed}, entry {i}";
                    Assert.True(forward.IsValid && forward.KeySpan.SequenceEqual(expected[i].Key), where);
                    Assert.True(forward.Trailer == expected[i].Trailer, where);
                    Assert.True(backward.IsValid && backward.KeySpan.SequenceEqual(expected[^(i + 1)].Key), where);
                    Assert.True(backward.Trailer == expected[^(i + 1)].Trailer, where);
                    MemTableTests.InsertRandom(table, model, shape, random, ++sequence);
                    forward.Next();
                    backward.Previous();
                }

                Assert.False(forward.IsValid || backward.IsValid, $"{shape}, seed {seed}");
                table.Release();
            }
        }
    }

    private static void ForEachHistory(Action<MemTable, MemTableModel, KeyShape, Random, string> check)
    {
        foreach (KeyShape shape in KeyShape.All)
        {
            for (int seed = 1; seed <= 3; seed++)
            {
                var random = new Random(seed);
                var table = new MemTable(RegionPool.Shared, 8 << 20);
                var model = new MemTableModel();
                for (ulong sequence = 1; sequence <= EntryCount; sequence++)
                {
                    MemTableTests.InsertRandom(table, model, shape, random, sequence);
                }

                check(table, model, shape, random, $"{shape}, seed {seed}");
                table.Release();
            }
        }
    }
}
