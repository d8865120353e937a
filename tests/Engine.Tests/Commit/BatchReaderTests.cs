using Varve.Commit;
using Varve.Entries;

namespace Varve.Tests.Commit;

public sealed class BatchReaderTests
{
    private static readonly MapIdentity Map = new(300, "m", isRecorded: true);

    [Fact]
    public void A_batch_reads_back_as_it_was_filled()
    {
        for (int seed = 1; seed <= 50; seed++)
        {
            var random = new Random(seed);
            List<(byte[] Key, byte[]? Value)> operations = MakeOperations(random);
            using BatchBuffer batch = Fill(operations);
            Assert.Equal(operations.Count, batch.Count);
            Assert.Equal(operations.Sum(operation => Map.Prefix.Length + operation.Key.Length), batch.KeyBytes);
            Assert.Equal(operations.Sum(operation => operation.Value?.Length ?? 0), batch.ValueBytes);
            var reader = new BatchReader(batch.Span);
            foreach ((byte[] key, byte[]? value) in operations)
            {
                Assert.True(reader.TryNext(), $"seed {seed}");
                Assert.Equal(value is null ? EntryKind.Tombstone : EntryKind.Value, reader.Kind);
                Assert.True(reader.Key.SequenceEqual((byte[])[.. Map.Prefix, .. key]), $"seed {seed}");
                Assert.True(reader.Value.SequenceEqual(value ?? []), $"seed {seed}");
            }

            Assert.False(reader.TryNext());
            Assert.Equal(0, reader.RestBytes);
        }
    }

    [Fact]
    public void Damaged_and_cut_batches_never_throw_and_never_show_more_than_there_is()
    {
        for (int seed = 1; seed <= 300; seed++)
        {
            var random = new Random(seed);
            using BatchBuffer batch = Fill(MakeOperations(random));
            byte[] damaged = batch.Span.ToArray();
            for (int i = random.Next(1, 6); i > 0; i--)
                damaged[random.Next(damaged.Length)] = (byte)(random.Next(3) == 0 ? 0xff : random.Next(256));
            if (random.Next(2) == 0) damaged = damaged[..random.Next(damaged.Length)];
            CheckBounded(damaged);
            random.NextBytes(damaged);
            CheckBounded(damaged);
        }
    }

    private static void CheckBounded(byte[] bytes)
    {
        var reader = new BatchReader(bytes);
        long shown = 0;
        int rest = bytes.Length;
        while (reader.TryNext())
        {
            shown += reader.Key.Length + reader.Value.Length;
            Assert.True(reader.RestBytes < rest);
            rest = reader.RestBytes;
        }

        Assert.True(shown <= bytes.Length);
        Assert.False(reader.TryNext());
    }

    private static List<(byte[] Key, byte[]? Value)> MakeOperations(Random random)
    {
        var operations = new List<(byte[], byte[]?)>();
        int count = random.Next(1, 40);
        for (int i = 0; i < count; i++)
        {
            byte[] key = new byte[random.Next(8) == 0 ? random.Next(400) : random.Next(5)];
            random.NextBytes(key);
            operations.Add((key, random.Next(3) == 0 ? null : new byte[random.Next(300)]));
        }

        return operations;
    }

    private static BatchBuffer Fill(List<(byte[] Key, byte[]? Value)> operations)
    {
        var batch = new BatchBuffer();
        foreach ((byte[] key, byte[]? value) in operations)
        {
            if (value is null) batch.AddDelete(Map, key);
            else batch.AddPut(Map, key, value);
        }

        return batch;
    }
}
