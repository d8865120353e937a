using System.Diagnostics;
using System.Text;

namespace Varve.Simulation;

/// <summary>What every call passes through: switch point, count, fault plan, power; and the calls of open files.</summary>
internal sealed partial class SimulatedDisk
{
    internal int Read(SimulatedFile file, Span<byte> destination, long offset)
    {
        using CallScope call = Begin(DiskOperation.Read, file.Path, offset, destination.Length);
        call.ThrowIfPowerCut();
        int read = file.Node.Cached.Read(destination, offset);
        if (call.Fault is not { } distortion) return read;
        if (distortion.IsShort) read /= 2;
        if (distortion.Shift != 0)
        {
            destination[..read].Clear();
            file.Node.Cached.Read(destination[..read], Math.Max(0, offset + distortion.Shift));
        }

        distortion.Flip(destination[..read]);
        return read;
    }

    internal unsafe void Write(SimulatedFile file, ReadOnlySpan<byte> source, long offset)
    {
        using CallScope call = Begin(DiskOperation.Write, file.Path, offset, source.Length);
        ThrowIfReadOnly(file, "pwrite");
        fixed (byte* memory = source)
        {
            bool isAligned = offset % file.WriteAlignment == 0 && source.Length % file.WriteAlignment == 0
                && (nint)memory % file.WriteAlignment == 0;
            if (!isAligned) throw Error("pwrite", file.Path, Errors.Invalid);
        }

        if (call.Fault is { IsDistortion: true } distortion)
        {
            WriteDistorted(file, source, offset, distortion);
            return;
        }

        int fitting = call.Fault is { IsPowerCut: false } fault
            ? fault.LandedBytesOf(source.Length)
            : FittingBytes(file, offset, source.Length);
        if (fitting > 0) file.Node.Change(DataChange.Write(source[..fitting], offset));
        call.ThrowIfFault();
        if (fitting < source.Length) throw Error("pwrite", file.Path, Errors.NoSpace);
    }

    private static void WriteDistorted(SimulatedFile file, ReadOnlySpan<byte> source, long offset, Fault distortion)
    {
        long length = Math.Max(file.Node.Cached.Length, offset + source.Length);
        byte[] bytes = source.ToArray();
        distortion.Flip(bytes);
        if (!distortion.IsLost) file.Node.Change(DataChange.Write(bytes, Math.Max(0, offset + distortion.Shift)));
        if (file.Node.Cached.Length < length) file.Node.Change(DataChange.SetLength(length));
    }

    internal void Sync(SimulatedFile file)
    {
        using CallScope call = Begin(DiskOperation.Sync, file.Path);
        call.ThrowIfPowerCut();
        if (call.Fault is { IsDistortion: false }) file.Node.FailSync(call.Fault.FailedSync, _dice);
        call.ThrowIfFault();
        file.Node.Sync();
    }

    internal void SetLength(SimulatedFile file, long bytes)
    {
        using CallScope call = Begin(DiskOperation.SetLength, file.Path, 0, bytes);
        ThrowIfReadOnly(file, "ftruncate");
        file.Node.Change(DataChange.SetLength(bytes));
        call.ThrowIfPowerCut();
    }

    internal void Allocate(SimulatedFile file, long bytes)
    {
        using CallScope call = Begin(DiskOperation.Allocate, file.Path, 0, bytes);
        ThrowIfReadOnly(file, "fallocate");
        if (file.Node.Cached.MissingBytes(0, bytes) > AvailableBytes()) throw Error("fallocate", file.Path, Errors.NoSpace);
        file.Node.Change(DataChange.Allocate(bytes));
        call.ThrowIfPowerCut();
    }

    /// <summary>False where the system refuses, or knows no mappings that stores can rely on.</summary>
    internal bool TryMap(SimulatedFile file, long bytes)
    {
        using CallScope call = Begin(DiskOperation.Map, file.Path, 0, bytes);
        call.ThrowIfPowerCut();
        if (file.Node.Cached.Length < bytes || file.Node.Cached.MissingBytes(0, bytes) > 0)
            throw new InvalidOperationException($"'{file.Path}' is mapped but has no space on the disk.");
        return MapsFiles && file.IsWritable && call.Fault is not { IsDistortion: false };
    }

    internal void Store(SimulatedFile file, ReadOnlySpan<byte> source, long offset)
    {
        using CallScope call = Begin(DiskOperation.Store, file.Path, offset, source.Length);
        file.Node.Change(DataChange.Write(source, offset));
        call.ThrowIfPowerCut();
    }

    internal long GetLength(SimulatedFile file)
    {
        lock (_gate)
        {
            ThrowIfOff();
            return file.Node.Cached.Length;
        }
    }

    internal void Close(SimulatedFile file)
    {
        lock (_gate) _handles.Remove(file);
    }

