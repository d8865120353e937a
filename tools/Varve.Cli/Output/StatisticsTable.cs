using System.Globalization;
using Spectre.Console;

namespace Varve.Cli.Output;

/// <summary>A database's figures as a table of two columns.</summary>
internal static class StatisticsTable
{
    public static Table Draw(DatabaseStatistics figures)
    {
        Table table = new Table().Border(TableBorder.None).HideHeaders().AddColumn("what").AddColumn("figure");
        table.Columns[0].PadRight(4);
        long tables = 0;
        long entries = 0;
        foreach (LevelStatistics level in figures.Levels)
        {
            tables += level.Tables.Count;
            entries += level.Entries;
        }

        Add("database", figures.DatabaseId);
        Add("maps", Figures.Count(figures.MapCount));
        Add("latest sequence", figures.LatestSequence.ToString(CultureInfo.InvariantCulture));
        Add("durable sequence", figures.DurableSequence.ToString(CultureInfo.InvariantCulture));
        Add("tables", $"{Figures.Count(tables)}, {Figures.Bytes(figures.TableBytes)}, {Versions(entries)}");
        string waiting = Figures.Count(figures.FrozenMemtables);
        Add("memtables", $"{Figures.Bytes(figures.MemtableBytes)} active, {waiting} waiting, {Versions(figures.MemtableEntries)}");
        Add("log", Figures.Bytes(figures.LogBytes));
        Add("memory budget", Figures.Bytes(figures.MemoryBudgetBytes));
        string cached = $"{Figures.Bytes(figures.CacheBytes)} of {Figures.Bytes(figures.CacheCapacityBytes)}";
        Add("cache", $"{cached}, {Figures.Count(figures.CacheHits)} hits, {Figures.Count(figures.CacheMisses)} misses");
        Add("snapshots", Figures.Count(figures.OpenSnapshots));
        Add("write pressure", Figures.Percent(figures.WritePressure));
        Add("flushes", $"{Figures.Count(figures.Flushes)}, {Figures.Bytes(figures.FlushedBytes)} written");
        string compacted = $"{Figures.Bytes(figures.CompactionReadBytes)} read, {Figures.Bytes(figures.CompactionWrittenBytes)} written";
        Add("compactions", $"{Figures.Count(figures.Compactions)}, {compacted}, {Figures.Count(figures.TableMoves)} tables moved");
        Add("failed upkeep", Figures.Count(figures.UpkeepFailures));
        return table;

        void Add(string what, string figure) => table.AddRow(Markup.Escape(what), Markup.Escape(figure));
    }

    private static string Versions(long entries) => Figures.Count(entries, "entry", "entries");
}
