namespace Varve.Memory;

/// <summary>
/// How far a lookup in a memtable has come (see <see cref="MemTable.StepProbe"/>): the node or record that was asked of memory and is read
/// next.
/// </summary>
internal struct MemProbe
{
    public uint Reference;

    /// <summary>Bytes of the key that are used up.</summary>
    public int Depth;
}
