using Varve.Native;

namespace Varve.Files;

/// <summary>A shared mapping, kept in memory by the system. Nobody may store into it once it is disposed.</summary>
internal sealed unsafe class LocalFileMapping(SystemCalls system, nint address, int bytes) : IFileMapping
{
    private nint _address = address;

    public Span<byte> Bytes => new((byte*)_address, _address == 0 ? 0 : bytes);

    public bool TryPrepare(int offset, int count)
    {
        int inPage = offset & (Environment.SystemPageSize - 1);
        return system.TryPopulate(_address + offset - inPage, count + inPage);
    }

    public void OnStored(int offset, int count)
    {
        // The system sees every store.
    }

    public void Dispose()
    {
        if (_address != 0) system.Unmap(_address, bytes);
        _address = 0;
    }
}
