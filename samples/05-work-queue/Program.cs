// A queue that outlives its workers: a job is taken by a claim that ends by itself, so that the job of a dead worker waits again; a result,
// the end of its job and the end of the claim are one batch with a condition, so that no job is lost and none counts twice.
using Varve;
using Varve.Samples;

return Sample.Run(directory =>
{
    const int Jobs = 200;
    var clock = new SampleClock(new DateTimeOffset(2026, 6, 1, 8, 0, 0, TimeSpan.Zero));
    var options = new DatabaseOptions { TimeProvider = clock };
    Job slow;
    using (Database database = Database.Open(directory, options))
    {
        var queue = new WorkQueue(database);
        for (int number = 1; number <= Jobs; number++) queue.Add($"{number}", priority: number % 10 == 0 ? (byte)0 : (byte)1);
        Sample.Check("jobs", queue.Jobs, Jobs);

        // A worker takes three urgent jobs and finishes one; then the process "dies".
        Job[] taken = [queue.TryTake("first")!, queue.TryTake("first")!, queue.TryTake("first")!];
        Sample.Check("taken first", string.Join(", ", taken.Select(job => job.Text)), "10, 20, 30");
        Sample.Check("finished in time", queue.TryFinish(taken[0], result: 100), true);
        slow = taken[1];
    }

    using (Database database = Database.Open(directory, options))
    {
        // A minute later its claims have ended, without anybody's doing: 20 and 30 are the first again.
        var queue = new WorkQueue(database);
        clock.Now += TimeSpan.FromSeconds(30);
        Sample.Check("half a minute later the next is", queue.Peek(), "40");
        clock.Now += TimeSpan.FromSeconds(30);
        Sample.Check("a minute later the next is", queue.Peek(), "20");

        // Four workers empty it. None holds a lock; where two want the same job, one gets it.
        Thread[] workers = [.. Enumerable.Range(1, 4).Select(number => new Thread(() =>
        {
            while (queue.TryTake($"worker {number}") is { } job) queue.TryFinish(job, result: 10L * int.Parse(job.Text));
        }))];
        foreach (Thread worker in workers) worker.Start();
        foreach (Thread worker in workers) worker.Join();

        // The first worker was not dead, only slow: its claim is gone, and so its result does not count.
        Sample.Check("finished too late", queue.TryFinish(slow, result: -1), false);
        Sample.Check("jobs at the end", queue.Jobs, 0);
        Sample.Check("results", queue.Results, Jobs);
        Sample.Check("their sum", queue.SumOfResults, 10L * Jobs * (Jobs + 1) / 2);
    }
});

/// <summary>A job that a worker has taken, and the version of its claim.</summary>
internal sealed record Job((byte Priority, Guid Id) Key, string Text, EntryVersion Claim);

/// <summary>Jobs wait by priority, then in the order they came in: the id is a UUIDv7. A claim has its job's key.</summary>
internal sealed class WorkQueue(Database database)
{
    private static readonly TimeSpan ClaimTime = TimeSpan.FromMinutes(1);

    private readonly SortedMap<(byte Priority, Guid Id), string> _jobs =
        database.GetMap("jobs", KeyCodec.Tuple<byte, Guid>(), ValueCodec.Text);

    private readonly SortedMap<(byte Priority, Guid Id), string> _claims =
        database.GetMap("claims", KeyCodec.Tuple<byte, Guid>(), ValueCodec.Text);

    private readonly SortedMap<Guid, long> _results = database.GetMap<Guid, long>("results");

    public int Jobs => _jobs.All().Count();

    public int Results => _results.All().Count();

    public long SumOfResults => _results.All().Sum(entry => entry.Value);

    public void Add(string text, byte priority) => _jobs.Put((priority, UuidV7.Next()), text, Durability.Buffered);

    /// <summary>What would be taken next.</summary>
    public string? Peek() => _jobs.All().FirstOrDefault(job => !_claims.Contains(job.Key)).Value;

    /// <summary>The most urgent job that waits longest; null when none waits.</summary>
    public Job? TryTake(string worker)
    {
        foreach (((byte, Guid) key, string text) in _jobs.All())
        {
            // Looked at before, most claims of others cost no write. What is lost of a claim in a power cut is only that.
            if (_claims.Contains(key)) continue;
            if (!_claims.TryPutIfAbsent(key, worker, out EntryVersion claim, ClaimTime, Durability.Buffered)) continue;

            // The range shows the moment at which it began: since then another may have finished the job.
            if (_jobs.Contains(key)) return new Job(key, text, claim);
            _claims.TryDeleteIfVersion(key, claim, Durability.Buffered);
        }

        return null;
    }

    /// <summary>All or nothing, and only while the claim is this worker's. Workers that finish together share a sync.</summary>
    public bool TryFinish(Job job, long result)
    {
        using WriteBatch batch = database.CreateBatch();
        batch.RequireVersion(_claims, job.Key, job.Claim);
        batch.Delete(_jobs, job.Key);
        batch.Delete(_claims, job.Key);
        batch.Put(_results, job.Key.Id, result);
        return database.TryWrite(batch).IsCommitted;
    }
}
