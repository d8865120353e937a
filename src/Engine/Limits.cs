using Varve.Native;

namespace Varve;

/// <summary>What fits and what does not; checked before anything is written.</summary>
internal sealed class Limits(MemoryPlan plan)
{
    /// <summary>Longest key a user may give, in bytes.</summary>
    public const int KeyBytesMax = 16 << 10;

    /// <summary>Longest map name, in bytes of UTF-8.</summary>
    public const int MapNameBytesMax = 255;

    public int ValueBytesMax { get; } = (int)plan.ValueBytesMax;

    public long BatchBytesMax { get; } = Math.Min(plan.BatchBytesMax, Array.MaxLength);

    public static void CheckKey(ReadOnlySpan<byte> key)
    {
        if (key.Length > KeyBytesMax)
        {
            throw new ArgumentException($"The key has {key.Length:N0} bytes; a key may have {KeyBytesMax:N0}.", nameof(key));
        }
    }

    public void CheckValue(ReadOnlySpan<byte> value)
    {
        if (value.Length > ValueBytesMax)
        {
            throw new ArgumentException(
                $"The value has {value.Length:N0} bytes; it may have {ValueBytesMax:N0}: the smaller of 64 MiB and an eighth of DatabaseOptions.MemoryBudgetBytes.",
                nameof(value));
        }
    }

    /// <summary>Checks that one more operation fits the batch.</summary>
    public void CheckBatch(long batchBytes, int keyBytes, int valueBytes)
    {
        const int OperationHeadBytesMax = 32;
        if (batchBytes + OperationHeadBytesMax + keyBytes + valueBytes > BatchBytesMax)
        {
            throw new ArgumentException(
                $"The batch would take more than {BatchBytesMax:N0} bytes, a quarter of DatabaseOptions.MemoryBudgetBytes. Write it in parts or raise the budget.",
                "batch");
        }
    }
}
