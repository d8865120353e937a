using System.Buffers;
using Varve.Diagnostics;
using Varve.Files;
using Varve.Runtime;

namespace Varve.Levels;

/// <summary>
/// Makes edits durable. The first edit, the first after a failure, and one that finds the file grown large go into a new manifest
/// that begins with the full state; the others are appended. So nothing is ever written behind bytes that may be torn, and no sync is
/// tried again on a file where one failed.
/// </summary>
/// <remarks>One caller at a time. After a failure reads of <see cref="State"/> still show the state without the failed edit.</remarks>
internal sealed class ManifestWriter : IDisposable
{
    /// <summary>A manifest is replaced when it is larger than this and than <see cref="GrowthRatio"/> times its first frame.</summary>
    public const long KeptBytes = 1 << 20;

    public const int GrowthRatio = 4;

    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly RandomSource _random;
    private readonly bool _keepsOthers;
    private IFile? _file;
    private long _number;
    private ulong _salt;
    private long _fileBytes;
    private long _fullBytes;

    /// <param name="files">The way to the disk.</param>
    /// <param name="directory">Must exist; holds CURRENT, or nothing of a database yet.</param>
    /// <param name="state">What <see cref="Manifest.Load"/> gave, or a new database's state.</param>
    /// <param name="random">Where each manifest's salt comes from.</param>
    /// <param name="keepsOthers">Leaves other manifests where they are, for a caller that moves them.</param>
    public ManifestWriter(IFileSystem files, string directory, ManifestState state, RandomSource random, bool keepsOthers = false)
    {
        _keepsOthers = keepsOthers;
        _files = files;
        _directory = directory;
        _random = random;
        State = state;
    }

    /// <summary>The state after the last edit that succeeded. The object is replaced, not changed.</summary>
    public ManifestState State { get; private set; }

    /// <summary>The manifest that CURRENT names; 0 before the first edit.</summary>
    public long Number => _number;

    /// <summary>
    /// Makes the edit durable before it returns. When it throws, the edit may be on disk or not: the files of both the old and the
    /// new state must stay until a later call succeeds, which settles that the edit did not happen.
    /// </summary>
    /// <exception cref="StorageException">The disk failed.</exception>
    public void Append(LevelEdit edit)
    {
        ManifestState next = State.Copy();
        bool fits = next.TryApply(edit, out string? problem);
        Invariant.Holds(fits, problem);
        if (_file is null || _fileBytes > Math.Max(KeptBytes, GrowthRatio * _fullBytes))
            Replace(next);
        else
            AppendFrame(_file, edit);
        State = next;
    }

    public void Dispose() => CloseFile();

    private void AppendFrame(IFile file, LevelEdit edit)
    {
        var frame = new ArrayBufferWriter<byte>();
        ManifestFormat.AppendFrame(frame, edit, _salt, _fileBytes);
        bool isDurable = false;
        try
        {
            file.Write(frame.WrittenSpan, _fileBytes);
            file.Sync();
            isDurable = true;
        }
        finally
        {
            if (!isDurable) CloseFile();
        }

        _fileBytes += frame.WrittenCount;
    }

    // Write, sync, directory; CURRENT.tmp, sync, rename, directory: at every point in between, CURRENT names a whole manifest.
    private void Replace(ManifestState state)
    {
        CloseFile();
        string? clash = state.FindProblem();
        Invariant.Holds(clash is null, clash);
        long number = NextNumber();
        ulong salt = _random.NextUInt64();
        var bytes = new ArrayBufferWriter<byte>();
        ManifestFormat.WriteHeader(bytes.GetSpan(ManifestFormat.HeaderBytes), new ManifestFormat.Header(state.DatabaseId, salt, number));
        bytes.Advance(ManifestFormat.HeaderBytes);
        ManifestFormat.AppendFrame(bytes, state.ToEdit(), salt, ManifestFormat.HeaderBytes);

        string currentPath = Path.Combine(_directory, FileNames.Current);
        string temporaryPath = Path.Combine(_directory, FileNames.CurrentTemporary);
        IFile file = WriteNew(Path.Combine(_directory, FileNames.Manifest(number)), bytes.WrittenSpan);
        bool isCurrent = false;
        try
        {
            _files.SyncDirectory(_directory);
            _files.Delete(temporaryPath);
            WriteNew(temporaryPath, CurrentFile.Format(number, salt)).Dispose();
            _files.Rename(temporaryPath, currentPath);
            _files.SyncDirectory(_directory);
            isCurrent = true;
        }
        finally
        {
            if (!isCurrent) file.Dispose();
        }

        _file = file;
        _number = number;
        _salt = salt;
        _fileBytes = bytes.WrittenCount;
        _fullBytes = bytes.WrittenCount;
        if (!_keepsOthers) DeleteOthers();
    }

    private IFile WriteNew(string path, ReadOnlySpan<byte> bytes)
    {
        IFile file = _files.Open(path, FileOpening.CreateNew);
        bool isDurable = false;
        try
        {
            file.Write(bytes, 0);
            file.Sync();
            isDurable = true;
            return file;
        }
        finally
        {
            if (!isDurable) file.Dispose();
        }
    }

    // Above every manifest that is there, so that one left by a failure or a crash is never written over.
    private long NextNumber()
    {
        long numberMax = _number;
        foreach (string name in _files.ListFiles(_directory))
        {
            if (FileNames.TryParseManifest(name, out long number)) numberMax = Math.Max(numberMax, number);
        }

        return numberMax + 1;
    }

    private void DeleteOthers()
    {
        try
        {
            foreach (string name in _files.ListFiles(_directory))
            {
                if (FileNames.TryParseManifest(name, out long number) && number != _number)
                    _files.Delete(Path.Combine(_directory, name));
            }
        }
        catch (StorageException)
        {
            // The edit is durable, so it must not be reported as failed. The next replacement deletes what is left.
        }
    }

    private void CloseFile()
    {
        _file?.Dispose();
        _file = null;
    }
}
