using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Varve.Workloads.Peers;

/// <summary>
/// No store: the device itself, for comparison with synced puts. Key and value are written one behind the other into a file that was
/// written before, and synced.
/// </summary>
internal sealed partial class DeviceStore : Store
{
    private const int FileBytes = 64 << 20;
    private const string NotThere = "The device only takes puts.";

    private readonly SafeFileHandle _file;
    private readonly bool _isSynced;
    private readonly byte[] _record = new byte[64 << 10];
    private long _offset;

    public DeviceStore(StoreOptions options)
    {
        _isSynced = options.IsSynced;
        Directory.CreateDirectory(options.Directory);
        _file = File.OpenHandle(Path.Combine(options.Directory, "device"), FileMode.OpenOrCreate, FileAccess.ReadWrite);
        byte[] zeroes = new byte[1 << 20];
        for (int at = 0; at < FileBytes; at += zeroes.Length) RandomAccess.Write(_file, zeroes, at);
        RandomAccess.FlushToDisk(_file);
    }

    public override void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        int bytes = key.Length + value.Length;
        if (_offset + bytes > FileBytes) _offset = 0;
        key.CopyTo(_record);
        value.CopyTo(_record.AsSpan(key.Length));
        RandomAccess.Write(_file, _record.AsSpan(0, bytes), _offset);
        if (_isSynced && fdatasync((int)_file.DangerousGetHandle()) != 0) throw new IOException("The device did not sync.");
        _offset += bytes;
    }

    public override void PutMany(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, int count) =>
        throw new NotSupportedException(NotThere);

    public override void Delete(ReadOnlySpan<byte> key) => throw new NotSupportedException(NotThere);

    public override int Get(ReadOnlySpan<byte> key, Span<byte> destination) => throw new NotSupportedException(NotThere);

    public override StoreCursor OpenCursor() => throw new NotSupportedException(NotThere);

    public override Store ForAnotherThread() => throw new NotSupportedException(NotThere);

    public override bool TrySettle() => true;

    public override void Dispose() => _file.Dispose();

    [LibraryImport("libc")] private static partial int fdatasync(int file);
}
