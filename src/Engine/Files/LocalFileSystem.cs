using Microsoft.Win32.SafeHandles;
using Varve.Native;

namespace Varve.Files;

/// <summary>The operating system's files.</summary>
internal sealed class LocalFileSystem : IFileSystem
{
    private readonly SystemCalls _system = SystemCalls.Current;

    private LocalFileSystem()
    {
    }

    public static LocalFileSystem Instance { get; } = new();

    public IFile Open(string path, FileOpening opening)
    {
        bool isNew = opening is FileOpening.CreateNew or FileOpening.CreateNewDirect;
        SafeFileHandle handle = isNew ? _system.CreateNew(path) : _system.OpenExisting(path, writable: opening == FileOpening.ReadWrite);
        try
        {
            int writeAlignment = opening == FileOpening.CreateNewDirect ? _system.BypassPageCache(handle, path) : 1;
            return new LocalFile(_system, handle, path, writeAlignment);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public bool FileExists(string path) => _system.GetKind(path, followLinks: false) == PathKind.File;

    public bool DirectoryExists(string path) => _system.GetKind(path, followLinks: true) == PathKind.Directory;

    public IReadOnlyList<string> ListFiles(string directory)
    {
        try
        {
            string[] names = Directory.GetFiles(directory);
            for (int i = 0; i < names.Length; i++) names[i] = Path.GetFileName(names[i]);
            Array.Sort(names, StringComparer.Ordinal);
            return names;
        }
        catch (Exception failure) when (ErrorNumbers.IsRefusal(failure))
        {
            throw ErrorNumbers.ToException("readdir", directory, failure);
        }
    }

    public void CreateDirectory(string path)
    {
        string existing = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var missing = new Stack<string>();
        while (_system.GetKind(existing, followLinks: true) == PathKind.Nothing && Path.GetDirectoryName(existing) is string parent)
        {
            missing.Push(existing);
            existing = parent;
        }

        // A crash may have come between the creation of the deepest directory and the sync of its name. A parent that may not be
        // opened was not created by us.
        _system.CreateDirectory(existing);
        if (Path.GetDirectoryName(existing) is string holder) _system.TrySyncDirectory(holder);

        foreach (string directory in missing)
        {
            _system.CreateDirectory(directory);
            SyncDirectory(Path.GetDirectoryName(directory)!);
        }
    }

    public void Delete(string path) => _system.Delete(path);

    public void Rename(string from, string to) => _system.Rename(from, to);

    public void Link(string existing, string created) => _system.Link(existing, created);

    public void SyncDirectory(string path)
    {
        if (!_system.TrySyncDirectory(path)) throw ErrorNumbers.ToException("open", path, ErrorNumbers.AccessDenied);
    }

    public long GetAvailableBytes(string directory)
    {
        try
        {
            string drive = OperatingSystem.IsWindows() ? Path.GetPathRoot(Path.GetFullPath(directory))! : directory;
            return new DriveInfo(drive).AvailableFreeSpace;
        }
        catch (Exception failure) when (ErrorNumbers.IsRefusal(failure))
        {
            throw ErrorNumbers.ToException("statvfs", directory, failure);
        }
    }

    public IDisposable Lock(string path, bool exclusive) => DirectoryLock.Acquire(_system, path, exclusive);
}
