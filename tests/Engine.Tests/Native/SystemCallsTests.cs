using Microsoft.Win32.SafeHandles;
using Varve.Native;
using Varve.Tests.Files;

namespace Varve.Tests.Native;

public sealed class SystemCallsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(0, 1)]
    [InlineData(3, 4096)]
    [InlineData(5000, 5001)]
    [InlineData(5000, 300_000)]
    [InlineData(4096, 1_048_576)]
    [InlineData(5000, 4000)]
    public void Allocation_by_writing_keeps_the_content_and_takes_whole_blocks(int contentBytes, int bytes)
    {
        if (SystemCalls.Current is not UnixSystemCalls system) return;
        foreach (bool direct in new[] { false, true })
        {
            string path = _directory.Of($"file-{direct}");
            byte[] content = new byte[contentBytes];
            new Random(contentBytes).NextBytes(content);
            using SafeFileHandle file = system.CreateNew(path);
            system.Write(file, path, content, 0);
            if (direct) system.BypassPageCache(file, path);

            system.AllocateByWriting(file, path, bytes);
            Assert.Equal(Math.Max(contentBytes, bytes), system.GetLength(file, path));
            byte[] read = File.ReadAllBytes(path);
            Assert.True(read.AsSpan(0, contentBytes).SequenceEqual(content));
            Assert.Equal(-1, read.AsSpan(contentBytes).IndexOfAnyExcept((byte)0));
        }
    }
}
