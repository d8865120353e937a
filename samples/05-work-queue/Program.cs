// A queue that outlives its workers: jobs wait in order, one that was taken and not finished comes back, and a result and the removal of
// its job are one batch, so that no job is lost and none counts twice.
using Varve;
using Varve.Samples;

return Sample.Run(directory =>
{
    const int Jobs = 200;
    using (Database database = Database.Open(directory))
    {
        var queue = new WorkQueue(database);
        for (int number = 1; number <= Jobs; number++) queue.Add($"{number}", priority: number % 10 == 0 ? (byte)0 : (byte)1);
        Sample.Check("waiting", queue.Waiting, Jobs);

        // A worker takes three urgent jobs and finishes one; then the process "dies".
        Job[] taken = [queue.TryTake()!, queue.TryTake()!, queue.TryTake()!];
        Sample.Check("taken first", string.Join(", ", taken.Select(job => job.Text)), "10, 20, 30");
        queue.Finish(taken[0], result: 100);
    }

    using (Database database = Database.Open(directory))
    {
        var queue = new WorkQueue(database);
        Sample.Check("given back", queue.GiveBackTaken(), 2);
        Sample.Check("waiting again", queue.Waiting, Jobs - 1);

        // Four workers empty it.
        Thread[] workers = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            while (queue.TryTake() is { } job) queue.Finish(job, result: 10L * int.Parse(job.Text));
        }))];
        foreach (Thread worker in workers) worker.Start();
        foreach (Thread worker in workers) worker.Join();

        Sample.Check("waiting at the end", queue.Waiting, 0);
        Sample.Check("results", queue.Results, Jobs);
        Sample.Check("their sum", queue.SumOfResults, 10L * Jobs * (Jobs + 1) / 2);
    }
});

/// <summary>A job that a worker has taken.</summary>
internal sealed record Job((byte Priority, Guid Id) Key, string Text);

/// <summary>
/// Jobs wait by priority, then in the order they came in: the id is a UUIDv7. Those that are being worked on are in a map of their own.
/// </summary>
internal sealed class WorkQueue(Database database)
{
    private readonly SortedMap<(byte Priority, Guid Id), string> _waiting =
        database.GetMap("jobs waiting", KeyCodec.Tuple<byte, Guid>(), ValueCodec.Text);

    private readonly SortedMap<(byte Priority, Guid Id), string> _taken =
        database.GetMap("jobs taken", KeyCodec.Tuple<byte, Guid>(), ValueCodec.Text);

    private readonly SortedMap<Guid, long> _results = database.GetMap<Guid, long>("results");

    private readonly Lock _taking = new();

    public int Waiting => _waiting.All().Count();

    public int Results => _results.All().Count();

    public long SumOfResults => _results.All().Sum(entry => entry.Value);

    public void Add(string text, byte priority) => _waiting.Put((priority, UuidV7.Next()), text, Durability.Buffered);

    /// <summary>The most urgent job that waits longest; null when none waits.</summary>
    public Job? TryTake()
    {
        lock (_taking)
        {
            foreach (((byte, Guid) key, string text) in _waiting.All(limit: 1))
            {
                using WriteBatch batch = database.CreateBatch();
                batch.Delete(_waiting, key);
                batch.Put(_taken, key, text);

                // What is lost of this in a power cut is only that the job was taken.
                database.Write(batch, Durability.Buffered);
                return new Job(key, text);
            }

            return null;
        }
    }

    /// <summary>All or nothing: the result is there exactly when the job is gone. Workers that finish together share a sync.</summary>
    public void Finish(Job job, long result)
    {
        using WriteBatch batch = database.CreateBatch();
        batch.Delete(_taken, job.Key);
        batch.Put(_results, job.Key.Id, result);
        database.Write(batch);
    }

    /// <summary>After a restart: what was taken and not finished waits again, in its old place.</summary>
    public int GiveBackTaken()
    {
        using WriteBatch batch = database.CreateBatch();
        foreach (((byte, Guid) key, string text) in _taken.All())
        {
            batch.Delete(_taken, key);
            batch.Put(_waiting, key, text);
        }

        database.Write(batch);
        return batch.Count / 2;
    }
}
