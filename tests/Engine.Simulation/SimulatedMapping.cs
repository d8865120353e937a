using Varve.Files;

namespace Varve.Simulation;

/// <summary>
/// A file of a <see cref="SimulatedDisk"/> in memory. What was stored, and told of, is an unsynced write like any other: a process that
/// dies leaves all of it, a power cut any sectors or pages. What nobody told of is lost, so that a store that was forgotten shows.
/// </summary>
internal sealed class SimulatedMapping : IFileMapping
{
    private readonly SimulatedDisk _disk;
    private readonly SimulatedFile _file;
    private readonly byte[] _bytes;
    private readonly bool[] _isPrepared;

    public SimulatedMapping(SimulatedDisk disk, SimulatedFile file, int bytes)
    {
        _disk = disk;
        _file = file;
        _bytes = new byte[bytes];
        _isPrepared = new bool[bytes];
        file.Node.Cached.Read(_bytes, 0);
    }

    public Span<byte> Bytes => _bytes;

    public bool TryPrepare(int offset, int count)
    {
        bool isReady = _disk.TryMap(_file, offset + count);
        if (isReady) _isPrepared.AsSpan(offset, count).Fill(true);
        return isReady;
    }

    public void OnStored(int offset, int count)
    {
        if (_isPrepared.AsSpan(offset, count).Contains(false))
            throw new InvalidOperationException($"Bytes {offset} to {offset + count} of '{_file.Path}' were not prepared for a store.");
        _disk.Store(_file, _bytes.AsSpan(offset, count), offset);
    }

    public void Dispose()
    {
    }
}
