namespace Varve.Cli.Tests;

/// <summary>Puts and deletes that are tied to something, and entries that end by themselves.</summary>
public sealed class ConditionalWriteTests : CliHouse
{
    [Fact]
    public void A_key_that_is_there_is_not_put_if_absent()
    {
        RunOnData("put", "k", "1", "--if-absent").Expect(ExitCode.Ok);
        Assert.Contains("'k' is there", RunOnData("put", "k", "2", "--if-absent").ExpectFailure(ExitCode.ConditionFailed).Error);
        Assert.Equal("1", RunOnData("get", "k").Expect(ExitCode.Ok).Output);
        RunOnData("delete", "k").Expect(ExitCode.Ok);
        RunOnData("put", "k", "3", "--if-absent").Expect(ExitCode.Ok);
        Assert.Equal("3", RunOnData("get", "k").Expect(ExitCode.Ok).Output);
    }

    [Fact]
    public void A_put_if_value_compares_the_whole_value()
    {
        RunOnData("put", "k", "one").Expect(ExitCode.Ok);
        foreach (string other in (string[])["", "on", "one ", "ONE"])
        {
            string error = RunOnData("put", "k", "two", "--if-value", other).ExpectFailure(ExitCode.ConditionFailed).Error;
            Assert.Contains("has another value", error);
        }

        RunOnData("put", "k", "two", "--if-value", "one").Expect(ExitCode.Ok);
        Assert.Equal("two", RunOnData("get", "k").Expect(ExitCode.Ok).Output);
        RunOnData("put", "-x", "6b", "00ff", "--if-value", "74776f").Expect(ExitCode.Ok);
        Assert.Equal([0, 255], RunOnData("get", "k").Expect(ExitCode.Ok).OutputBytes);
    }

    [Fact]
    public void Where_key_or_map_are_not_there_no_value_is_met_and_nothing_comes_into_being()
    {
        Put("m", "a");
        Assert.Contains("is not there", RunOnData("put", "k", "1", "--if-value", "").ExpectFailure(ExitCode.ConditionFailed).Error);
        RunOnData("delete", "k", "--if-value", "1").ExpectFailure(ExitCode.ConditionFailed);
        RunOnData("delete", "-m", "m", "k", "--if-value", "1").ExpectFailure(ExitCode.ConditionFailed);
        Assert.Equal(["m\t1"], RunOnData("maps", "-c").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void A_delete_if_value_leaves_another_value()
    {
        RunOnData("put", "k", "1").Expect(ExitCode.Ok);
        RunOnData("delete", "k", "--if-value", "2").ExpectFailure(ExitCode.ConditionFailed);
        Assert.Equal("1", RunOnData("get", "k").Expect(ExitCode.Ok).Output);
        RunOnData("delete", "k", "--if-value", "1").Expect(ExitCode.Ok);
        RunOnData("get", "k").ExpectFailure(ExitCode.NotFound);
    }

    [Fact]
    public void A_time_to_live_counts_from_the_put()
    {
        DateTimeOffset before = DateTimeOffset.UtcNow;
        RunOnData("put", "k", "v", "--ttl", "1h30m").Expect(ExitCode.Ok);
        DateTimeOffset after = DateTimeOffset.UtcNow;
        using Database database = Database.Open(Data);
        Assert.True(database.GetMap("default").TryGetExpiry("k"u8, out DateTimeOffset? expiry));
        Assert.InRange(expiry!.Value, before.AddMinutes(90), after.AddMinutes(90).AddMilliseconds(1));
    }

    [Theory]
    [InlineData("2099-01-31", "2099-01-31T00:00:00.000Z")]
    [InlineData("2099-01-31T12:30", "2099-01-31T12:30:00.000Z")]
    [InlineData("2099-01-31T12:30:15Z", "2099-01-31T12:30:15.000Z")]
    [InlineData("2099-01-31T12:30:15.5Z", "2099-01-31T12:30:15.500Z")]
    [InlineData("2099-01-31T12:30+02:00", "2099-01-31T10:30:00.000Z")]
    public void A_moment_is_shown_as_it_was_given(string given, string shown)
    {
        RunOnData("put", "k", "v", "--until", given).Expect(ExitCode.Ok);
        RunOnData("put", "l", "v").Expect(ExitCode.Ok);
        Assert.Equal(shown + "\n", RunOnData("get", "k", "--expiry").Expect(ExitCode.Ok).Output);
        Assert.Equal("never\n", RunOnData("get", "l", "-e").Expect(ExitCode.Ok).Output);
        string json = "{\"key\":\"k\",\"value\":\"v\",\"expiry\":\"" + shown + "\"}";
        Assert.Equal(json + "\n", RunOnData("get", "k", "-e", "-f", "json").Expect(ExitCode.Ok).Output);
        Assert.Equal([json, "{\"key\":\"l\",\"value\":\"v\"}"], RunOnData("scan", "-e", "-f", "json").Expect(ExitCode.Ok).Lines);
        Assert.Equal(["k\tv\t" + shown, "l\tv"], RunOnData("scan", "-e").Expect(ExitCode.Ok).Lines);
        Assert.Equal(["6b\t" + shown, "6c"], RunOnData("scan", "-e", "-k", "-f", "hex").Expect(ExitCode.Ok).Lines);
        Assert.Equal(["k\tv", "l\tv"], RunOnData("scan").Expect(ExitCode.Ok).Lines);
    }

    [Fact]
    public void A_moment_that_has_passed_acts_as_a_delete_and_an_expired_key_is_absent()
    {
        RunOnData("put", "k", "v").Expect(ExitCode.Ok);
        RunOnData("put", "k", "v", "--until", "2001-01-01").Expect(ExitCode.Ok);
        RunOnData("get", "k").ExpectFailure(ExitCode.NotFound);
        RunOnData("get", "k", "--expiry").ExpectFailure(ExitCode.NotFound);
        RunOnData("put", "k", "w", "--if-value", "v").ExpectFailure(ExitCode.ConditionFailed);
        RunOnData("put", "k", "w", "--if-absent", "--ttl", "1d").Expect(ExitCode.Ok);
    }

    [Theory]
    [InlineData("--ttl", "")]
    [InlineData("--ttl", "0s")]
    [InlineData("--ttl", "5")]
    [InlineData("--ttl", "5x")]
    [InlineData("--ttl", "h")]
    [InlineData("--ttl", "1.5h")]
    [InlineData("--ttl=-5s")]
    [InlineData("--ttl", "5 s")]
    [InlineData("--ttl", "99999999999999w")]
    [InlineData("--ttl", "999999999999999999999s")]
    [InlineData("--ttl", "10000000d")]
    [InlineData("--until", "tomorrow")]
    [InlineData("--until", "2030-02-30")]
    [InlineData("--until", "1969-12-31")]
    [InlineData("--until", "2030-01-01 12:00")]
    [InlineData("--until", "2030-01-01", "--ttl", "5s")]
    [InlineData("--if-absent", "--if-value", "v")]
    [InlineData("-x", "--if-value", "v")]
    public void What_is_no_time_or_no_condition_is_bad_usage_and_writes_nothing(params string[] options)
    {
        RunOnData(["put", "00", "11", .. options]).ExpectFailure(ExitCode.Usage);
        if (Directory.Exists(Data)) Assert.Empty(RunOnData("maps").Expect(ExitCode.Ok).Lines);
    }
}
