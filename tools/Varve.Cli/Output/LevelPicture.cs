using System.Text;
using Spectre.Console;

namespace Varve.Cli.Output;

/// <summary>
/// The tree of levels, newest on top: a bar for each level, as long as its share of the largest level, in it a piece for each table.
/// </summary>
internal sealed class LevelPicture
{
    private const int BarCellsMin = 8;
    private const int BarCellsMax = 60;

    /// <summary>"memtable" and the gaps between the three columns.</summary>
    private const int LabelCells = 8;
    private const int GapCells = 3;

    private const char Even = '█';
    private const char Odd = '▓';
    private const char Nothing = '·';

    private readonly int _cellsMax;
    private readonly long _bytesMost;

    /// <param name="cellsMax">Length of the longest bar.</param>
    /// <param name="bytesMost">What it stands for.</param>
    private LevelPicture(int cellsMax, long bytesMost)
    {
        _cellsMax = cellsMax;
        _bytesMost = bytesMost;
    }

    public static void Draw(IAnsiConsole console, DatabaseStatistics figures)
    {
        long bytesMost = Math.Max(1, figures.MemtableBytes);
        foreach (LevelStatistics level in figures.Levels) bytesMost = Math.Max(bytesMost, level.Bytes);

        string memtables = $"{Figures.Bytes(figures.MemtableBytes)}, {Figures.Count(figures.MemtableEntries, "entry", "entries")}";
        int figuresCells = figures.Levels.Max(level => Math.Max(memtables.Length, Describe(level).Length));
        int cells = Math.Clamp(console.Profile.Width - LabelCells - figuresCells - 3 * GapCells, BarCellsMin, BarCellsMax);
        var bars = new LevelPicture(cells, bytesMost);

        Grid grid = new Grid().AddColumn(Column()).AddColumn(Column().Centered()).AddColumn(Column());
        long[] memtableBytes = figures.MemtableEntries > 0 ? [figures.MemtableBytes] : [];
        AddRow(grid, "memtable", bars.Bar(memtableBytes), "blue", memtables);
        foreach (LevelStatistics level in figures.Levels)
        {
            string bar = bars.Bar([.. level.Tables.Select(table => table.Bytes)]);
            AddRow(grid, $"level {level.Level}", bar, level.Tables.All(table => table.IsCompressed) ? "green" : "yellow", Describe(level));
        }

        console.Write(grid);
        console.WriteLine($"{Even} and {Odd} tell neighbouring tables apart. The newest entries are on top.");
    }

    /// <summary>One row for each table, for who wants to see them all.</summary>
    public static Table DrawTables(DatabaseStatistics figures)
    {
        Table table = new Table().Border(TableBorder.None).AddColumn("level").AddColumn("file").AddColumn("bytes").AddColumn("entries")
            .AddColumn("tombstones").AddColumn("keys and values").AddColumn("stored");
        for (int column = 2; column <= 5; column++) table.Columns[column].RightAligned();
        foreach (LevelStatistics level in figures.Levels)
        {
            foreach (TableStatistics file in level.Tables)
            {
                table.AddRow(
                    Figures.Count(level.Level), Markup.Escape(file.FileName), Figures.Bytes(file.Bytes), Figures.Count(file.Entries),
                    Figures.Count(file.Tombstones), Figures.Bytes(file.ContentBytes), file.IsCompressed ? "LZ4" : "raw");
            }
        }

        return table;
    }

    private static GridColumn Column() => new GridColumn().NoWrap().PadRight(GapCells);

    private static void AddRow(Grid grid, string name, string bar, string color, string figures) =>
        grid.AddRow(Markup.Escape(name), $"[{color}]{bar}[/]", Markup.Escape(figures));

    private static string Describe(LevelStatistics level)
    {
        if (level.Tables.Count == 0) return "";
        string tables = Figures.Count(level.Tables.Count, "table", "tables");
        return $"{tables}, {Figures.Bytes(level.Bytes)}, {Figures.Count(level.Entries, "entry", "entries")}, {Storage(level)}";
    }

    private static string Storage(LevelStatistics level)
    {
        int compressed = level.Tables.Count(table => table.IsCompressed);
        if (compressed == 0) return "raw";
        return compressed == level.Tables.Count ? "LZ4" : $"{Figures.Count(compressed)} of them LZ4";
    }

    /// <summary>The tables side by side. Where there are more tables than cells, a cell stands for several.</summary>
    private string Bar(IReadOnlyList<long> tableBytes)
    {
        if (tableBytes.Count == 0) return Nothing.ToString();
        long bytes = tableBytes.Sum();
        int cells = (int)Math.Clamp(bytes * (double)_cellsMax / _bytesMost, Math.Min(tableBytes.Count, _cellsMax), _cellsMax);
        var bar = new StringBuilder(cells);
        int cellsAtLeast = tableBytes.Count <= cells ? 1 : 0;
        long before = 0;
        for (int i = 0; i < tableBytes.Count; i++)
        {
            before += tableBytes[i];
            int end = (int)Math.Round(before * (double)cells / Math.Max(1, bytes));
            end = Math.Clamp(end, bar.Length + cellsAtLeast, cells - cellsAtLeast * (tableBytes.Count - 1 - i));
            bar.Append(i % 2 == 0 ? Even : Odd, end - bar.Length);
        }

        return bar.ToString();
    }
}
