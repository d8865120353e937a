using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Varve.Cli.Torture;

/// <summary>
/// One of the writers of a torture. Its n-th batch puts entry n into two maps and deletes entry n - <see cref="Window"/> from both, so what
/// must be there follows from the greatest number alone: the last <see cref="Window"/> entries, whole, and nothing else.
/// </summary>
internal static class TortureStream
{
    public const string ByNumberName = "torture/by-number";
    public const string ByContentName = "torture/by-content";

    public const int Window = 2_000;

    public const int KeyBytes = sizeof(int) + sizeof(long);

    /// <summary>Every so many batches the delete is a range delete of everything before the window.</summary>
    private const int BatchesPerRangeDelete = 256;

    /// <summary>Key of the one map, value of the other: stream and number, big-endian.</summary>
    public static byte[] Key(int stream, long number)
    {
        byte[] key = new byte[KeyBytes];
        BinaryPrimitives.WriteInt32BigEndian(key, stream);
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(sizeof(int)), number);
        return key;
    }

    public static long NumberOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadInt64BigEndian(key[sizeof(int)..]);

    public static byte[] Digest(int stream, long number) => SHA256.HashData(Key(stream, number));

    /// <summary>
    /// Mostly some hundred bytes, one in 16 some KiB, one in 128 more than 16 KiB: a block of its own. Half compressible.
    /// </summary>
    public static byte[] Content(int stream, long number)
    {
        byte[] digest = Digest(stream, number);
        int length = BinaryPrimitives.ReadUInt16LittleEndian(digest) % 400;
        if (digest[2] % 16 == 0) length = 1_000 + (BinaryPrimitives.ReadUInt16LittleEndian(digest) % 8_000);
        if (digest[2] % 128 == 1) length = 17_000 + BinaryPrimitives.ReadUInt16LittleEndian(digest);
        byte[] content = new byte[length];
        for (int i = 0; i < length; i++) content[i] = (i & 64) == 0 ? digest[i % digest.Length] : digest[0];
        return content;
    }

    public static void AddTo(WriteBatch batch, SortedMap byNumber, SortedMap byContent, int stream, long number)
    {
        byte[] key = Key(stream, number);
        byte[] digest = Digest(stream, number);
        batch.Put(byNumber, key, Content(stream, number));
        batch.Put(byContent, digest, key);
        long gone = number - Window;
        if (gone <= 0) return;
        batch.Delete(byContent, Digest(stream, gone));
        if (number % BatchesPerRangeDelete == 0) batch.DeleteRange(byNumber, Key(stream, 0), Key(stream, gone + 1));
        else batch.Delete(byNumber, Key(stream, gone));
    }

    /// <summary>The number of the stream's last entry; 0 where there is none.</summary>
    public static long GreatestOf(SortedMap byNumber, int stream)
    {
        foreach (Entry last in byNumber.Range(Key(stream, 0), Key(stream + 1, 0), Direction.Descending, limit: 1))
            return NumberOf(last.Key);
        return 0;
    }

    /// <summary>What is wrong with the stream, read forward, backward and by single gets; null when nothing is.</summary>
    public static string? FindFault(SortedMap byNumber, SortedMap byContent, int stream, Snapshot snapshot)
    {
        byte[] from = Key(stream, 0);
        byte[] end = Key(stream + 1, 0);
        var forward = new List<long>();
        foreach (Entry entry in byNumber.Range(from, end, snapshot: snapshot))
        {
            long number = NumberOf(entry.Key);
            forward.Add(number);
            if (!entry.Value.SequenceEqual(Content(stream, number))) return $"stream {stream}: entry {number} has a wrong value";
        }

        var backward = new List<long>();
        foreach (Entry entry in byNumber.Range(from, end, Direction.Descending, snapshot: snapshot)) backward.Add(NumberOf(entry.Key));
        backward.Reverse();
        if (!forward.SequenceEqual(backward)) return $"stream {stream}: {forward.Count} entries forward, {backward.Count} others backward";
        if (forward.Count == 0) return null;

        long greatest = forward[^1];
        long expected = Math.Max(1, greatest - Window + 1);
        foreach (long number in forward)
        {
            if (number != expected) return $"stream {stream}: entry {number} stands where {expected} must, greatest {greatest}";
            expected++;
        }

        for (long number = Math.Max(1, greatest - Window - 10); number <= greatest + 2; number++)
        {
            bool isThere = byContent.Get(Digest(stream, number), snapshot) is { } back && back.AsSpan().SequenceEqual(Key(stream, number));
            bool mustBeThere = number > greatest - Window && number <= greatest;
            if (isThere != mustBeThere) return $"stream {stream}: entry {number} is {(isThere ? "" : "not ")}found by its content";
        }

        return null;
    }
}
