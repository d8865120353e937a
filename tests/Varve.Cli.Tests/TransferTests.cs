using System.Text;
using System.Text.Json;

namespace Varve.Cli.Tests;

/// <summary>Export and import, in this process.</summary>
public sealed class TransferTests : CliHouse
{
    private const int LongValueBytes = 1 << 20;

    [Theory]
    [InlineData("tsv")]
    [InlineData("ndjson")]
    public void Every_byte_comes_back(string format)
    {
        SortedDictionary<string, byte[]> entries = MakeEntries();
        Fill(Data, "m", entries);
        byte[] exported = RunOnData("export", "-m", "m", "--format", format).Expect(ExitCode.Ok).OutputBytes;
        Assert.DoesNotContain((byte)'\r', exported);
        Assert.Equal(entries.Count, exported.Count(value => value == '\n'));

        CliRun import = Run(["import", "-", "-d", PathOf("back"), "-m", "m", "--format", format], exported).Expect(ExitCode.Ok);
        Assert.StartsWith($"{entries.Count} entries", import.Output);
        AssertHolds(PathOf("back"), "m", entries);
        Assert.Equal(exported, Run("export", "-d", PathOf("back"), "-m", "m", "-f", format).Expect(ExitCode.Ok).OutputBytes);
    }

    [Fact]
    public void Scanned_text_can_be_imported()
    {
        SortedDictionary<string, byte[]> entries = MakeEntries();
        Fill(Data, "default", entries);
        byte[] scanned = RunOnData("scan").Expect(ExitCode.Ok).OutputBytes;
        Run(["import", "-", "-d", PathOf("back")], scanned).Expect(ExitCode.Ok);
        AssertHolds(PathOf("back"), "default", entries);
        scanned = RunOnData("scan", "--format", "json").Expect(ExitCode.Ok).OutputBytes;
        Run(["import", "-", "-d", PathOf("again"), "-f", "ndjson"], scanned).Expect(ExitCode.Ok);
        AssertHolds(PathOf("again"), "default", entries);
    }

    [Theory]
    [InlineData("tsv")]
    [InlineData("ndjson")]
    public void Expiries_come_back_to_the_millisecond(string format)
    {
        DateTimeOffset moment = new(2099, 12, 31, 23, 59, 58, 123, TimeSpan.Zero);
        using (Database database = Database.Open(Data))
        {
            SortedMap map = database.GetMap("default");
            map.PutUntil("a"u8, "tab\tvalue"u8, moment);
            map.Put("b"u8, "stays"u8);
            map.PutUntil("c"u8, "gone"u8, DateTimeOffset.UnixEpoch.AddDays(1));
            database.Close();
        }

        byte[] exported = RunOnData("export", "-f", format).Expect(ExitCode.Ok).OutputBytes;
        Assert.Contains("2099-12-31T23:59:58.123Z", Encoding.UTF8.GetString(exported));
        Run(["import", "-", "-d", PathOf("back"), "-f", format], exported).Expect(ExitCode.Ok);
        using Database back = Database.Open(PathOf("back"));
        Assert.Equal("tab\tvalue"u8, back.GetMap("default").Get("a"u8)!);
        Assert.True(back.GetMap("default").TryGetExpiry("a"u8, out DateTimeOffset? expiry));
        Assert.Equal(moment, expiry);
        Assert.True(back.GetMap("default").TryGetExpiry("b"u8, out expiry));
        Assert.Null(expiry);
        Assert.False(back.GetMap("default").Contains("c"u8));
    }

