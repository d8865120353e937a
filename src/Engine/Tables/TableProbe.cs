using System.Runtime.CompilerServices;

namespace Varve.Tables;

/// <summary>
/// How far a lookup in one table has come (see <see cref="Table.StepProbe"/>). It may hold a pin: a lookup that is given up before its
/// end is disposed.
/// </summary>
internal struct TableProbe : IDisposable
{
    internal Table Table;
    internal OpenedTable Opened;
    internal ProbeStep Step;
    internal int Partition;
    internal int Block;

    /// <summary>What the next step reads: a filter, an index or a data block.</summary>
    internal BlockPin Pin;

    public void Dispose() => Pin.Dispose();
}

/// <summary>What a filter has to tell of a key (see <see cref="Table.AskFilter"/>).</summary>
internal readonly unsafe struct FilterProbe(Table table, OpenedTable? opened, int partition, byte* line, int block)
{
    /// <summary>Instead of a block's number: it was not looked for.</summary>
    internal const int NotSought = -1;

    public readonly Table Table = table;
    internal readonly OpenedTable? Opened = opened;
    internal readonly int Partition = partition;

    /// <summary>The filter's line; null where the filter is not in memory of the table's own, or there is none.</summary>
    internal readonly byte* Line = line;

    /// <summary>The block within the partition that would have the key, or <see cref="NotSought"/>.</summary>
    internal readonly int Block = block;

    /// <summary>False when the table does not have the key for certain.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MayContain(ulong keyHash)
    {
        if (Line == null) return true;
        bool mayContain = BlockedBloom.MayContain(Line, keyHash);
        Opened!.CountAnswer(keyHash, mayContain);
        return mayContain;
    }
}

/// <summary>What the next step of a lookup looks at.</summary>
internal enum ProbeStep : byte
{
    Filter,
    Index,
    Frame,
    Entry,
}

/// <summary>What is known after a step of a lookup.</summary>
internal enum ProbeState : byte
{
    /// <summary>The next step is to be taken.</summary>
    GoesOn,

    /// <summary>The table does not have the key.</summary>
    Absent,

    /// <summary>The version was found.</summary>
    Found,

    /// <summary>What is needed is not in memory, or takes more than one block: only a read can tell.</summary>
    NotInMemory,
}
