using System.Buffers.Binary;
using Varve.Files;
using Varve.Levels;

namespace Varve.Maintenance;

/// <summary>Reads a manifest, and goes on behind damage where another frame begins.</summary>
internal static class ManifestInspector
{
    public static ManifestInspection Run(IFileSystem files, string path)
    {
        var problems = new ProblemList();
        byte[] file = Read(files, path, problems);
        string? headerProblem = ManifestFormat.FindHeaderProblem(file, out ManifestFormat.Header header);
        if (headerProblem is not null) problems.Add(0, headerProblem);

        // Every frame begins with the manifest's salt, so the first one tells it where the header does not.
        ulong salt = header.Salt;
        if (headerProblem is not null && file.Length >= ManifestFormat.HeaderBytes + sizeof(ulong))
            salt = BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(ManifestFormat.HeaderBytes));
        var edits = new List<ManifestEdit>();
        var state = new ManifestState(header.DatabaseId);
        ReadEdits(file, salt, state, edits, problems);
        if (problems.Problems.Count == 0 && state.FindProblem() is { } clash) problems.Add(0, clash);
        return new ManifestInspection
        {
            Path = path,
            Bytes = file.Length,
            Number = headerProblem is null ? header.Number : null,
            DatabaseId = headerProblem is null ? header.DatabaseId.ToString() : null,
            Edits = edits,
            State = Describe(state.ToEdit(), 0, file.Length),
            Problems = problems.Problems,
        };
    }

    private static byte[] Read(IFileSystem files, string path, ProblemList problems)
    {
        using IFile file = files.Open(path, FileOpening.Read);
        if (file.Length > Array.MaxLength) problems.Add(0, $"{file.Length} bytes are more than a manifest can have");
        byte[] bytes = new byte[Math.Min(file.Length, Array.MaxLength)];
        int read = file.Read(bytes, 0);
        return bytes[..read];
    }

    private static void ReadEdits(byte[] file, ulong salt, ManifestState state, List<ManifestEdit> edits, ProblemList problems)
    {
        int offset = ManifestFormat.HeaderBytes;
        while (offset < file.Length)
        {
            if (!ManifestFormat.TryReadFrame(file, offset, salt, out ReadOnlySpan<byte> payload, out int frameBytes))
            {
                int? next = ManifestFormat.FindFrameStart(file, offset + ManifestFormat.FrameAlignment, salt);
                problems.Add(offset, next is { } behind
                    ? $"no whole edit here; another one begins at offset {behind}"
                    : "no whole edit from here on: damaged, or never finished");
                if (next is null) return;
                offset = next.Value;
                continue;
            }

            if (!LevelEditCodec.TryDecode(payload, out LevelEdit? edit))
            {
                problems.Add(offset, "the edit cannot be decoded");
            }
            else
            {
                edits.Add(Describe(edit, offset, frameBytes));
                if (!state.TryApply(edit, out string? problem)) problems.Add(offset, problem);
            }

            offset += frameBytes;
        }
    }

    private static ManifestEdit Describe(LevelEdit edit, long offset, long bytes) => new()
    {
        Offset = offset,
        Bytes = bytes,
        Added = [.. edit.Added.Select(Describe)],
        Removed = [.. edit.Removed.Select(removed => FileNames.Table(removed.Number))],
        FlushedSequence = edit.FlushedSequence,
        NextFileNumber = edit.NextFileNumber,
        LogFirstSegment = edit.LogEra?.FirstSegment,
        CleanEnd = edit.CleanEnd is { } end ? new LogPosition(end.Segment, end.ValidBytes, end.LastSequence) : null,
        SequenceBound = edit.SequenceBound,
    };

    private static ManifestTable Describe(LeveledTable table) => new()
    {
        Level = table.Level,
        FileName = FileNames.Table(table.Info.Number),
        Bytes = table.Info.FileBytes,
        Entries = table.Info.EntryCount,
        Tombstones = table.Info.TombstoneCount,
        SmallestKey = InspectedKey.Of(table.Info.SmallestKey),
        LargestKey = InspectedKey.Of(table.Info.LargestKey),
        SmallestSequence = table.Info.SmallestSequence,
        LargestSequence = table.Info.LargestSequence,
        IsCompressed = table.Info.IsCompressed,
    };
}
