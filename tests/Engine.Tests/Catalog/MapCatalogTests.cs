using System.Text;
using Varve.Bytes;
using Varve.Catalog;
using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;
using Varve.Tests.Api;

namespace Varve.Tests.Catalog;

public sealed class MapCatalogTests
{
    private readonly RegionPool _pool = new();

    public static TheoryData<string, string> Damages => new()
    {
        { "nothing", "" },
        { "zero", "00" },
        { "a byte too many", "0500" },
        { "cut short", "85" },
        { "longer than any number", "FFFFFFFFFFFFFFFFFFFFFF01" },
        { "an id that leaves no next one", "FFFFFFFFFFFFFFFFFF01" },
    };

    [Fact]
    public void Names_come_back_with_their_ids_in_ordinal_order()
    {
        MapCatalog catalog = Load(("b", Id(2)), ("a", Id(300)), ("größe", Id(1UL << 60)));
        Assert.Equal(["a", "b", "größe"], catalog.GetRecordedNames());
        Assert.Equal((300UL, true), (catalog.GetOrAdd("a").Id, catalog.GetOrAdd("a").IsRecorded));
        Assert.Equal(2UL, catalog.GetOrAdd("b").Id);
        Assert.Equal(1UL << 60, catalog.GetOrAdd("größe").Id);
        Assert.Same(catalog.GetOrAdd("a"), catalog.GetOrAdd("a"));
    }

    [Fact]
    public void A_new_name_gets_an_id_above_all_others_and_is_listed_once_recorded()
    {
        MapCatalog catalog = Load(("b", Id(20)), ("a", Id(7)));
        MapIdentity first = catalog.GetOrAdd("new");
        Assert.Equal((21UL, false), (first.Id, first.IsRecorded));
        Assert.Equal(22UL, catalog.GetOrAdd("newer").Id);
        Assert.Equal(["a", "b"], catalog.GetRecordedNames());
        first.MarkRecorded();
        Assert.Equal(["a", "b", "new"], catalog.GetRecordedNames());
    }

    [Fact]
    public void No_id_is_given_twice_whoever_asks_at_the_same_time()
    {
        MapCatalog catalog = Load(("a", Id(5)));
        var found = new MapIdentity[4][];
        Parallel.For(0, found.Length, thread => found[thread] = [.. Enumerable.Range(0, 200).Select(i => catalog.GetOrAdd($"{i}"))]);
        foreach (MapIdentity[] maps in found) Assert.Equal(found[0], maps);
        Assert.Equal(200, found[0].Select(map => map.Id).Distinct().Count());
        Assert.All(found[0], map => Assert.True(map.Id > 5));
    }

