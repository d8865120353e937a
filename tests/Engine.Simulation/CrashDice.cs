namespace Varve.Simulation;

/// <summary>What becomes of the things that were not synced.</summary>
internal enum CrashMode
{
    /// <summary>Power cut: nothing that was not synced is there.</summary>
    KeepNothing,

    /// <summary>
    /// The process was killed, the machine goes on: everything written is there, and what was not synced is still not synced, so
    /// that a later power cut may take it.
    /// </summary>
    KeepAll,

    /// <summary>Power cut: each unsynced change survives whole, torn or not at all, whatever became of the others.</summary>
    Random,
}

/// <summary>Decides by seed which unsynced changes a power cut leaves.</summary>
internal sealed class CrashDice
{
    private const int SectorBytes = 512;
    private const int GarbageBytesMax = 1 << 20;

    private readonly Random _random;
    private readonly double _survival;

    public CrashDice(int seed)
    {
        _random = new Random(seed);

        // Some crashes come long after the last write, when nearly all has been written back; some at once.
        _survival = _random.Next(4) switch { 0 => 0.1, 1 => 0.9, _ => 0.5 };
    }

    public bool Survives() => _random.NextDouble() < _survival;

    /// <summary>Applies what survives of a change, if anything, to what the disk holds.</summary>
    public void ApplySurvivors(in DataChange change, SparseBytes image)
    {
        if (change.Kind != DataChangeKind.Write)
        {
            if (Survives()) change.ApplyTo(image);
        }
        else if (_random.Next(3) == 0)
        {
            Tear(change, image);
        }
        else if (Survives())
        {
            WritePart(change, 0, change.Bytes.Length, image);
        }
        else if (_random.Next(2) == 0)
        {
            // The length is in the inode: it may have reached the disk without the bytes.
            Extend(image, change.Position + change.Bytes.Length);
        }
    }

    // Pieces end where sectors or pages of the file end. Either a prefix survives, or each piece for itself.
    private void Tear(in DataChange change, SparseBytes image)
    {
        int pieceBytes = _random.Next(2) == 0 ? SectorBytes : SparseBytes.PageBytes;
        bool isPrefix = _random.Next(2) == 0;
        int start = 0;
        while (start < change.Bytes.Length)
        {
            int inPiece = (int)((change.Position + start) % pieceBytes);
            int count = Math.Min(pieceBytes - inPiece, change.Bytes.Length - start);
            if (Survives()) WritePart(change, start, count, image);
            else if (isPrefix) return;
            start += count;
        }
    }

    private void WritePart(in DataChange change, int start, int count, SparseBytes image)
    {
        Extend(image, change.Position + start);
        image.Write(change.Bytes.AsSpan(start, count), change.Position + start);
    }

    // The hole between the old end and the new one reads as zero, or as whatever the disk's blocks held before.
    private void Extend(SparseBytes image, long length)
    {
        long end = image.Length;
        if (length <= end) return;
        image.SetLength(length);
        if (length - end > GarbageBytesMax || _random.Next(2) == 0) return;
        byte[] garbage = new byte[length - end];
        _random.NextBytes(garbage);
        image.Write(garbage, end);
    }
}
