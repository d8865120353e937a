using System.Runtime.InteropServices;

namespace Varve.Native;

/// <summary>
/// Memory outside the managed heap that is not of the pool. Everything in the engine that takes some comes through here, so that memory
/// running out is one typed error, and tests can let any one of these calls fail. Safe for concurrent use.
/// </summary>
internal static unsafe class NativeBytes
{
    /// <summary>Of what needs no other alignment.</summary>
    public const int AlignmentMin = 16;

    /// <summary>Sees what is taken and given back, here and in the pool, and may refuse it; null but in tests.</summary>
    public static INativeMemoryWatch? Watch { get; set; }

    /// <summary>Takes memory that holds anything.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="alignment">A power of two.</param>
    /// <exception cref="MemoryBudgetException">The system gives no more memory.</exception>
    public static byte* Allocate(long bytes, int alignment = AlignmentMin)
    {
        Watch?.Taking(bytes);
        byte* address;
        try
        {
            address = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, (nuint)alignment);
        }
        catch (OutOfMemoryException)
        {
            throw Refusal(bytes);
        }

        Watch?.Taken((nint)address);
        return address;
    }

    /// <summary>Gives memory of <see cref="Allocate"/> back; nothing for null.</summary>
    public static void Free(void* address)
    {
        if (address == null) return;
        Watch?.Freed((nint)address);
        NativeMemory.AlignedFree(address);
    }

    public static MemoryBudgetException Refusal(long bytes) =>
        new($"The system gives no more memory: {bytes:N0} bytes were asked for.");
}

/// <summary>Stands between the engine and the system's memory. Called on the thread that takes or gives back.</summary>
internal interface INativeMemoryWatch
{
    /// <summary>So many bytes are about to be taken; throws what the system's refusal would.</summary>
    void Taking(long bytes);

    void Taken(nint address);

    void Freed(nint address);
}
