using System.Buffers.Binary;
using System.Runtime.Intrinsics.X86;
using Varve.Bytes;
using Varve.Tables;

namespace Varve.Tests.Tables;

public unsafe class BlockedBloomTests
{
    [Fact]
    public void No_added_key_is_denied_and_about_one_absent_key_in_a_hundred_passes()
    {
        const int keyCount = 20_000;
        using var lines = new NativeBuffer(BlockedBloom.LineCount(keyCount, 10) * BlockedBloom.LineBytes);
        lines.Span.Clear();
        for (ulong i = 0; i < keyCount; i++) BlockedBloom.Add(lines.Span, HashOf(i));
        int lineCount = lines.Bytes / BlockedBloom.LineBytes;
        for (ulong i = 0; i < keyCount; i++) Assert.True(BlockedBloom.MayContain(lines.Address, lineCount, HashOf(i)), $"key {i}");
        int passed = 0;
        for (ulong i = 0; i < 100_000; i++) passed += BlockedBloom.MayContain(lines.Address, lineCount, HashOf(i + (1UL << 40))) ? 1 : 0;
        Assert.InRange(passed, 100, 1300);
    }

    [Fact]
    public void Vector_forms_answer_as_the_scalar_one()
    {
        var random = new Random(7);
        using var line = new NativeBuffer(BlockedBloom.LineBytes);
        for (int round = 0; round < 300; round++)
        {
            line.Span.Clear();
            for (int keys = random.Next(1, 90); keys > 0; keys--) BlockedBloom.Add(line.Span, (ulong)random.NextInt64() * 3);
            for (int i = 0; i < 100; i++)
            {
                ulong hash = (ulong)random.NextInt64() * 3;
                bool expected = BlockedBloom.MayContainScalar(line.Address, hash);
                if (Avx512F.IsSupported) Assert.Equal(expected, BlockedBloom.MayContain512(line.Address, hash));
                if (Avx2.IsSupported) Assert.Equal(expected, BlockedBloom.MayContain256(line.Address, hash));
            }
        }
    }

    private static ulong HashOf(ulong number) => KeyHash.Compute(BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(number)));
}
