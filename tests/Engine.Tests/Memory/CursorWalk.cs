using Varve.Entries;

namespace Varve.Tests.Memory;

/// <summary>Compares a cursor with the sorted list that it should show.</summary>
internal static class CursorWalk
{
    /// <summary>Once forward and once backward.</summary>
    public static void CheckWhole(EntryCursor cursor, IReadOnlyList<ModelEntry> expected, string where)
    {
        cursor.SeekToFirst();
        for (int i = 0; i < expected.Count; i++)
        {
            CheckAt(cursor, expected, i, $"{where}, forward");
            cursor.Next();
        }

        CheckAt(cursor, expected, expected.Count, $"{where}, forward");
        cursor.SeekToLast();
        for (int i = expected.Count - 1; i >= 0; i--)
        {
            CheckAt(cursor, expected, i, $"{where}, backward");
            cursor.Previous();
        }

        CheckAt(cursor, expected, -1, $"{where}, backward");
    }

    /// <summary>Seeks and moves drawn from the random generator, the place in the list followed beside the cursor.</summary>
    public static void CheckRandomMoves(EntryCursor cursor, IReadOnlyList<ModelEntry> expected, KeyShape shape, Random random, string where)
    {
        int place = -1;
        for (int step = 0; step < 2_000; step++)
        {
            int move = random.Next(place >= 0 && place < expected.Count ? 16 : 4);
            (byte[] key, ulong trailer) = Target(expected, shape, random);
            switch (move)
            {
                case 0 when step % 8 == 0:
                    cursor.SeekToFirst();
                    place = 0;
                    break;
                case 1 when step % 8 == 0:
                    cursor.SeekToLast();
                    place = expected.Count - 1;
                    break;
                case 0 or 2:
                    cursor.Seek(key, trailer);
                    place = CountBefore(expected, key, trailer, countEqual: false);
                    break;
                case 1 or 3:
                    cursor.SeekForPrevious(key, trailer);
                    place = CountBefore(expected, key, trailer, countEqual: true) - 1;
                    break;
                case < 10:
                    cursor.Next();
                    place++;
                    break;
                default:
                    cursor.Previous();
                    place--;
                    break;
            }

            CheckAt(cursor, expected, place, $"{where}, step {step}, move {move}");
        }
    }

    private static (byte[] Key, ulong Trailer) Target(IReadOnlyList<ModelEntry> expected, KeyShape shape, Random random)
    {
        if (expected.Count == 0 || random.Next(3) == 0) return (shape.Next(random), random.Next(2) == 0 ? Trailer.Newest : Trailer.Oldest);
        ModelEntry entry = expected[random.Next(expected.Count)];
        return (entry.Key, random.Next(5) switch
        {
            0 => Trailer.Newest,
            1 => Trailer.Oldest,
            2 => entry.Trailer + 1,
            3 => entry.Trailer - 1,
            _ => entry.Trailer,
        });
    }

    /// <summary>How many entries order before (key, trailer), with or without one that is equal.</summary>
    private static int CountBefore(IReadOnlyList<ModelEntry> expected, byte[] key, ulong trailer, bool countEqual)
    {
        int low = 0;
        int high = expected.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            int order = EntryOrder.Compare(expected[middle].Key, expected[middle].Trailer, key, trailer);
            if (order < 0 || (countEqual && order == 0)) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private static void CheckAt(EntryCursor cursor, IReadOnlyList<ModelEntry> expected, int place, string where)
    {
        bool isValid = place >= 0 && place < expected.Count;
        Assert.True(cursor.IsValid == isValid, $"{where}: valid is {cursor.IsValid} at place {place} of {expected.Count}");
        if (!isValid) return;
        Assert.True(cursor.KeySpan.SequenceEqual(expected[place].Key), $"{where}: key at place {place}");
        Assert.True(cursor.Trailer == expected[place].Trailer, $"{where}: trailer at place {place}");
        Assert.True(cursor.GetValue().SequenceEqual(expected[place].Value), $"{where}: value at place {place}");
    }
}
