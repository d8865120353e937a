using System.Buffers.Binary;
using Varve.Files;
using Varve.Levels;

namespace Varve.Maintenance;

/// <summary>An edit of a manifest and where its frame stands.</summary>
internal readonly record struct FoundEdit(int Offset, int Bytes, LevelEdit Edit);

/// <summary>Reads a manifest, and goes on behind damage where another frame begins.</summary>
internal sealed class ManifestFileReading
{
    private ManifestFileReading(ManifestFormat.Header? header, long bytes)
    {
        Header = header;
        Bytes = bytes;
        State = new ManifestState(header?.DatabaseId ?? default);
    }

    /// <summary>Null when the header cannot be read.</summary>
    public ManifestFormat.Header? Header { get; }

    public long Bytes { get; }

    /// <summary>The edits that can be read, in order.</summary>
    public List<FoundEdit> Edits { get; } = [];

    /// <summary>All of them as one.</summary>
    public ManifestState State { get; }

    /// <summary>Everything wrong, but a last frame that is not whole.</summary>
    public ProblemList Problems { get; } = new();

    /// <summary>The file ends with what is no whole frame: one that was never finished, or is damaged.</summary>
    public bool EndsTorn { get; private set; }

    public int TornOffset { get; private set; }

    public static ManifestFileReading Run(IFileSystem files, string path)
    {
        byte[] file;
        bool isTooLong;
        using (IFile opened = files.Open(path, FileOpening.Read))
        {
            isTooLong = opened.Length > Array.MaxLength;
            file = new byte[Math.Min(opened.Length, Array.MaxLength)];
            file = file[..opened.Read(file, 0)];
        }

        string? headerProblem = ManifestFormat.FindHeaderProblem(file, out ManifestFormat.Header header);
        var reading = new ManifestFileReading(headerProblem is null ? header : null, file.Length);
        if (isTooLong) reading.Problems.Add(0, "more bytes than a manifest can have");
        if (headerProblem is not null) reading.Problems.Add(0, headerProblem);

        // Every frame begins with the manifest's salt, so the first one tells it where the header does not.
        ulong salt = header.Salt;
        if (headerProblem is not null && file.Length >= ManifestFormat.HeaderBytes + sizeof(ulong))
            salt = BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(ManifestFormat.HeaderBytes));
        reading.ReadEdits(file, salt);
        reading.State.ReadUpTo = (path, reading.EndsTorn ? reading.TornOffset : file.Length);
        if (reading.Problems.Problems.Count == 0 && reading.State.FindProblem() is { } clash) reading.Problems.Add(0, clash);
        return reading;
    }

    private void ReadEdits(byte[] file, ulong salt)
    {
        int offset = ManifestFormat.HeaderBytes;
        while (offset < file.Length)
        {
            if (!ManifestFormat.TryReadFrame(file, offset, salt, out ReadOnlySpan<byte> payload, out int frameBytes))
            {
                int? next = ManifestFormat.FindFrameStart(file, offset + ManifestFormat.FrameAlignment, salt);
                if (next is null)
                {
                    EndsTorn = true;
                    TornOffset = offset;
                    return;
                }

                Problems.Add(offset, $"no whole edit here; another one begins at offset {next.Value}");
                offset = next.Value;
                continue;
            }

            if (!LevelEditCodec.TryDecode(payload, out LevelEdit? edit))
            {
                Problems.Add(offset, "the edit cannot be decoded");
            }
            else
            {
                Edits.Add(new FoundEdit(offset, frameBytes, edit));
                if (!State.TryApply(edit, out string? problem)) Problems.Add(offset, problem);
            }

            offset += frameBytes;
        }
    }
}
