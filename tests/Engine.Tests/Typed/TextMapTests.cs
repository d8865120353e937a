using Varve.Tests.Files;

namespace Varve.Tests.Typed;

public sealed class TextMapTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Database _database;
    private readonly SortedMap _map;

    public TextMapTests()
    {
        _database = Database.Open(_directory.Path, new DatabaseOptions { Durability = Durability.None });
        _map = _database.GetMap("map");
    }

    public void Dispose()
    {
        _database.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Texts_are_their_utf8()
    {
        _map.Put("größe", "ä€😀");
        Assert.Equal("ä€😀"u8.ToArray(), _map.Get("größe"u8));
        Assert.Equal("ä€😀"u8.ToArray(), _map.Get("größe"));
        Assert.Equal("ä€😀", _map.GetText("größe"));
        Assert.True(_map.Contains("größe"));
        byte[] destination = new byte[100];
        Assert.True(_map.TryGet("größe", destination, out int length));
        Assert.Equal("ä€😀"u8.Length, length);
        _map.Put("größe", [1, 2]);
        Assert.Equal([1, 2], _map.Get("größe"));
        _map.Delete("größe");
        Assert.False(_map.Contains("größe"));
        Assert.Null(_map.GetText("größe"));
        Assert.Null(_map.Get("größe"));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_refused_and_never_replaced()
    {
        string half = "a\uD83D";
        Assert.Throws<ArgumentException>(() => _map.Put(half, "x"));
        Assert.Throws<ArgumentException>(() => _map.Put("x", half));
        Assert.Throws<ArgumentException>(() => _map.Delete(half));
        Assert.Throws<ArgumentException>(() => _map.Contains(half));
        Assert.Throws<ArgumentException>(() => Count(_map.Prefix(half)));
        Assert.Throws<ArgumentNullException>(() => _map.Put("x", (string)null!));
        Assert.Equal(0, Count(_map.All()));
    }

    [Fact]
    public void A_value_that_is_no_text_is_corrupt()
    {
        _map.Put("key", [0xFF]);
        Assert.Throws<CorruptDataException>(() => _map.GetText("key"));
    }

    [Fact]
    public void Ranges_and_cursors_take_texts()
    {
        foreach (string key in (string[])["a", "b", "ba", "c"]) _map.Put(key, "");
        Assert.Equal(2, Count(_map.Range("b", "c")));
        Assert.Equal(2, Count(_map.Range("b", "", limit: 2)));
        Assert.Equal(2, Count(_map.ReverseRange("ba", "a")));
        Assert.Equal(2, Count(_map.Prefix("b", Direction.Descending)));
        using Cursor cursor = _map.CreateCursor();
        Assert.True(cursor.Seek("bb"));
        Assert.Equal("c"u8.ToArray(), cursor.Key.ToArray());
        Assert.True(cursor.SeekForPrevious("bb"));
        Assert.Equal("ba"u8.ToArray(), cursor.Key.ToArray());
    }

    [Fact]
    public void Batches_take_texts()
    {
        using WriteBatch batch = _database.CreateBatch();
        batch.Put(_map, "a", "1");
        batch.Put(_map, "b", "2"u8);
        batch.Put(_map, "c", "3");
        batch.Delete(_map, "c");
        _database.Write(batch);
        Assert.Equal("1", _map.GetText("a"));
        Assert.Equal("2", _map.GetText("b"));
        Assert.Null(_map.GetText("c"));
    }

    private static int Count(EntryRange range)
    {
        int count = 0;
        foreach (Entry _ in range) count++;
        return count;
    }
}
