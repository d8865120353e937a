using Microsoft.Win32.SafeHandles;

namespace Varve.Cli.Output;

/// <summary>The process's output as bytes. A reader that has gone ends the program by <see cref="OutputClosedException"/>.</summary>
internal sealed class StandardOutput(Stream inner) : Stream
{
    private const int BrokenPipeOnUnix = 32;
    private const int BrokenPipeOnWindows = unchecked((int)0x8007006D);
    private const int PipeClosingOnWindows = unchecked((int)0x800700E8);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public static StandardOutput Open()
    {
        Stream console = Console.OpenStandardOutput();
        if (OperatingSystem.IsWindows()) return new StandardOutput(console);

        // The console's own stream says nothing when a pipe's reader has gone, so that `scan | head` would go through the whole database. A
        // FileStream does; but in a file it would write at a position of its own, beside what others write there.
        var direct = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return new StandardOutput(direct.CanSeek ? console : direct);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            inner.Write(buffer);
        }
        catch (IOException failure) when (failure.HResult is BrokenPipeOnUnix or BrokenPipeOnWindows or PipeClosingOnWindows)
        {
            throw new OutputClosedException(failure);
        }
    }

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
