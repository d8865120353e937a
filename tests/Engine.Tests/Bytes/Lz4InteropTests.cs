using System.Runtime.InteropServices;
using System.Text;
using Varve.Bytes;
using Xunit.Abstractions;

namespace Varve.Tests.Bytes;

/// <summary>The codec against the reference implementation: blocks that it made, and the library itself where it is installed.</summary>
public sealed partial class Lz4InteropTests(ITestOutputHelper console)
{
    private const string Library = "liblz4.so.1";
    private const int DenseLevel = 12;

    /// <summary>Blocks made by liblz4 1.9.4: the dense ones by LZ4_compress_HC at level 12, the others by LZ4_compress_default.</summary>
    public static TheoryData<string, string> Fixtures => new()
    {
        {
            "nothing",
            "AA=="
        },
        {
            "twelve bytes",
            "wGhlbGxvLCB2YXJ2ZQ=="
        },
        {
            "zeroes",
            "HwABAP////////////////////////+CUAAAAAAA"
        },
        {
            "text, dense",
            "9AAwMDAwIHZhcnZlOzA5MTkLADQ4MzgLADQ3NTcLADQ2NzYLADU1OTULACQxNAsANDQzMwsANDM1MgsANDI3MQsANTE5MAsAFTBuADUwMjiEAC"
            + "U0N4QAJTY2hAAlODULACUwNI8AJTIzhAAlNDKEACU2MYQAJTgwhAAlOTkLACUxOIQAJTM3hAAlNTaEACU3NYQAJTk0CwAlMTOEACUzMoQAJTUx"
            + "hAAlNzCEACU4OQsAJTA4jwAlMjeEACU0NoQAJTY1hAAlODQLACUwM48AJTIyhAAlNDGEACY2MJcBFjmXARY4lwEWN5cBFjaXARY1lwEWNJcBFT"
            + "MLACUxMoQAJTMxhAAmNTCXARY5lwEWOJcBFjeXARY2lwEWNZcBFjSXAQYmAhYwJgIWMiYCJjQwlwEWOZcBFjiXARY3lwEWNpcBFjWXARY0lwEV"
            + "M4QAFjkmAhYxJgImMzCXARY5lwEWOJcBFjeXARY2lwEWNZcBFjSXARUzhAAWOCYCFjAmAiYyMJcBFjmXARY4lwEWN5cBFjaXARY1lwEWNJcBFT"
            + "OEACU3MoQAFjkmAiYxMJcBFjmXARY4lwEWN5cBFjaXARY1lwEWNJcBFTOEACU2MoQAFjgmAiYwMJcBFjmXARY4lwEWN5cBFjaXARY1lwEGJgIG"
            + "TAQWMkwEFjFMBDYwOTCXARY5lwEWOJcBFjeXARY2lwEWNZcBFjSXAQYmAgZMBKAzNjEgdmFydmU7"
        },
        {
            "periods",
            "HwEBACkfAgIAKR8DAwApHwQEACkQBT0ADwUAJREGPQAPBgAkEgc9AA8HABwDNQAfCAgAIQQ0AB8JCQAgBTMAHwoKACkWCz0ADwsAFAcxAB8MDA"
            + "ApGA09AA8NABAJLwAfDg4AGwouAB8PDwApGxA9AA8QAAoMLAAfEREAGA0rAB8SEgAXDioAHxMTABYPKQAAHxQUACkfFT0AAQ8VAAAPJwACHxYW"
            + "ABMPJgADHxcXABIPJQAEHxgYABEPJAAFHxkZABAPIwAGHxoaAA8PIgAHHxsbAA4PIQAIHxwcAA0PIAAJHx0dAAwPHwAKHx4eACkfHz0ACg8dAA"
            + "o/Hh8gIAAJDxwACV8dHh8gISEAA1AXGBkaGw=="
        },
        {
            "periods, dense",
            "HwEBACkfAgIAKR8DAwApHwQEACkfBQUAKR8GBgApHwcHACIDCwAfCAgAIQQMAB8JCQAgBQ8AHwoKACkfCwsAHgcQAB8MDAApHw0NABwJFQAfDg"
            + "4AGwoSAB8PDwApHxAQABkMHAAfEREAGA0aAB8SEgAXDhgAHxMTABYeARYAHxQUACkfFRUAFA8nAAIfFhYAEw8mAAMfFxcAEg8lAAQfGBgAEQ8k"
            + "AAUfGRkAEA8jAAYfGhoADw8iAAcfGxsADg8hAAgfHBwADQ8gAAkfHR0ADA8fAAofHh4AKR8flwAnPx4fIBABJQA8AB8hIQADUBcYGRob"
        },
        {
            "noise, repeated",
            "/xnTp9YNwj7NryCvaZYmUmV+5rtE0J9aW32qudpelgJkBcwfR8Gyl1JbKABl/+En/Oqx2pDNRtlzsmpPgq+OR68T5gmKGXJGPrAMOicwD3nlt8"
            + "gCepSs39zqF1kGfgOUf1YFHtGUdLhuv5RjAGUlkBu5n97bpBrWzHCbkUf+NzAHJFycrbYw5HRQvUhP33OzLIY3OhVT9eV59XfUv1D8hwOoztOP"
            + "zMrbc2mjDV52S/SBX9BrK2afgXJW5w4Hg6PQCrp0oIaPYvbpPCThk+x8L14y4le3DHRto5zlNNCR+BCN3adtPSUS3a8p1AJu808Q5Jkja/Lezb"
            + "NU+iVI7GFDF91B+zD6HvKB/LkHto4niwsR2YaksuUArinRF1pGw0mQARBQwbKXUls="
        },
    };

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void A_block_of_the_reference_is_read(string name, string block)
    {
        byte[] noise = Lz4Samples.Noise(280);
        byte[] expected = name switch
        {
            "nothing" => [],
            "twelve bytes" => Encoding.ASCII.GetBytes("hello, varve"),
            "zeroes" => new byte[5_000],
            "text, dense" => Lz4Samples.Text(),
            "noise, repeated" => [.. noise[..40], .. noise[..40], .. noise[..40], .. noise, .. noise[..40]],
            _ => Lz4Samples.Periods(),
        };
        byte[] output = new byte[expected.Length];
        Assert.True(Lz4Block.TryDecompress(Convert.FromBase64String(block), output), name);
        Assert.Equal(expected, output);
    }

