using System.Buffers;
using Varve.Bytes;
using Varve.Catalog;
using Varve.Commit;
using Varve.Entries;
using Varve.Feed;

namespace Varve.Simulation;

/// <summary>
/// The operations of a batch, read whole and, as the feed does, in fragments: both see the same operations, and what is read means the
/// same when it is written again.
/// </summary>
internal sealed class BatchTarget() : FuzzTarget("batch")
{
    private const ulong NamedMaps = 256;

    public override IReadOnlyList<byte[]> Seeds { get; } = MakeSeeds();

    public override void Check(ReadOnlySpan<byte> input)
    {
        var written = new ArrayBufferWriter<byte>();
        int count = Rewrite(input, written, out bool isWhole);
        var again = new ArrayBufferWriter<byte>();
        if (Rewrite(written.WrittenSpan, again, out bool isAgainWhole) != count || !isAgainWhole)
            throw new HistoryViolationException($"{count} operations are others when they are written again");
        if (!again.WrittenSpan.SequenceEqual(written.WrittenSpan))
            throw new HistoryViolationException("operations that were written again differ when they are written once more");
        CheckDecoder(input, count, isWhole);
    }

    private static int Rewrite(ReadOnlySpan<byte> input, ArrayBufferWriter<byte> written, out bool isWhole)
    {
        int count = 0;
        var reader = new BatchReader(input);
        while (reader.TryNext())
        {
            count++;
            written.Write([(byte)reader.Kind]);
            WritePart(written, reader.Key);
            if (reader.Kind != EntryKind.Tombstone) WritePart(written, reader.Value);
        }

        isWhole = reader.RestBytes == 0;
        return count;
    }

    private static void WritePart(ArrayBufferWriter<byte> written, ReadOnlySpan<byte> part)
    {
        written.Advance(Varint.Write(written.GetSpan(Varint.BytesMax), (ulong)part.Length));
        written.Write(part);
    }

    /// <summary>In fragments of lengths that the input draws; the changes are taken away between some of them.</summary>
    private static void CheckDecoder(ReadOnlySpan<byte> input, int count, bool isWhole)
    {
        var random = new Random(input.Length + (input.IsEmpty ? 0 : input[^1]));
        var names = new MapNames(new ChangeSource(new SimulatedDisk(), history: null!, log: null, views: null!, new MapCatalog()));
        for (ulong id = 0; id < NamedMaps; id++) names.Learn(id, "map"u8);
        var decoder = new BatchDecoder(names);
        decoder.Begin();
        long changes = 0;
        bool mayTake = HasNamedMapsOnly(input);
        while (!input.IsEmpty)
        {
            int bytes = Math.Min(input.Length, random.Next(1, 200));
            if (!decoder.TryTake(input[..bytes])) return;
            input = input[bytes..];
            if (random.Next(3) != 0 || !mayTake) continue;
            changes += decoder.TakeChanges(0)?.Length ?? 0;
        }

        if (decoder.OperationCount != count || decoder.IsWhole != isWhole)
            throw new HistoryViolationException($"the feed sees {decoder.OperationCount} operations, a replay {count}");
        if (changes > count) throw new HistoryViolationException($"{changes} changes of {count} operations");
    }

    // A map without a name is looked for in the files of the log, of which there are none here.
    private static bool HasNamedMapsOnly(ReadOnlySpan<byte> input)
    {
        var reader = new BatchReader(input);
        while (reader.TryNext())
        {
            if (!OrderedVarint.TryRead(reader.Key, out ulong map, out _) || map >= NamedMaps) return false;
        }

        return true;
    }

    private static List<byte[]> MakeSeeds()
    {
        var map = new MapIdentity(3, "m", isRecorded: true);
        var fresh = new MapIdentity(200, "fresh", isRecorded: false);
        using var small = new BatchBuffer();
        small.AddPut(map, "key"u8, "value"u8);
        small.AddDelete(map, "other"u8);
        small.AddDeleteRange(map, "a"u8, map.PrefixEnd);
        small.AddPut(MapCatalog.Root, "fresh"u8, [0xC8, 1]);
        small.AddPut(MapCatalog.Root, [], [0xC9, 1]);
        small.AddPut(fresh, new byte[300], new byte[700]);
        using var drop = new BatchBuffer();
        drop.AddDrop(map, MapCatalog.Root, "m"u8);
        using var ingest = new BatchBuffer();
        ingest.AddIngest(map, [.. map.Prefix, 1], [.. map.Prefix, 9]);
        byte[] expiring = [(byte)(EntryKind.Value | EntryKind.Expiring), 2, 3, 0x61, 10, 1, 2, 3, 4, 5, 6, 0, 0, 0x76, 0x76];
        return [small.Span.ToArray(), drop.Span.ToArray(), ingest.Span.ToArray(), expiring];
    }
}
