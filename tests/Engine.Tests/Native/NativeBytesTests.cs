using Varve.Native;
using Varve.Tables;

namespace Varve.Tests.Native;

public sealed class NativeBytesTests
{
    [Fact]
    public void Memory_the_system_does_not_have_is_a_typed_error_of_every_taker()
    {
        const long Bytes = 1L << 60;
        Assert.Throws<MemoryBudgetException>(static () => Take(Bytes));
        Assert.Throws<MemoryBudgetException>(static () => new RegionPool().Rent(Bytes));
    }

    [Fact]
    public void A_buffer_takes_its_memory_at_the_first_use_and_gives_it_back_once()
    {
        var memory = new SimulatedMemory();
        var scheduler = new DeterministicScheduler(1) { Memory = memory };
        scheduler.Run(() =>
        {
            var buffer = new NativeBuffer(100);
            Assert.Equal((0, 0), (memory.RequestCount, memory.HeldCount));
            buffer.Span.Fill(1);
            buffer.Span[0] = 2;
            Assert.Equal((1, 1), (memory.RequestCount, memory.HeldCount));
            buffer.Dispose();
            buffer.Dispose();
            Assert.Equal((1, 0), (memory.RequestCount, memory.HeldCount));
        });
    }

    private static unsafe void Take(long bytes) => NativeBytes.Free(NativeBytes.Allocate(bytes));
}
