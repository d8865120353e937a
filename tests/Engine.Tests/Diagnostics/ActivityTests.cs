using System.Collections.Concurrent;
using System.Diagnostics;
using Varve.Native;
using Varve.Tests.Api;
using Varve.Tests.House;

namespace Varve.Tests.Diagnostics;

/// <summary>What is traced.</summary>
public sealed class ActivityTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();
    private readonly ConcurrentQueue<Activity> _ended = [];
    private readonly ActivityListener _listener;
    private readonly ActivitySource _caller = new("a caller of " + nameof(ActivityTests));

    public ActivityTests()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == VarveDiagnostics.ActivitySourceName || source == _caller,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    [Fact]
    public void Long_work_is_traced_with_its_directory()
    {
        Run("traced");
        string page = File.ReadAllText(Repository.PathOf("docs", "observability.md"));
        foreach (string name in (string[])["varve.open", "varve.replay", "varve.flush", "varve.compaction", "varve.verify"])
        {
            Activity activity = Of("traced", name)[0];
            Assert.Equal(ActivityStatusCode.Unset, activity.Status);
            Assert.Contains($"| `{name}` |", page);
            foreach (KeyValuePair<string, object?> tag in activity.TagObjects) Assert.Contains($"`{tag.Key}`", page);
        }

        Assert.True((long)Of("traced", "varve.flush")[0].GetTagItem("varve.written_bytes")! > 0);
        Assert.True(Of("traced", "varve.compaction")[^1].GetTagItem("varve.reason") is "Requested" or "LevelZero");
        Assert.Contains(Of("traced", "varve.replay"), activity => activity.Parent?.OperationName == "varve.open");
    }

    [Fact]
    public void The_engines_own_threads_are_no_part_of_the_activity_that_opened_the_database()
    {
        using (Activity? caller = _caller.StartActivity("a request"))
        {
            Assert.NotNull(caller);
            Run("orphaned");
            Assert.All(Of("orphaned", "varve.open"), activity => Assert.Equal(caller.Id, activity.ParentId));
        }

        Assert.All(Of("orphaned", "varve.flush"), activity => Assert.Null(activity.ParentId));
        Assert.All(Of("orphaned", "varve.compaction"), activity => Assert.Null(activity.ParentId));
    }

    [Fact]
    public void What_fails_says_so()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool, directory: "failing");
        database.GetMap("m").Put("k"u8, "v"u8);
        _disk.Faults = FaultPlan.Matching(
            call => call.Path.EndsWith(".table", StringComparison.Ordinal) && call.Operation == DiskOperation.Write,
            Fault.Error(Errors.InputOutput));
        Assert.Throws<StorageException>(database.Flush);
        Activity failed = Of("failing", "varve.flush")[0];
        Assert.Equal(ActivityStatusCode.Error, failed.Status);
        Assert.Contains("pwrite", failed.StatusDescription);

        Assert.Throws<DatabaseLockedException>(() => OptionSet.Tiny.Open(_disk, _pool, directory: "failing"));
        Assert.Equal(ActivityStatusCode.Error, Of("failing", "varve.open")[^1].Status);
    }

    public void Dispose()
    {
        _listener.Dispose();
        _caller.Dispose();
    }

    private List<Activity> Of(string directory, string name) =>
    [
        .. _ended.Where(activity =>
            activity.OperationName == name && Equals(activity.GetTagItem(VarveDiagnostics.DirectoryTag), directory)),
    ];

    private void Run(string directory)
    {
        using (Database database = OptionSet.Tiny.Open(_disk, _pool, directory: directory))
        {
            for (int i = 0; i < 100; i++) database.GetMap("m").Put(BitConverter.GetBytes(i), new byte[100]);
            database.Flush();
            for (int i = 0; i < 100; i++) database.GetMap("m").Put(BitConverter.GetBytes(i), new byte[100]);
            database.Compact();
            Assert.True(database.Verify().IsSound);
        }

        OptionSet.Tiny.Open(_disk, _pool, directory: directory).Close();
    }
}
