using System.Text;
using Varve.Compaction;
using Varve.Tables;
using Varve.Tests.Levels;

namespace Varve.Tests.Compaction;

public class OutputBordersTests
{
    private static readonly CompactionOptions Options = new() { MemtableBytes = 100, TableBytes = 100, LevelRatio = 2 };

    [Fact]
    public void A_full_table_ends() => Assert.Equal("a:0 b:99 c:100! d:50", Ask("", "a:0 b:99 c:100 d:50"));

    [Fact]
    public void A_nearly_full_table_ends_where_one_of_the_level_below_does() =>
        Assert.Equal("a:0 b:80 c:80! d:20 f:74 h:80 k:80!", Ask("a-b*10 d-e*10 h-i*10", "a:0 b:80 c:80 d:20 f:74 h:80 k:80"));

    [Fact]
    public void A_table_ends_before_it_overlaps_too_much_of_the_level_below() =>
        Assert.Equal("a:1 c:2 e:3! f:1 g:2 j:3", Ask("a-b*150 d-d*60 f-f*150 i-i*50", "a:1 c:2 e:3 f:1 g:2 j:3"));

    [Fact]
    public void What_was_passed_before_a_table_begins_does_not_count() =>
        Assert.Equal("x:0 y:1", Ask("a-b*150 d-d*150 f-f*150", "x:0 y:1"));

    private static string Ask(string grandparents, string keys)
    {
        var tables = new List<Table>();
        foreach (string text in grandparents.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = text.Split('-', '*');
            TableInfo info = TestTables.Info(tables.Count + 1, parts[0], parts[1]);
            tables.Add(TestTables.Make(info with { FileBytes = int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture) }));
        }

        var borders = new OutputBorders(tables, Options);
        var answers = new List<string>();
        foreach (string text in keys.Split(' '))
        {
            string[] parts = text.Split(':');
            int outputBytes = int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
            bool cuts = borders.ShouldCutBefore(Encoding.ASCII.GetBytes(parts[0]), outputBytes);
            answers.Add(cuts ? text + "!" : text);
        }

        return string.Join(' ', answers);
    }
}
