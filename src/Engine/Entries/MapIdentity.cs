using Varve.Bytes;

namespace Varve.Entries;

/// <summary>
/// A map as the engine sees it: a number that begins the full key of each of its entries. Map 0 is the catalogue of names.
/// </summary>
internal sealed class MapIdentity
{
    /// <summary>Longest prefix of a full key: an ordered varint of 64 bits.</summary>
    public const int PrefixBytesMax = 9;

    private volatile bool _isRecorded;
    private ulong _droppedSequence;

    public MapIdentity(ulong id, string name, bool isRecorded)
    {
        Id = id;
        Name = name;
        _isRecorded = isRecorded;
        Prefix = new byte[OrderedVarint.Size(id)];
        OrderedVarint.Write(Prefix, id);
        PrefixEnd = SuccessorOfPrefix(Prefix);
    }

    public ulong Id { get; }

    public string Name { get; }

    /// <summary>What the full keys of this map begin with.</summary>
    public byte[] Prefix { get; }

    /// <summary>The first full key behind all keys of this map.</summary>
    public byte[] PrefixEnd { get; }

    /// <summary>True once a committed batch holds the catalogue's record of this map.</summary>
    public bool IsRecorded => _isRecorded;

    /// <summary>True once the map was dropped: nothing can be written to it any more.</summary>
    public bool IsDropped => DroppedSequence != 0;

    /// <summary>The sequence of the batch that dropped the map; 0: it was not dropped.</summary>
    public ulong DroppedSequence => Volatile.Read(ref _droppedSequence);

    public void MarkRecorded() => _isRecorded = true;

    public void MarkDropped(ulong sequence) => Volatile.Write(ref _droppedSequence, sequence);

    /// <summary>The shortest key behind every key that begins with the prefix; empty when there is none (only 0xFF bytes).</summary>
    public static byte[] SuccessorOfPrefix(ReadOnlySpan<byte> prefix)
    {
        int length = prefix.Length;
        while (length > 0 && prefix[length - 1] == byte.MaxValue) length--;
        if (length == 0) return [];
        byte[] successor = prefix[..length].ToArray();
        successor[length - 1]++;
        return successor;
    }
}
