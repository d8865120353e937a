using System.IO.Pipelines;

namespace Varve.Sharing;

/// <summary>How both sides read their connection.</summary>
internal static class SharingStream
{
    private const int BufferBytes = 64 << 10;
    private const int ReadBytesMin = 8 << 10;

    public static StreamPipeReaderOptions ReaderOptions { get; } = new(bufferSize: BufferBytes, minimumReadSize: ReadBytesMin);
}