    [Fact]
    public void Blocks_go_both_ways_between_this_codec_and_the_library()
    {
        if (!NativeLibrary.TryLoad(Library, out _))
        {
            console.WriteLine($"{Library} is not installed: only the fixtures were compared with the reference.");
            return;
        }

        for (int seed = 0; seed < 600; seed++)
        {
            var random = new Random(seed);
            byte[] source = Lz4Samples.Mixed(random, seed % 50 == 0 ? random.Next(Lz4Block.SourceBytesMax + 1) : random.Next(3_000));
            byte[] compressed = new byte[Lz4Block.CompressedBytesMax(source.Length)];
            byte[] output = new byte[source.Length];

            int size = Lz4Block.Compress(source, compressed);
            int read = DecompressSafe(compressed, output, size, output.Length);
            Assert.True(read == source.Length && output.AsSpan().SequenceEqual(source), $"seed {seed}: the library reads it otherwise");

            size = CompressDefault(source, compressed, source.Length, compressed.Length);
            AssertReads(source, compressed, size, $"seed {seed}");
            size = CompressDense(source, compressed, source.Length, compressed.Length, DenseLevel);
            AssertReads(source, compressed, size, $"seed {seed}, dense");
        }

        console.WriteLine($"Compared with {Library}.");
    }

    private static void AssertReads(byte[] source, byte[] compressed, int size, string what)
    {
        byte[] output = new byte[source.Length];
        Assert.True(Lz4Block.TryDecompress(compressed.AsSpan(0, size), output), $"{what}: a block of the library is refused");
        Assert.True(output.AsSpan().SequenceEqual(source), $"{what}: a block of the library is read otherwise");
    }

    [LibraryImport(Library, EntryPoint = "LZ4_compress_default")]
    private static partial int CompressDefault(ReadOnlySpan<byte> source, Span<byte> destination, int sourceBytes, int destinationBytes);

    [LibraryImport(Library, EntryPoint = "LZ4_compress_HC")]
    private static partial int CompressDense(
        ReadOnlySpan<byte> source, Span<byte> destination, int sourceBytes, int destinationBytes, int level);

    [LibraryImport(Library, EntryPoint = "LZ4_decompress_safe")]
    private static partial int DecompressSafe(ReadOnlySpan<byte> source, Span<byte> destination, int sourceBytes, int destinationBytes);
}
