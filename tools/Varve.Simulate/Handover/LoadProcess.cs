using System.Buffers.Binary;
using Varve.Sharing;

namespace Varve.Simulate.Handover;

/// <summary>
/// One of the processes that share a directory: writes all the time, checks what it reads, and follows the changes of all of them.
/// Commands come on its input: "leave" gives the directory up and takes it again, the end of the input ends it.
/// </summary>
internal sealed class LoadProcess
{
    public const string Rows = "rows";
    public const string Last = "last";
    public const string Counter = "counter";
    public const int WorkerBytes = 16 + 1;

    public static readonly byte[] CounterKey = "n"u8.ToArray();

    private const int ValueBytesMax = 2_000;

    private readonly string _directory;
    private readonly Guid _name;
    private readonly Ledger _ledger;
    private readonly CancellationTokenSource _end = new();
    private SharedStore? _store;

    private LoadProcess(string directory, Guid name)
    {
        _directory = directory;
        _name = name;
        _ledger = new Ledger(LedgerPath(directory, name));
    }

    public static string LedgerPath(string directory, Guid name) => Path.Combine(directory, $"{name:N}.ledger");

    public static SharedStoreOptions OptionsOf(string directory, Guid name) => new()
    {
        Incarnation = name,
        SocketDirectory = Path.Combine(directory, "sockets"),
        OwnerTimeout = TimeSpan.FromSeconds(60),
        Database = new DatabaseOptions { MemoryBudgetBytes = 16 << 20 },
    };

    public static string DataOf(string directory) => Path.Combine(directory, "data");

    public static byte[] WorkerKey(Guid name, int worker)
    {
        byte[] key = new byte[WorkerBytes];
        name.TryWriteBytes(key, bigEndian: true, out _);
        key[^1] = (byte)worker;
        return key;
    }

    public static async Task<int> RunAsync(string directory, Guid name)
    {
        var process = new LoadProcess(directory, name);
        try
        {
            await process.RunAsync();
            return 0;
        }
        catch (Exception failure)
        {
            await Console.Error.WriteLineAsync($"{Environment.ProcessId}: {failure}");
            return 1;
        }
    }

    private async Task RunAsync()
    {
        long[] appended = new long[Ledger.Workers];
        bool goesOn = true;
        while (goesOn)
        {
            await using (_store = await SharedStore.OpenAsync(DataOf(_directory), OptionsOf(_directory, _name)))
            {
                _store.RoleChanged += role => _ledger.Role = (long)role;
                _ledger.Role = (long)_store.Role;
                using var leave = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
                Task<bool> command = ReadCommandAsync();
                List<Task> work = [FollowAsync(leave.Token)];
                for (int worker = 0; worker < Ledger.Workers; worker++) work.Add(WorkAsync(worker, appended, leave.Token));
                Task first = await Task.WhenAny([command, .. work]);
                await leave.CancelAsync();
                await first;
                goesOn = await command;
                await Task.WhenAll(work);
            }
        }
    }

    /// <summary>False: the process is to end.</summary>
    private static Task<bool> ReadCommandAsync() => Task.Run(() => Console.ReadLine() is not null);

    private async Task WorkAsync(int worker, long[] appended, CancellationToken leave)
    {
        var random = new Random(HashCode.Combine(_name, worker));
        while (!leave.IsCancellationRequested)
        {
            if (random.Next(3) == 0) await CountAsync(worker);
            else await AppendAsync(worker, ++appended[worker], random);
        }
    }

    /// <summary>A row that nobody else writes, without a condition: a batch that came twice would show in the feeds.</summary>
    private async Task AppendAsync(int worker, long number, Random random)
    {
        byte[] name = WorkerKey(_name, worker);
        byte[] counted = Bytes(number);
        byte[] value = new byte[random.Next(ValueBytesMax)];
        var batch = new StoreBatch
        {
            Operations =
            [
                StoreOperation.Put(Rows, (byte[])[.. name, .. counted], value),
                StoreOperation.Put(Last, name, counted),
            ],
            Durability = random.Next(20) == 0 ? Durability.Synced : Durability.Buffered,
        };
        StoreOutcome outcome = await _store!.WriteAsync(batch);
        if (!outcome.IsCommitted) throw new InvalidDataException("A batch without conditions was refused.");
        _ledger.SetAppended(worker, number);
        byte[]? read = await _store.GetAsync(Last, name);
        if (read is null || !read.AsSpan().SequenceEqual(counted))
            throw new InvalidDataException($"Row {number} was acknowledged, and {Number(read)} is read.");
    }

    /// <summary>Raises a counter that all processes raise.</summary>
    private async Task CountAsync(int worker)
    {
        byte[]? before = await _store!.GetAsync(Counter, CounterKey);
        StoreCondition condition = before is null
            ? StoreCondition.Absent(Counter, CounterKey)
            : StoreCondition.Value(Counter, CounterKey, before);
        var batch = new StoreBatch
        {
            Conditions = [condition],
            Operations = [StoreOperation.Put(Counter, CounterKey, Bytes(Number(before) + 1))],
            Durability = Durability.Buffered,
        };
        _ledger.AddBegun(worker, 1);
        StoreOutcome outcome = await _store.WriteAsync(batch);
        if (outcome.IsCommitted) _ledger.AddCounted(worker);
        else _ledger.AddBegun(worker, -1);
    }

    /// <summary>Each worker's rows come once, in their order, and none is left out.</summary>
    private async Task FollowAsync(CancellationToken leave)
    {
        Dictionary<UInt128, long> seen = [];
        while (!leave.IsCancellationRequested)
        {
            try
            {
                var feed = new StoreFeed { Map = Rows, IncludeNotDurable = true };
                await foreach (ChangeBatch batch in _store!.ReadChangesAsync(feed, leave))
                {
                    foreach (Change change in batch.Changes)
                    {
                        if (change.Kind == ChangeKind.Put) Check(seen, change.Key.Span);
                    }
                }
            }
            catch (ChangeHistoryLostException)
            {
                seen.Clear();
                _ledger.FeedLosses++;
            }
            catch (OperationCanceledException) when (leave.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private void Check(Dictionary<UInt128, long> seen, ReadOnlySpan<byte> key)
    {
        UInt128 worker = BinaryPrimitives.ReadUInt128BigEndian(key) + key[WorkerBytes - 1];
        long number = BinaryPrimitives.ReadInt64BigEndian(key[WorkerBytes..]);
        if (seen.TryGetValue(worker, out long last) && number != last + 1)
            throw new InvalidDataException($"The feed shows row {number} of {worker:x32} behind {last}.");
        seen[worker] = number;
        _ledger.FeedChanges++;
    }

    public static byte[] Bytes(long number)
    {
        byte[] bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, number);
        return bytes;
    }

    public static long Number(ReadOnlySpan<byte> bytes) => bytes.Length == sizeof(long) ? BinaryPrimitives.ReadInt64BigEndian(bytes) : 0;
}
