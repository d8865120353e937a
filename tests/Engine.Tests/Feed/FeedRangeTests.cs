using System.Text;

namespace Varve.Tests.Feed;

/// <summary>Range deletes, dropped maps and ingests in the feed.</summary>
public sealed class FeedRangeTests
{
    private readonly FeedHouse _house = new();

    [Fact]
    public void Range_deletes_and_drops_are_changes_and_a_dropped_map_keeps_its_name_across_opens()
    {
        using (Database database = _house.Open(Durability.Synced))
        {
            SortedMap map = database.GetMap("m");
            map.Put("a"u8, "1"u8);
            map.DeleteRange("a"u8, "c"u8);
            map.DeleteRange("b"u8, default);
            map.DeleteRange(default, default);
            Assert.True(database.DropMap("m"));
            database.GetMap("m").Put("b"u8, "2"u8);
            database.Close();
        }

        using Database reopened = _house.Open(Durability.Synced);
        Assert.Equal(
            ["Put m a.", "DeleteRange m a.c", "DeleteRange m b.", "DeleteRange m .", "DropMap m .", "Put m b."], Shown(reopened));
    }

    [Fact]
    public void A_dropped_map_has_its_name_while_the_drop_is_not_durable()
    {
        using Database database = _house.Open(Durability.None);

        // The feed begins behind the record that names the map.
        ulong named = database.GetMap("m").Put("x"u8, "0"u8);
        database.GetMap("m").Put("a"u8, "1"u8);
        database.Sync();
        database.DropMap("m");
        database.GetMap("m").Put("b"u8, "2"u8);
        Assert.Equal(["Put m a."], Shown(database, named));
        database.Sync();
        for (int i = 0; i < 3; i++)
        {
            database.DropMap("m");
            database.GetMap("m").Put("c"u8, "3"u8);
        }

        Assert.Equal(["Put m a.", "DropMap m .", "Put m b."], Shown(database, named));
        database.Sync();
        Assert.Equal(3 + 6, Shown(database, named).Count);
    }

    [Fact]
    public void A_dropped_map_has_its_name_where_the_log_failed_and_only_tables_have_the_drop()
    {
        using Database database = _house.Open(Durability.Buffered);
        ulong named = database.GetMap("m").Put("x"u8, "0"u8);
        database.GetMap("m").Put("a"u8, "1"u8);
        database.Sync();
        database.DropMap("m");
        database.Flush();
        database.GetMap("m").Put("b"u8, "2"u8);
        _house.Disk.Faults = static call => call.Operation == DiskOperation.Sync ? Fault.Error(Errors.InputOutput) : null;
        Assert.Throws<CommitOutcomeUnknownException>(() => database.GetMap("m").Put("c"u8, "3"u8, Durability.Synced));
        _house.Disk.Faults = null;
        Assert.Equal("Put m a.", Shown(database, named)[0]);
    }

    [Fact]
    public void An_ingest_is_one_change_for_each_map_with_the_bounds_of_its_keys()
    {
        using (Database database = _house.Open(Durability.Synced))
        {
            SortedMap map = database.GetMap("m");
            map.Put("x"u8, "1"u8);
            ulong sequence;
            using (IngestWriter ingest = database.CreateIngest())
            {
                ingest.Add(map, "a"u8, "1"u8);
                ingest.Add(map, "b"u8, "2"u8);
                ingest.Add(map, "c"u8, "3"u8);
                ingest.Add(database.GetMap("new"), ""u8, "4"u8);
                sequence = ingest.Commit();
            }

            ChangeBatch shown = FeedHouse.Read(database)[1];
            Assert.Equal(sequence, shown.Sequence);
            map.Put("x"u8, "2"u8);
            database.Close();
        }

        using Database reopened = _house.Open(Durability.Synced);
        Assert.Equal(["Put m x.", "Ingest m a.c", "Ingest new .", "Put m x."], Shown(reopened));
    }

    private static List<string> Shown(Database database, ulong after = 0) =>
    [
        .. FeedHouse.Read(database, after).SelectMany(batch => batch.Changes).Select(change =>
            $"{change.Kind} {change.MapName} {Encoding.UTF8.GetString(change.Key.Span)}.{Encoding.UTF8.GetString(change.EndKey.Span)}"),
    ];
}
