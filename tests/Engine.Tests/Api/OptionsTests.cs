using Varve.Tests.Files;

namespace Varve.Tests.Api;

public sealed class OptionsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    public static TheoryData<string, Action<DatabaseOptions>> OutOfRange => new()
    {
        { "MemoryBudgetBytes", options => options.MemoryBudgetBytes = DatabaseOptions.MemoryBudgetBytesMin - 1 },
        { "MemoryBudgetBytes", options => options.MemoryBudgetBytes = (1L << 40) + 1 },
        { "BlockBytes", options => options.BlockBytes = 1023 },
        { "BlockBytes", options => options.BlockBytes = 4033 },
        { "FilterBitsPerKey", options => options.FilterBitsPerKey = -1 },
        { "FilterBitsPerKey", options => options.FilterBitsPerKey = 21 },
        { "OpenFilesMax", options => options.OpenFilesMax = 15 },
        { "OpenFilesMax", options => options.OpenFilesMax = 65_537 },
        { "ChangeHistoryBytes", options => options.ChangeHistoryBytes = -1 },
        { "ChangeHistoryBytes", options => options.ChangeHistoryBytes = (1L << 40) + 1 },
        { "Durability", options => options.Durability = (Durability)3 },
        { "Compression", options => options.Compression = (TableCompression)2 },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void An_option_outside_its_range_is_named_and_nothing_is_created(string name, Action<DatabaseOptions> change)
    {
        var options = new DatabaseOptions();
        change(options);
        ArgumentOutOfRangeException refusal = Assert.Throws<ArgumentOutOfRangeException>(
            () => Database.Open(_directory.Of("data"), options));
        Assert.Equal(name, refusal.ParamName);
        Assert.False(Directory.Exists(_directory.Of("data")));
    }

    public static TheoryData<Action<DatabaseOptions>> AtTheEdges =>
    [
        options => options.MemoryBudgetBytes = DatabaseOptions.MemoryBudgetBytesMin,
        options => options.BlockBytes = 1024,
        options => options.BlockBytes = 4032,
        options => options.FilterBitsPerKey = 0,
        options => options.FilterBitsPerKey = 20,
        options => options.OpenFilesMax = 16,
        options => options.Compression = TableCompression.None,
        options => options.ChangeHistoryBytes = 0,
        options => options.ChangeHistoryBytes = 1L << 40,
    ];

    [Theory]
    [MemberData(nameof(AtTheEdges))]
    public void Every_value_in_range_works_down_to_the_tables(Action<DatabaseOptions> change)
    {
        var options = new DatabaseOptions { MemoryBudgetBytes = 16 << 20, Durability = Durability.None };
        change(options);
        using Database database = Database.Open(_directory.Path, options);
        SortedMap map = database.GetMap("map");
        for (int i = 0; i < 1000; i++) map.Put(BitConverter.GetBytes(i), new byte[i]);
        database.Compact();
        for (int i = 0; i < 1000; i++) Assert.Equal(i, map.Get(BitConverter.GetBytes(i))?.Length);
        Assert.True(database.Verify().IsSound);
    }

    [Fact]
    public void Options_changed_after_the_open_have_no_effect()
    {
        var options = new DatabaseOptions { MemoryBudgetBytes = 8 << 20 };
        using Database database = Database.Open(_directory.Path, options);
        options.Mode = OpenMode.ReadOnly;
        options.Durability = (Durability)7;
        Assert.False(database.IsReadOnly);
        database.GetMap("map").Put("k"u8, "v"u8);
    }

    [Fact]
    public void Without_leave_to_create_one_there_must_be_a_database()
    {
        var options = new DatabaseOptions { Mode = OpenMode.OpenExisting };
        Assert.Throws<DirectoryNotFoundException>(() => Database.Open(_directory.Of("none"), options));
        Assert.False(Directory.Exists(_directory.Of("none")));
        Assert.Throws<DirectoryNotFoundException>(() => Database.Open(_directory.Path, options));
        Database.Open(_directory.Path).Dispose();
        Database.Open(_directory.Path, options).Dispose();
    }
}
