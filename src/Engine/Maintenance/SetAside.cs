using System.Globalization;
using Varve.Files;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>
/// Moves files to a folder below the database's, in two steps: first they get a second name there, or a copy, and only when the repaired
/// database is durable they lose the first one. So at no moment a file has no name.
/// </summary>
internal sealed class SetAside(IFileSystem files, string directory, bool isDryRun)
{
    private const int CopyBytes = 1 << 20;
    private readonly List<string> _names = [];
    private string? _folder;
    private bool _links = true;

    /// <summary>Below the database's directory; null while nothing was set aside.</summary>
    public string? FolderName { get; private set; }

    public IReadOnlyList<string> Names => _names;

    /// <summary>A file that is never changed once it is written.</summary>
    public void Link(string name)
    {
        if (Prepare(name) is not { } target) return;
        _links = _links && HardLink.TryMake(files, Path.Combine(directory, name), target);
        if (!_links) CopyTo(name, target);
    }

    /// <summary>A file that the database may write to again under its name.</summary>
    public void Copy(string name)
    {
        if (Prepare(name) is { } target) CopyTo(name, target);
    }

    /// <summary>The second names are durable.</summary>
    public void Sync()
    {
        if (_folder is null) return;
        files.SyncDirectory(_folder);
    }

    /// <summary>Takes the first names away. CURRENT is the new one by now, and stays.</summary>
    public void Finish()
    {
        try
        {
            foreach (string name in _names)
            {
                if (name != FileNames.Current) files.Delete(Path.Combine(directory, name));
            }

            files.SyncDirectory(directory);
        }
        catch (StorageException)
        {
            // The repair is done and durable, so what it lost has to be told. No file of these counts; the next open deletes them.
        }
    }

    /// <summary>Where the file's second name goes; null in a dry run.</summary>
    private string? Prepare(string name)
    {
        _names.Add(name);
        if (isDryRun) return null;
        if (_folder is null)
        {
            for (int number = 1; _folder is null; number++)
            {
                FolderName = "damaged-" + number.ToString("D4", CultureInfo.InvariantCulture);
                string folder = Path.Combine(directory, FolderName);
                if (!files.DirectoryExists(folder)) _folder = folder;
            }

            files.CreateDirectory(_folder);
        }

        return Path.Combine(_folder, name);
    }

    private void CopyTo(string name, string target)
    {
        using var buffer = new NativeBuffer(CopyBytes);
        using IFile source = files.Open(Path.Combine(directory, name), FileOpening.Read);
        using IFile copy = files.Open(target, FileOpening.CreateNew);
        long offset = 0;
        for (int read; (read = source.Read(buffer.Span[..CopyBytes], offset)) > 0; offset += read)
            copy.Write(buffer.Span[..read], offset);
        copy.Sync();
    }
}
