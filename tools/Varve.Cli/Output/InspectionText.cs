using System.Globalization;
using Spectre.Console;

namespace Varve.Cli.Output;

/// <summary>Inspected files for people.</summary>
internal static class InspectionText
{
    /// <summary>A key may have 16 KiB; so many bytes tell it from its neighbours.</summary>
    private const int KeyBytesShown = 40;

    public static void Write(Terminal terminal, ManifestInspection manifest, bool listsEdits)
    {
        WriteTitle(terminal, manifest.Path, manifest.Bytes);
        Table facts = Facts();
        Add(facts, "database", manifest.DatabaseId ?? "unknown");
        Add(facts, "edits", Figures.Count(manifest.Edits.Count));
        AddState(facts, manifest.State);
        terminal.Console.Write(facts);
        terminal.Console.Write(DrawTables(manifest.State.Added));
        if (!listsEdits) return;
        foreach (ManifestEdit edit in manifest.Edits)
        {
            string changes = $"{Figures.Count(edit.Added.Count)} in, {Figures.Count(edit.Removed.Count)} out";
            terminal.Console.WriteLine($"edit at offset {Plain(edit.Offset)}, {Figures.Bytes(edit.Bytes)}: {changes}");
            Table changed = Facts();
            AddState(changed, edit);
            if (edit.Removed.Count > 0) Add(changed, "removed", string.Join(' ', edit.Removed));
            if (edit.Added.Count > 0)
                Add(changed, "added", string.Join(' ', edit.Added.Select(table => $"{table.FileName} (level {Plain(table.Level)})")));
            terminal.Console.Write(changed);
        }
    }

    public static void Write(Terminal terminal, LogInspection log)
    {
        WriteTitle(terminal, log.Path, log.Bytes);
        Table facts = Facts();
        if (log.Header is { } header)
        {
            Add(facts, "database", header.DatabaseId);
            Add(facts, "segment", header.Segment == 0 ? "none yet: a spare slot" : Plain(header.Segment));
            if (header.Predecessor.Segment > 0)
            {
                string end = $"ends at {Plain(header.Predecessor.Offset)} with sequence {header.Predecessor.LastSequence}";
                Add(facts, "segment before it", $"{Plain(header.Predecessor.Segment)}, {end}");
            }
        }

        Add(facts, "frames", Figures.Count(log.Frames));
        string batches = Figures.Count(log.Records, "batch ends here", "batches end here");
        Add(facts, "batches", $"{batches}, {Figures.Count(log.Operations, "operation", "operations")}");
        if (log.FirstSequence is { } first)
            Add(facts, "sequences", $"{first} to {log.LastSequence?.ToString(CultureInfo.InvariantCulture) ?? "?"}");
        string ending = log.Ending switch
        {
            LogEnding.Full => "the end of the file",
            LogEnding.BrokenFrame => "a frame that was never finished, or is damaged",
            _ => "nothing of this segment",
        };
        Add(facts, "valid up to", $"offset {Plain(log.ValidBytes)}, then {ending}");
        terminal.Console.Write(facts);
    }

    public static void Write(Terminal terminal, TableInspection table, bool listsBlocks)
    {
        WriteTitle(terminal, table.Path, table.Bytes);
        Table facts = Facts();
        Add(facts, "database", table.DatabaseId ?? "unknown");
        if (table.Summary is { } summary)
        {
            Add(facts, "stored", table.IsCompressed ? "LZ4" : "raw");
            Add(facts, "entries", $"{Figures.Count(summary.Entries)}, {Figures.Count(summary.Tombstones)} of them tombstones");
            Add(facts, "keys and values", Figures.Bytes(summary.ContentBytes));
            Add(facts, "sequences", $"{summary.SmallestSequence} to {summary.LargestSequence}");
            Add(facts, "first key", Describe(summary.SmallestKey));
            Add(facts, "last key", Describe(summary.LargestKey));
            Add(facts, "filter", $"{Figures.Count(summary.FilterBitsPerKey)} bits a key");
        }

        string sound = Figures.Count(table.Blocks.Count(block => block.IsSound));
        Add(facts, "blocks", $"{Figures.Count(table.Blocks.Count)} found, {sound} of them sound");
        Add(facts, "read", $"{Figures.Count(table.Entries, "entry", "entries")}, {Figures.Count(table.Tombstones)} of them tombstones");
        Add(facts, "large values", Figures.Count(table.SeparateValues));
        terminal.Console.Write(facts);
        if (listsBlocks) terminal.Console.Write(DrawBlocks(table.Blocks));
    }

