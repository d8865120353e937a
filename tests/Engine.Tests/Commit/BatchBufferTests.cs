using Varve.Commit;
using Varve.Entries;

namespace Varve.Tests.Commit;

/// <summary>What the buffer writes; that it reads back is shown by <see cref="BatchReaderTests"/>.</summary>
public sealed class BatchBufferTests
{
    private static readonly MapIdentity Recorded = new(1, "recorded", isRecorded: true);

    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        var far = new MapIdentity(128, "far", isRecorded: true);
        using var batch = new BatchBuffer();
        batch.AddPut(Recorded, "ab"u8, "xyz"u8);
        batch.AddDelete(far, "c"u8);
        batch.AddPut(Recorded, default, new byte[200]);

        // kind | keyBytes | map and key | valueBytes | value
        string expected = "01" + "03" + "016162" + "03" + "78797A"
            + "00" + "03" + "808063"
            + "01" + "01" + "01" + "C801" + new string('0', 400);
        Assert.Equal(expected, Convert.ToHexString(batch.Span));
        Assert.Equal(3, batch.Count);
        Assert.Equal(7, batch.KeyBytes);
        Assert.Equal(203, batch.ValueBytes);
        Assert.Equal(expected.Length / 2, batch.Length);
    }

    [Fact]
    public void A_batch_behind_another_is_as_if_filled_in_one()
    {
        using var whole = new BatchBuffer();
        using var front = new BatchBuffer();
        using var back = new BatchBuffer();
        front.AddAll(back);
        Assert.Equal(0, front.Length);
        Fill(whole, 1, 30);
        Fill(whole, 2, 3_000);
        Fill(front, 1, 30);
        Fill(back, 2, 3_000);
        byte[] backBytes = back.Span.ToArray();
        front.AddAll(back);
        Assert.Equal(Figures(whole), Figures(front));
        Assert.True(front.Span.SequenceEqual(whole.Span));
        Assert.True(back.Span.SequenceEqual(backBytes));
    }

    [Fact]
    public void Maps_without_a_name_on_disk_are_noted_once_until_cleared()
    {
        var first = new MapIdentity(2, "first", isRecorded: false);
        var second = new MapIdentity(3, "second", isRecorded: false);
        using var batch = new BatchBuffer();
        batch.AddPut(Recorded, "k"u8, default);
        batch.AddDelete(second, "k"u8);
        batch.AddPut(first, "k"u8, default);
        batch.AddPut(second, "l"u8, default);
        Assert.Equal([second, first], batch.UnrecordedMaps);
        batch.Clear();
        Assert.Empty(batch.UnrecordedMaps);
        first.MarkRecorded();
        batch.AddPut(first, "k"u8, default);
        Assert.Empty(batch.UnrecordedMaps);
    }

    [Fact]
    public void A_cleared_batch_holds_nothing_and_fills_anew_also_after_a_large_one()
    {
        using var batch = new BatchBuffer();
        using var fresh = new BatchBuffer();
        Fill(fresh, 7, 20);
        foreach (int operations in (int[])[1, 100, 30_000])
        {
            Fill(batch, operations, operations);
            batch.Clear();
            Assert.Equal((0, 0, 0L, 0L), Figures(batch));
            Assert.True(batch.Span.IsEmpty);
            Fill(batch, 7, 20);
            Assert.True(batch.Span.SequenceEqual(fresh.Span), $"after {operations} operations");
            batch.Clear();
        }
    }

    [Fact]
    public void Filling_a_cleared_batch_of_the_same_size_allocates_nothing()
    {
        using var batch = new BatchBuffer();
        byte[] value = new byte[100];
        for (int round = 0; round < 3; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++) batch.AddPut(Recorded, "key"u8, value);
            batch.Clear();
            if (round == 2) Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    private static (int Count, int Length, long KeyBytes, long ValueBytes) Figures(BatchBuffer batch) =>
        (batch.Count, batch.Length, batch.KeyBytes, batch.ValueBytes);

    private static void Fill(BatchBuffer batch, int seed, int operations)
    {
        var random = new Random(seed);
        for (int i = 0; i < operations; i++)
        {
            byte[] key = new byte[random.Next(20)];
            random.NextBytes(key);
            if (random.Next(4) == 0) batch.AddDelete(Recorded, key);
            else batch.AddPut(Recorded, key, new byte[random.Next(150)]);
        }
    }
}
