using Varve.Files;
using Varve.Levels;

namespace Varve.Maintenance;

/// <summary>Describes a manifest as far as it can be read.</summary>
internal static class ManifestInspector
{
    public static ManifestInspection Run(IFileSystem files, string path)
    {
        ManifestFileReading read = ManifestFileReading.Run(files, path);
        if (read.EndsTorn) read.Problems.Add(read.TornOffset, "no whole edit from here on: damaged, or never finished");
        return new ManifestInspection
        {
            Path = path,
            Bytes = read.Bytes,
            Number = read.Header?.Number,
            DatabaseId = read.Header?.DatabaseId.ToString(),
            Edits = [.. read.Edits.Select(edit => Describe(edit.Edit, edit.Offset, edit.Bytes))],
            State = Describe(read.State.ToEdit(), 0, read.Bytes),
            Problems = read.Problems.Problems,
        };
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