    private static void WriteTitle(Terminal terminal, string path, long bytes) =>
        terminal.Console.MarkupLine($"[bold]{Markup.Escape(path)}[/], {Figures.Bytes(bytes)}");

    private static Table Facts()
    {
        Table table = new Table().Border(TableBorder.None).HideHeaders().AddColumn("what").AddColumn("figure");
        table.Columns[0].PadLeft(2).PadRight(4);
        return table;
    }

    private static void Add(Table facts, string what, string figure) => facts.AddRow(Markup.Escape(what), Markup.Escape(figure));

    private static void AddState(Table facts, ManifestEdit state)
    {
        if (state.FlushedSequence is { } flushed) Add(facts, "in tables up to sequence", Plain((long)flushed));
        if (state.SequenceBound is { } bound) Add(facts, "given out up to sequence", Plain((long)bound));
        if (state.NextFileNumber is { } next) Add(facts, "next file number", Plain(next));
        if (state.LogFirstSegment is { } segment) Add(facts, "log begins with segment", Plain(segment));
        if (state.CleanEnd is { } end)
            Add(facts, "closed", $"segment {Plain(end.Segment)} at {Plain(end.Offset)}, sequence {end.LastSequence}");
    }

    private static Table DrawTables(IReadOnlyList<ManifestTable> tables)
    {
        Table drawn = new Table().Border(TableBorder.None).AddColumn("level").AddColumn("file").AddColumn("bytes").AddColumn("entries")
            .AddColumn("sequences").AddColumn("first key").AddColumn("last key");
        drawn.Columns[0].PadLeft(2);
        drawn.Columns[2].RightAligned();
        drawn.Columns[3].RightAligned();
        foreach (ManifestTable table in tables.OrderBy(table => table.Level))
        {
            drawn.AddRow(
                Plain(table.Level),
                Markup.Escape(table.FileName),
                Figures.Bytes(table.Bytes),
                Figures.Count(table.Entries),
                $"{table.SmallestSequence} to {table.LargestSequence}",
                Markup.Escape(Describe(table.SmallestKey)),
                Markup.Escape(Describe(table.LargestKey)));
        }

        return drawn;
    }

    private static Table DrawBlocks(IReadOnlyList<BlockInspection> blocks)
    {
        Table drawn = new Table().Border(TableBorder.None).AddColumn("offset").AddColumn("block").AddColumn("stored").AddColumn("raw")
            .AddColumn("entries").AddColumn("sound");
        drawn.Columns[0].PadLeft(2);
        foreach (int column in (int[])[0, 2, 3, 4]) drawn.Columns[column].RightAligned();
        foreach (BlockInspection block in blocks)
        {
            drawn.AddRow(
                Plain(block.Offset),
                block.Kind.ToString().ToLowerInvariant(),
                Figures.Count(block.StoredBytes),
                Figures.Count(block.RawBytes),
                Figures.Count(block.Entries),
                block.IsSound ? "yes" : "NO");
        }

        return drawn;
    }

    private static string Describe(InspectedKey key)
    {
        string shown = ByteText.Escape(key.Key.AsSpan(0, Math.Min(key.Key.Length, KeyBytesShown)));
        return $"{key.MapId?.ToString(CultureInfo.InvariantCulture) ?? "?"}:{shown}{(key.Key.Length > KeyBytesShown ? "…" : "")}";
    }

    private static string Plain(long number) => number.ToString(CultureInfo.InvariantCulture);
}
