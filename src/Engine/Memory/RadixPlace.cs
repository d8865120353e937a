namespace Varve.Memory;

/// <summary>How far the way to a key was walked down the tree.</summary>
internal unsafe struct RadixPlace
{
    /// <summary>What holds the reference that the way comes to next.</summary>
    public uint* Slot;

    /// <summary>Bytes of the key that were used up on the way.</summary>
    public int Depth;

    /// <summary>References on the way, with the one in the slot.</summary>
    public int Steps;
}