    [Fact]
    public void A_row_that_has_expired_takes_away_what_was_there()
    {
        Put("default", "a", "b");
        byte[] rows = "a\tnew\t2001-01-01T00:00:00.000Z\nb\tnew\t2099-01-01\n"u8.ToArray();
        Run(["import", "-", "-d", Data], rows).Expect(ExitCode.Ok);
        Assert.Equal(["b\tnew\t2099-01-01T00:00:00.000Z"], RunOnData("scan", "--expiry").Expect(ExitCode.Ok).Lines);
        Assert.Equal(["b\tnew"], RunOnData("scan").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void All_maps_go_through_one_file()
    {
        Put("apple", "a", "b");
        Put("päar", "c");
        Put("varve/imports", "of this database only");
        string file = PathOf("all.ndjson");
        Assert.StartsWith("3 entries", RunOnData("export", "--all-maps", "-o", file).Expect(ExitCode.Ok).Output);
        Assert.Equal("{\"map\":\"apple\",\"key\":\"a\",\"value\":\"value of a\"}", File.ReadLines(file).First());
        Run("import", file, "-d", PathOf("back")).Expect(ExitCode.Ok);
        Assert.Equal(["apple\t2", "päar\t1"], Run("maps", "-c", "-d", PathOf("back")).Expect(ExitCode.Ok).Lines);
        RunOnData("export", "--all-maps", "-f", "tsv").ExpectFailure(ExitCode.Usage);
    }

    [Fact]
    public void A_part_of_a_map_is_exported()
    {
        Put("m", "a", "b1", "b2", "c");
        Assert.Equal(["b1\tvalue of b1", "b2\tvalue of b2"], RunOnData("export", "-m", "m", "-p", "b").Expect(ExitCode.Ok).Lines);
        Assert.Equal(["b2\tvalue of b2"], RunOnData("export", "-m", "m", "-x", "--from", "6232", "--to", "63").Expect(ExitCode.Ok).Lines);
        RunOnData("export", "-m", "absent").ExpectFailure(ExitCode.NotFound);
    }

    [Fact]
    public void A_file_is_there_only_when_it_is_whole()
    {
        Put("m", "a");
        string file = PathOf("m.tsv");
        RunOnData("export", "-m", "m", "-o", file).Expect(ExitCode.Ok);
        Assert.Equal("a\tvalue of a\n", File.ReadAllText(file));
        Put("m", "b");
        Assert.Contains("--force", RunOnData("export", "-m", "m", "-o", file).ExpectFailure(ExitCode.Usage).Error);
        Assert.Equal("a\tvalue of a\n", File.ReadAllText(file));
        string json = RunOnData("export", "-m", "m", "-o", file, "--force", "--json").Expect(ExitCode.Ok).Output;
        Assert.Equal(2, JsonDocument.Parse(json).RootElement.GetProperty("entries").GetInt64());

        // A damaged table ends an export in the middle: neither file is left, and the old one stays.
        string before = File.ReadAllText(file);
        Fill(Data, "m", MakeEntries());
        RunOnData("compact").Expect(ExitCode.Ok);
        string table = Directory.GetFiles(Data, "*.table").OrderByDescending(path => new FileInfo(path).Length).First();
        byte[] bytes = File.ReadAllBytes(table);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(table, bytes);
        string error = RunOnData("export", "-m", "m", "-o", file, "--force").ExpectFailure(ExitCode.Storage).Error;
        Assert.Contains(Path.GetFileName(table), error);
        Assert.Equal(before, File.ReadAllText(file));
        Assert.False(File.Exists(file + ".partial"));
    }

    [Theory]
    [InlineData("a\tb\nno tab\n", "tsv", 2, 7, "tab")]
    [InlineData("a\tb\n\n\nä\tc\td\n", "tsv", 4, 5, "second tab")]
    [InlineData("a\tb\t2030-01-01\t\n", "tsv", 1, 5, "second tab")]
    [InlineData("a\tb\t1969-12-31\n", "tsv", 1, 5, "1970")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"expiry\":\"soon\"}\n", "ndjson", 1, 33, "no moment")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"expiry\":5}\n", "ndjson", 1, 33, "no string")]
    [InlineData("{\"expiry\":\"2030-01-01\",\"expiry\":\"\"}\n", "ndjson", 1, 24, "twice")]
    [InlineData("ä\\q\tb\n", "tsv", 1, 2, "escape")]
    [InlineData("a\tb\\x4\n", "tsv", 1, 4, "escape")]
    [InlineData("a\tb\\xg0\n", "tsv", 1, 4, "escape")]
    [InlineData("a\tb\\", "tsv", 1, 4, "escape")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\"}\nwrong\n", "ndjson", 2, 1, "")]
    [InlineData("{\"key\":\"ä\",\"value\":1}\n", "ndjson", 1, 20, "no string")]
    [InlineData("{\"key\":\"a\",\"value\":null}\n", "ndjson", 1, 20, "no string")]
    [InlineData("{\"key\":\"a\"}\n", "ndjson", 1, 11, "value is missing")]
    [InlineData("{\"value\":\"a\"}\n", "ndjson", 1, 13, "key is missing")]
    [InlineData("{\"key\":\"a\",\"keyBase64\":\"\",\"value\":\"\"}\n", "ndjson", 1, 12, "twice")]
    [InlineData("{\"key\":\"a\",\"valueBase64\":\"###\"}\n", "ndjson", 1, 26, "base64")]
    [InlineData("{\"key\":\"a\",\"value\":\"\\ud800\"}\n", "ndjson", 1, 20, "surrogate")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"ttl\":\"5\"}\n", "ndjson", 1, 24, "unknown field")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\"} {}\n", "ndjson", 1, 25, "")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\"\n}\n", "ndjson", 1, 23, "")]
    [InlineData("{\"map\":\"\",\"key\":\"a\",\"value\":\"b\"}\n", "ndjson", 1, 2, "map's name")]
    [InlineData("[]\n", "ndjson", 1, 1, "no JSON object")]
    public void A_bad_line_is_named_with_its_column(string input, string format, int line, int column, string detail)
    {
        string file = PathOf("bad input");
        File.WriteAllText(file, input);
        string error = Run("import", "--check", file, "-f", format).ExpectFailure(ExitCode.Usage).Error;
        Assert.StartsWith($"varve: {file}:{line}:{column}: ", error);
        Assert.Contains(detail, error);
        error = Run("import", file, "-f", format, "-d", Data).ExpectFailure(ExitCode.Usage).Error;
        Assert.StartsWith($"varve: {file}:{line}:{column}: ", error);
        Assert.Contains($"{line - 1} line", error);
    }

    [Fact]
    public void Rows_before_a_bad_line_are_there_and_the_repaired_file_goes_on_behind_them()
    {
        string file = PathOf("rows.tsv");
        File.WriteAllText(file, "a\t1\nb\t2\nbad\nd\t4");
        RunOnData("import", file).ExpectFailure(ExitCode.Usage);
        Assert.Equal(["a\t1", "b\t2"], RunOnData("scan").Expect(ExitCode.Ok).Lines);
        RunOnData("delete", "a").Expect(ExitCode.Ok);

        File.WriteAllText(file, "a\t1\nb\t2\nc\t3\nd\t4");
        Assert.Contains("gone on at line 3", RunOnData("import", file).Expect(ExitCode.Ok).Output);
        Assert.Equal(["b\t2", "c\t3", "d\t4"], RunOnData("scan").Expect(ExitCode.Ok).Lines);
        Assert.Equal("", RunOnData("scan", "-m", "varve/imports").Expect(ExitCode.Ok).Output);

        // It was whole: the next import begins anew.
        Assert.DoesNotContain("gone on", RunOnData("import", file).Expect(ExitCode.Ok).Output);
        Assert.Equal(4, RunOnData("scan").Expect(ExitCode.Ok).Lines.Length);
    }

    [Fact]
    public void A_file_that_has_changed_is_not_resumed()
    {
        string file = PathOf("rows.tsv");
        File.WriteAllText(file, "a\t1\nbad\n");
        RunOnData("import", file).ExpectFailure(ExitCode.Usage);
        foreach (string changed in (string[])["a\t2\nb\t2\n", "a\t"])
        {
            File.WriteAllText(file, changed);
            Assert.Contains("--restart", RunOnData("import", file).ExpectFailure(ExitCode.Usage).Error);
        }

        RunOnData("import", file, "--restart").Expect(ExitCode.Ok);
        Assert.Equal(["a\t"], RunOnData("scan").Expect(ExitCode.Ok).Lines);

        // Into another map, or in another format, it is another import.
        RunOnData("import", file, "-m", "other").Expect(ExitCode.Ok);
    }

    [Fact]
    public void Line_ends_of_both_kinds_and_a_byte_order_mark_are_not_content()
    {
        byte[] input = [.. Encoding.UTF8.Preamble, .. "a\t1\r\n\r\nb\t2"u8];
        Run(["import", "-", "-d", Data], input).Expect(ExitCode.Ok);
        Assert.Equal(["a\t1", "b\t2"], RunOnData("scan").Expect(ExitCode.Ok).Lines);
        input = [.. Encoding.UTF8.Preamble, .. "{\"key\":\"c\",\"value\":\"3\"}\r\n"u8];
        Run(["import", "-", "-d", Data, "-f", "ndjson"], input).Expect(ExitCode.Ok);
        Assert.Equal("3", RunOnData("get", "c").Expect(ExitCode.Ok).Output);
    }

    [Fact]
    public void What_is_over_a_limit_is_named_by_its_line()
    {
        string longKey = new('k', 16_385);
        CliRun run = Run(["import", "-", "-d", Data], Encoding.UTF8.GetBytes($"a\tb\n{longKey}\tv\n"));
        Assert.StartsWith("varve: -:2:1: the key has 16,385 bytes", run.ExpectFailure(ExitCode.Usage).Error);
        run = Run(["import", "-", "-d", Data, "-f", "ndjson"], Encoding.UTF8.GetBytes($"{{\"value\":\"\",\"key\":\"{longKey}\"}}\n"));
        Assert.StartsWith("varve: -:1:13: the key has 16,385 bytes", run.ExpectFailure(ExitCode.Usage).Error);
    }

    [Fact]
    public void An_import_of_nothing_is_none()
    {
        Assert.StartsWith("0 entries", Run(["import", "-", "-d", Data], []).Expect(ExitCode.Ok).Output);
        Run("import", PathOf("absent"), "-d", Data).ExpectFailure(ExitCode.Usage);
        Run("import", Data, "-d", Data).ExpectFailure(ExitCode.Usage);
        string json = Run(["import", "-", "-d", Data, "--json"], "a\tb\n\n"u8.ToArray()).Expect(ExitCode.Ok).Output;
        JsonElement result = JsonDocument.Parse(json).RootElement;
        Assert.Equal(1, result.GetProperty("entries").GetInt64());
        Assert.Equal(2, result.GetProperty("lines").GetInt64());
        Assert.Equal(5, result.GetProperty("bytes").GetInt64());
    }

    [Fact]
    public void Compacting_says_what_became_of_the_tables()
    {
        Put("m", "a", "b");
        Put("m", "a", "c");
        Assert.Contains(" became 1 table of ", RunOnData("compact").Expect(ExitCode.Ok).Output);
        JsonElement result = JsonDocument.Parse(RunOnData("compact", "--json").Expect(ExitCode.Ok).Output).RootElement;
        Assert.Equal(1, result.GetProperty("after").GetProperty("tables").GetInt32());
        Assert.Equal(3 + 2, result.GetProperty("after").GetProperty("entries").GetInt64());
    }

    /// <summary>Keys and values with every byte, every pair that could be mistaken for an escape, odd text, and long ones.</summary>
    private static SortedDictionary<string, byte[]> MakeEntries()
    {
        var entries = new SortedDictionary<string, byte[]>(StringComparer.Ordinal) { [""] = [] };
        for (int value = 0; value < 256; value++)
        {
            entries[Key([(byte)value])] = [(byte)value, (byte)'x'];
            entries[Key([(byte)'\\', (byte)value])] = [(byte)'\\', (byte)value, (byte)'\\'];
        }

        string[] texts =
        [
            "ä\t\n\r\0\u007f\u0085\u2028\u2029\ufeff\uffff\ufffd", "\ud83d\ude00", "<script>&'\"+\\u0041", "  ", "{\"key\":\"a\"}",
        ];
        foreach (string text in texts) entries[Key(Encoding.UTF8.GetBytes(text))] = Encoding.UTF8.GetBytes(text + text);

        byte[] cut = [.. "\ud83d\ude00"u8];
        for (int length = 1; length < cut.Length; length++) entries[Key(cut[..length])] = [.. cut, .. cut[..length]];

        var random = new Random(7);
        byte[] longBytes = new byte[LongValueBytes];
        random.NextBytes(longBytes);
        entries[Key([.. "long"u8])] = longBytes;
        entries[Key([.. "long zeroes"u8])] = new byte[LongValueBytes];
        entries[Key([.. "long text"u8])] = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("tab\tend\n", LongValueBytes / 8)));
        entries[Key(longBytes[..(16 << 10)])] = [1];
        return entries;

        static string Key(byte[] bytes) => Encoding.Latin1.GetString(bytes);
    }

    private static void Fill(string directory, string map, SortedDictionary<string, byte[]> entries)
    {
        using Database database = Database.Open(directory);
        foreach ((string key, byte[] value) in entries) database.GetMap(map).Put(Encoding.Latin1.GetBytes(key), value, Durability.Buffered);
        database.Close();
    }

    private static void AssertHolds(string directory, string map, SortedDictionary<string, byte[]> entries)
    {
        using Database database = Database.Open(directory, new DatabaseOptions { Mode = OpenMode.ReadOnly });
        int count = 0;
        foreach (Entry entry in database.GetMap(map).All())
        {
            Assert.True(entries.TryGetValue(Encoding.Latin1.GetString(entry.Key), out byte[]? expected));
            Assert.True(entry.Value.SequenceEqual(expected), $"the value of {Convert.ToHexString(entry.Key)} is another one");
            count++;
        }

        Assert.Equal(entries.Count, count);
    }
}