    [Fact]
    public void Only_the_newest_record_of_a_name_at_the_sequence_counts_and_other_maps_entries_do_not()
    {
        var stranger = new MapIdentity(1, "x", isRecorded: true);
        ReadViews views = MakeViews(
        [
            (Root("a"), Id(1)), (Root("a"), Id(2)), (Root("gone"), Id(3)), (Root("gone"), null),
            ([.. stranger.Prefix, 1], []), (Root("late"), []),
        ]);
        Assert.Equal(2UL, MapCatalog.Load(views.Unpinned, 5, "data").GetOrAdd("a").Id);
        Assert.Equal(["a"], MapCatalog.Load(views.Unpinned, 5, "data").GetRecordedNames());
        Assert.Equal(1UL, MapCatalog.Load(views.Unpinned, 1, "data").GetOrAdd("a").Id);
        Assert.Equal(["a", "gone"], MapCatalog.Load(views.Unpinned, 3, "data").GetRecordedNames());
        Assert.Throws<CorruptDataException>(() => MapCatalog.Load(views.Unpinned, 6, "data"));
        views.Close();
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_record_that_is_no_id_is_damage_with_the_name_in_it(string what, string record)
    {
        var damage = Assert.Throws<CorruptDataException>(() => Load(("first", Id(1)), ("grün", Convert.FromHexString(record))));
        Assert.True(damage.Path == "data" && damage.Detail.Contains("'grün'", StringComparison.Ordinal), $"{what}: {damage.Message}");
    }

    [Fact]
    public void Two_names_with_one_id_are_damage()
    {
        var damage = Assert.Throws<CorruptDataException>(() => Load(("a", Id(7)), ("b", Id(8)), ("c", Id(7))));
        Assert.Contains("'c'", damage.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_no_text_is_damage()
    {
        foreach (string name in (string[])["FF", "C3", "61EDA080", "C080"])
        {
            byte[] key = [.. MapCatalog.Root.Prefix, .. Convert.FromHexString(name)];
            ReadViews views = MakeViews([(key, Id(1))]);
            var damage = Assert.Throws<CorruptDataException>(() => MapCatalog.Load(views.Unpinned, 1, "data"));
            Assert.Contains(name, damage.Detail, StringComparison.Ordinal);
            views.Close();
        }
    }

    [Fact]
    public void Any_text_is_a_name_and_comes_back_after_the_next_open()
    {
        string[] names =
        [
            "a", "\0", " ", "größe", "gro\u0308ße", "../x", "\n", "日本語", "👩‍🚀", "\uFEFFa", "\uFFFD", "\uFFFF",
            new('n', 255), new('ß', 127),
        ];
        var disk = new SimulatedDisk();
        for (int round = 0; round < 3; round++)
        {
            using Database database = OptionSet.Tiny.Open(disk, _pool);
            for (int i = 0; i < names.Length; i++)
            {
                SortedMap map = database.GetMap(names[i]);
                if (round > 0) Assert.Equal([(byte)i], map.Get("k"u8)!);
                else map.Put("k"u8, [(byte)i]);
            }

            Assert.Equal(names.Order(StringComparer.Ordinal), database.ListMaps());
            if (round == 1) database.Compact();
            database.Close();
        }
    }

    [Fact]
    public void An_id_that_was_only_asked_for_goes_to_the_first_name_that_is_written()
    {
        var disk = new SimulatedDisk();
        using (Database database = OptionSet.Tiny.Open(disk, _pool))
        {
            _ = database.GetMap("asked");
            Assert.Empty(database.ListMaps());
            database.Close();
        }

        using (Database database = OptionSet.Tiny.Open(disk, _pool))
        {
            SortedMap written = database.GetMap("written");
            written.Put("k"u8, "v"u8);
            Assert.False(database.GetMap("asked").Contains("k"u8));
            database.GetMap("asked").Put("k"u8, "w"u8);
            Assert.Equal("v"u8.ToArray(), written.Get("k"u8));
            Assert.Equal(["asked", "written"], database.ListMaps());
        }
    }

    private static byte[] Id(ulong id)
    {
        byte[] bytes = new byte[Varint.BytesMax];
        return bytes[..Varint.Write(bytes, id)];
    }

    private static byte[] Root(string name) => [.. MapCatalog.Root.Prefix, .. Encoding.UTF8.GetBytes(name)];

    private MapCatalog Load(params (string Name, byte[] Record)[] records)
    {
        ReadViews views = MakeViews([.. records.Select(record => (Root(record.Name), (byte[]?)record.Record))]);
        try
        {
            return MapCatalog.Load(views.Unpinned, views.VisibleSequence, "data");
        }
        finally
        {
            views.Close();
        }
    }

    /// <summary>A memtable with the entries in this order, from sequence 1 on; null is a tombstone.</summary>
    private ReadViews MakeViews((byte[] Key, byte[]? Value)[] entries)
    {
        var table = new MemTable(_pool, 64 << 10);
        ulong sequence = 0;
        foreach ((byte[] key, byte[]? value) in entries)
            table.Insert(key, Trailer.Pack(++sequence, value is null ? EntryKind.Tombstone : EntryKind.Value), value);
        LevelMap levels = LevelMap.CreateEmpty();
        var views = new ReadViews(table, [], levels, sequence);
        levels.Release();
        table.Release();
        return views;
    }
}
