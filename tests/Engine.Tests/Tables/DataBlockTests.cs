using Varve.Tables;

namespace Varve.Tests.Tables;

public unsafe class DataBlockTests
{
    [Fact]
    public void Vector_forms_match_the_same_fingerprints()
    {
        var random = new Random(3);
        using var bytes = new NativeBuffer(64);
        for (int round = 0; round < 500; round++)
        {
            for (int i = 0; i < 64; i++) bytes.Span[i] = (byte)random.Next(6);
            ulong expected = 0;
            for (int i = 0; i < 64; i++) expected |= bytes.Span[i] == 3 ? 1UL << i : 0;
            Assert.Equal(expected, DataBlock.MatchFingerprints512(bytes.Address, 3));
            Assert.Equal(expected, DataBlock.MatchFingerprints256(bytes.Address, 3));
            Assert.Equal(expected, DataBlock.MatchFingerprints128(bytes.Address, 3));
        }
    }
}
