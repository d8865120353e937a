namespace Varve.Tests.Compaction;

public class CompactionPlannerTests
{
    [Fact]
    public void Level_0_below_its_trigger_is_left_alone() => Check(
        "nothing",
        """
        0: 3[a-z] 2[a-z] 1[a-z]
        6: 9[a-z]
        """);

    [Fact]
    public void A_calm_database_empties_level_0_where_that_rewrites_little_of_the_level_below()
    {
        Check("Calm 0:3,2,1 + 6:9 -> 6", "0: 3[a-z] 2[a-z] 1[a-z]\n6: 9[a-z]\noptions: idle");
        Check("Calm 0:1 + 6:9,10,11,12 -> 6", "0: 1[a-z]\n6: 9[a-h] 10[i-l] 11[m-p] 12[q-z]\noptions: idle");
        Check("nothing", "0: 1[a-z]\n6: 9[a-h] 10[i-l] 11[m-p] 12[q-t] 13[u-z]\noptions: idle");
    }

    [Fact]
    public void Level_0_goes_to_the_base_with_all_it_overlaps() => Check(
        "LevelZero 0:4,3,2,1 + 6:11,12 -> 6",
        """
        0: 4[a-f] 3[c-g] 2[a-b] 1[e-m]
        6: 10[A-Z] 11[a-d] 12[m-p] 13[q-z]
        """);

    [Fact]
    public void Tables_of_level_0_come_along_through_others_and_separate_ones_go_apart() => Check(
        """
        LevelZero 0:4,3,1 + 6:10 -> 6
        """,
        """
        0: 4[c-f] 3[e-h] 2[r-s] 1[a-c]
        6: 10[a-p] 11[q-z]
        """);

    [Fact]
    public void Sequential_tables_of_level_0_are_moved_to_the_bottom_and_rewritten_when_idle()
    {
        var scenario = new PlannerScenario("0: 4[g-h] raw 3[e-f] raw 2[c-d] raw 1[a-b] raw");
        Assert.Equal("LevelZero move 0:1 -> 6", scenario.Next());
        scenario.Finish();
        Assert.Equal("nothing", scenario.Next());
        Check("RewriteRaw 6:1 -> 6", "6: 1[a-b] raw 2[c-d]\noptions: idle");
        Check("nothing", "6: 1[a-b] raw 2[c-d]");
    }

    [Fact]
    public void A_new_table_that_overlaps_an_old_one_goes_down_with_it() => Check(
        "LevelZero 0:6,1 + 6:10 -> 6\nLevelZero move 0:2 -> 6",
        """
        0: 6[a-b] 5[m-n] 4[k-l] 3[g-h] 2[e-f] 1[b-c]
        6: 10[a-a]
        """);

    [Fact]
    public void A_second_job_of_level_0_waits_where_its_keys_meet_the_first()
    {
        var scenario = new PlannerScenario("""
            0: 8[a-p] 7[a-p] 6[a-p] 5[a-p] 4[q-z] 3[q-z] 2[q-z] 1[q-z]
            6: 10[o-r]
            """);
        Assert.Equal("LevelZero 0:4,3,2,1 + 6:10 -> 6", scenario.Next());
        scenario.Finish();
        Assert.Equal("LevelZero 0:8,7,6,5 + 6:110 -> 6", scenario.Next());
    }

    [Fact]
    public void Jobs_with_separate_keys_run_side_by_side() => Check(
        "LevelZero 0:4,3,2,1 + 6:11 -> 6\nLevelZero 0:8,7,6,5 + 6:10 -> 6",
        """
        0: 8[a-m] 7[a-m] 6[a-m] 5[a-m] 4[q-z] 3[q-z] 2[q-z] 1[q-z]
        6: 10[a-n] 11[o-r]
        """);

    [Fact]
    public void A_level_over_its_target_gives_the_table_that_overlaps_least() => Check(
        "Size 5:2 + 6:21 -> 6\nSize 5:3 + 6:31 -> 6",
        """
        5: 1[a-d] *100 2[e-h] *100 3[i-l] *100
        6: 11[a-b] *900 12[c-d] *100 21[e-h] *200 31[i-l] *800
        """);