    public IDisposable Lock(string path, bool exclusive)
    {
        using CallScope call = Begin(DiskOperation.Lock, path);
        (DirectoryNode parent, string name) = FindParent("open", path);
        if (!parent.Names.TryGetValue(name, out Node? node))
        {
            if (!exclusive)
            {
                call.ThrowIfPowerCut();
                return new HeldLock(this, null, false);
            }

            node = new FileNode();
            parent.Change(NameChange.Put(name, node));
        }

        string key = string.Join('/', Split(path));
        int holders = _locks.GetValueOrDefault(key);
        if (exclusive ? holders != 0 : holders < 0)
            throw new DatabaseLockedException(string.Join('/', Split(path)[..^1]), Environment.ProcessId);

        if (exclusive)
        {
            var file = (FileNode)node;
            file.Change(DataChange.SetLength(0));
            file.Change(DataChange.Write(Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n"), 0));
        }

        call.ThrowIfPowerCut();
        _locks[key] = exclusive ? -1 : holders + 1;
        return new HeldLock(this, key, exclusive);
    }

    private int FittingBytes(SimulatedFile file, long offset, int count)
    {
        if (CapacityBytes == long.MaxValue) return count;
        long available = AvailableBytes();
        SparseBytes content = file.Node.Cached;
        int fitting = count;

        // From the end, page by page, until the rest fits.
        while (fitting > 0 && content.MissingBytes(offset, fitting) > available)
            fitting = Math.Max(0, fitting - (int)((offset + fitting - 1) % SparseBytes.PageBytes) - 1);
        return fitting;
    }

    private long AvailableBytes()
    {
        return CapacityBytes == long.MaxValue ? long.MaxValue : Math.Max(0, CapacityBytes - UsedBytes());
    }

    private long UsedBytes()
    {
        var files = new HashSet<Node>();
        Collect(_root, files);

        // A deleted file takes space until its last handle is closed.
        foreach (SimulatedFile handle in _handles) files.Add(handle.Node);
        long used = 0;
        foreach (Node node in files) used += node is FileNode file ? file.Cached.AllocatedBytes : 0;
        return used;
    }

    private static void Collect(DirectoryNode directory, HashSet<Node> files)
    {
        foreach (Node node in directory.Names.Values)
        {
            if (node is DirectoryNode inner) Collect(inner, files);
            else files.Add(node);
        }
    }

    private void ThrowIfOff()
    {
        if (_isOff) throw new SimulatedPowerCutException();
    }

    private static void ThrowIfReadOnly(SimulatedFile file, string operation)
    {
        if (!file.IsWritable) throw Error(operation, file.Path, Errors.BadDescriptor);
    }

    // Holds the disk's lock until disposed. A fault without an effect of its own is thrown here.
    private CallScope Begin(DiskOperation operation, string path, long offset = 0, long bytes = 0)
    {
        _scheduler?.SwitchPoint();
        BeforeCall?.Invoke(operation);
        _gate.Enter();
        try
        {
            ThrowIfOff();
            var call = new DiskCall(++CallCount, operation, path, offset, bytes);
            Fault? fault = Faults?.Invoke(call);
            if (fault is not null) LastFault = call;
            bool hasEffect = fault is null || fault.IsPowerCut || fault.IsDistortion
                || operation is DiskOperation.Write or DiskOperation.Sync or DiskOperation.Map or DiskOperation.Store;
            if (!hasEffect) throw Error(SystemName(operation), path, fault!.ErrorCode);
            return new CallScope(this, call, fault);
        }
        catch
        {
            _gate.Exit();
            throw;
        }
    }

    private static string SystemName(DiskOperation operation) => operation switch
    {
        DiskOperation.Open => "open",
        DiskOperation.Exists => "stat",
        DiskOperation.List => "readdir",
        DiskOperation.CreateDirectory => "mkdir",
        DiskOperation.Delete => "unlink",
        DiskOperation.Rename => "rename",
        DiskOperation.Link => "link",
        DiskOperation.SyncDirectory => "fsync",
        DiskOperation.GetAvailableBytes => "statvfs",
        DiskOperation.Lock => "flock",
        DiskOperation.Read => "pread",
        DiskOperation.Write => "pwrite",
        DiskOperation.Sync => "fdatasync",
        DiskOperation.SetLength => "ftruncate",
        DiskOperation.Allocate => "fallocate",
        DiskOperation.Map => "mmap",
        _ => throw new UnreachableException(),
    };

    /// <summary>One call under the disk's lock.</summary>
    private readonly ref struct CallScope(SimulatedDisk disk, DiskCall call, Fault? fault)
    {
        public Fault? Fault => fault;

        /// <summary>Where a power cut strikes: behind an effect that may survive it, before one that may not.</summary>
        public void ThrowIfPowerCut()
        {
            if (fault is not { IsPowerCut: true }) return;
            disk._isOff = true;
            throw new SimulatedPowerCutException();
        }

        public void ThrowIfFault()
        {
            ThrowIfPowerCut();
            if (fault is { IsDistortion: false }) throw Error(SystemName(call.Operation), call.Path, fault.ErrorCode);
        }

        public void Dispose() => disk._gate.Exit();
    }

    private sealed class HeldLock(SimulatedDisk disk, string? key, bool isExclusive) : IDisposable
    {
        private bool _isDisposed;

        public void Dispose()
        {
            lock (disk._gate)
            {
                if (_isDisposed || key is null) return;
                _isDisposed = true;
                disk._locks[key] = isExclusive ? 0 : disk._locks[key] - 1;
            }
        }
    }
}
