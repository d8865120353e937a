namespace Varve;

/// <summary>How far a checkpoint is.</summary>
/// <param name="BytesDone">Bytes of tables that are in the new directory.</param>
/// <param name="BytesTotal">Bytes of all tables.</param>
public readonly record struct CheckpointProgress(long BytesDone, long BytesTotal);