    [Fact]
    public void A_table_without_overlap_moves_unless_the_level_below_that_makes_it_dear()
    {
        Check("Size move 4:1 -> 5 over 21", "4: 1[a-d] *200 2[k-l] *10\n5: 5[e-h] *100\n6: 21[a-z] *300");
        Check("Size 4:1 -> 5 over 21,22", "4: 1[a-d] *200 2[k-l] *10\n5: 5[e-h] *100\n6: 21[a-b] *300 22[c-z] *300");
    }

    [Fact]
    public void Tables_dense_in_tombstones_are_pushed_down_first()
    {
        Check("Tombstones 5:2 + 6:12 -> 6", "5: 1[a-d] 2[e-h] %60\n6: 11[a-d] 12[e-h]");
        Check("nothing", "5: 1[a-d] 2[e-h] %50\n6: 11[a-d] 12[e-h]");
        Check("Tombstones move 4:1 -> 5 over 12", "4: 1[a-d] %60\n6: 12[a-d]");
        Check("Tombstones 4:1 -> 5", "4: 1[a-d] %60\n6: 12[e-h]");
    }

    [Fact]
    public void Tombstones_at_the_bottom_are_rewritten_once_no_snapshot_keeps_them()
    {
        Check("nothing", "6: 1[a-d]@5-9 %60\noptions: snapshot 8");
        Check("Tombstones 6:1 -> 6", "6: 1[a-d]@5-9 %60\noptions: snapshot 9");
    }

    [Fact]
    public void A_dense_flush_waits_for_its_trigger_or_an_idle_time()
    {
        Check("nothing", "0: 1[a-d] %90\n6: 9[a-z]");
        Check("Tombstones 0:1 + 6:9 -> 6", "0: 1[a-d] %90\n6: 9[a-z]\noptions: idle");
    }

    [Fact]
    public void A_level_0_far_over_its_trigger_goes_before_tombstones() => Check(
        "LevelZero 0:8,7,6,5,4,3,2,1 + 5:11 -> 5 over 21\nTombstones 5:12 + 6:22 -> 6",
        """
        0: 8[a-d] 7[a-d] 6[a-d] 5[a-d] 4[a-d] 3[a-d] 2[a-d] 1[a-d]
        5: 11[a-d] 12[e-h] %90
        6: 21[a-d] 22[e-h]
        """);

    [Fact]
    public void Nothing_is_done_with_an_excluded_table_nor_past_it() => Check(
        "LevelZero 0:5,4 + 6:11 -> 6",
        """
        0: 5[e-h] 4[e-h] 3[a-d] 2[a-d] 1[a-d]
        6: 10[a-d] 11[e-h]
        options: excluded 2
        """);

    [Fact]
    public void A_request_brings_all_of_its_range_to_the_bottom_and_ends()
    {
        var scenario = new PlannerScenario("""
            0: 2[a-k] 1[c-z]
            4: 20[a-b] 21[c-d] 22[x-z]
            5: 30[a-m] 31[n-z]
            6: 40[a-f] 41[g-m] %10 42[n-s] raw 43[t-z]
            """);
        var answers = new List<string>();
        for (int round = 0; round < 20 && (answers.Count == 0 || answers[^1] != "done"); round++)
        {
            answers.Add(scenario.Request());
            scenario.Finish();
        }

        Assert.Equal("Requested 0:2,1 + 4:20,21,22 -> 4 over 30,31", answers[0].Split('\n')[0]);
        Assert.Equal("done", answers[^1]);
        Assert.True(answers.Count is > 3 and < 8, string.Join("\n--\n", answers));
    }

    [Fact]
    public void A_request_leaves_other_keys_and_newer_tables_alone()
    {
        var scenario = new PlannerScenario("0: 9[a-c]@50-60 2[a-c]@8-9\n5: 3[d-f] 4[g-i]\n6: 5[a-z]");
        Assert.Equal("Requested 5:3 + 6:5 -> 6\nwaits", scenario.Request("e-f"));
        scenario = new PlannerScenario("0: 9[a-c]@50-60\n6: 5[a-z]");
        Assert.Equal("done", scenario.Request(sequenceMax: 49));
        Assert.Equal("Requested 0:9 + 6:5 -> 6\nwaits", scenario.Request(sequenceMax: 50));
    }

    private static void Check(string expected, string scenario) => Assert.Equal(expected.Trim(), new PlannerScenario(scenario).Next());
}
