using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Varve.Sharing;

namespace Varve.Simulate.Handover;

/// <summary>
/// Real processes on one directory, of which one after the other is killed or leaves: nothing acknowledged may be lost, nothing happen
/// twice, and no feed leave anything out.
/// </summary>
internal sealed class HandoverCommand
{
    private const string ChildName = "handover-process";
    private const int CheckInterval = 25;

    private static readonly TimeSpan ProgressTimeMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(2);

    private readonly string _directory;
    private readonly Random _random;
    private readonly List<Child> _running = [];
    private readonly List<Child> _ended = [];
    private long _begunBefore;
    private long _countedBefore;
    private int _kills;
    private int _ends;
    private int _leaves;
    private long _changes;
    private long _losses;
    private long _rows;

    private HandoverCommand(string directory, int seed)
    {
        _directory = directory;
        _random = new Random(seed);
    }

    public static Command Create()
    {
        var seed = new Option<int>("--seed") { Description = "Of what is done to whom.", DefaultValueFactory = _ => 1 };
        var rounds = new Option<int>("--rounds") { Description = "How often.", DefaultValueFactory = _ => 1_000 };
        var seconds = new Option<int>("--seconds") { Description = "No new round is begun after so many; 0: no limit." };
        var processes = new Option<int>("--processes") { Description = "Processes at a time.", DefaultValueFactory = _ => 4 };
        var command = new Command("handover", "Processes that share a directory, killed and closed under load: nothing is lost or doubled.")
        {
            seed, rounds, seconds, processes,
        };
        command.SetAction(async (parsed, _) =>
        {
            string directory = Directory.CreateTempSubdirectory("varve-handover-").FullName;
            var run = new HandoverCommand(directory, parsed.GetValue(seed));
            bool isSound = await run.RunAsync(parsed.GetValue(rounds), parsed.GetValue(seconds), parsed.GetValue(processes));
            if (isSound) Directory.Delete(directory, recursive: true);
            else Console.WriteLine($"Left as it is: {directory}; seed {parsed.GetValue(seed)}");
            return isSound ? 0 : 1;
        });
        return command;
    }

    public static Command CreateChild()
    {
        var directory = new Argument<string>("directory");
        var name = new Argument<string>("name");
        var command = new Command(ChildName) { directory, name };
        command.Hidden = true;
        command.SetAction((parsed, _) => LoadProcess.RunAsync(parsed.GetValue(directory)!, Guid.Parse(parsed.GetValue(name)!)));
        return command;
    }

    private async Task<bool> RunAsync(int rounds, int seconds, int processes)
    {
        Stopwatch watch = Stopwatch.StartNew();
        int round = 0;
        try
        {
            for (int i = 0; i < processes; i++) Start();
            await WaitForProgressAsync();
            while (round < rounds && (seconds == 0 || watch.Elapsed.TotalSeconds < seconds))
            {
                round++;
                await DisturbAsync();
                await WaitForProgressAsync();
                if (round % CheckInterval == 0) await JudgeAsync();
            }

            await JudgeAsync();
            Print(round, watch.Elapsed);
            return true;
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException or TimeoutException)
        {
            Console.WriteLine($"round {round}: {failure}");
            return false;
        }
        finally
        {
            foreach (Child child in _running) child.Process.Kill();
            foreach (Child child in _running.Concat(_ended)) child.Dispose();
        }
    }

    private void Print(int rounds, TimeSpan time) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"handover: {rounds:N0} rounds in {time.TotalSeconds:N0} s ({_kills:N0} kills, {_ends:N0} ends, {_leaves:N0} leaves), "
        + $"{_rows:N0} rows and {_countedBefore:N0} counts acknowledged, {_changes:N0} changes in feeds, "
        + $"{_losses:N0} histories lost, 0 failed"));

    private void Start()
    {
        var child = new Child(_directory);
        _running.Add(child);
    }

    /// <summary>Mostly the owner; mostly by a kill.</summary>
    private async Task DisturbAsync()
    {
        Child? owner = _running.Find(child => child.Ledger.Role == (long)StoreRole.Owner);
        Child victim = owner is not null && _random.Next(4) > 0 ? owner : _running[_random.Next(_running.Count)];
        await Task.Delay(_random.Next(20));
        int way = _random.Next(6);
        if (way == 0)
        {
            _leaves++;
            await victim.Process.StandardInput.WriteLineAsync("leave");
            return;
        }

        _running.Remove(victim);
        _ended.Add(victim);
        if (way == 1)
        {
            _ends++;
            victim.Process.StandardInput.Close();
            Start();
            await victim.Process.WaitForExitAsync().WaitAsync(ProgressTimeMax);
            if (victim.Process.ExitCode != 0) throw new InvalidDataException(await victim.ReadErrorAsync());
            return;
        }

        _kills++;
        victim.Process.Kill();
        Start();
        await victim.Process.WaitForExitAsync();
    }

    /// <summary>Every process that runs has a write of its own acknowledged.</summary>
    private async Task WaitForProgressAsync()
    {
        Stopwatch watch = Stopwatch.StartNew();
        Dictionary<Child, long> before = _running.ToDictionary(child => child, child => child.Appended);
        while (_running.Any(child => child.Appended <= before[child]))
        {
            foreach (Child child in _running)
            {
                if (child.Process.HasExited) throw new InvalidDataException(await child.ReadErrorAsync());
            }

            if (watch.Elapsed > ProgressTimeMax)
            {
                string stuck = string.Join(", ", _running.Where(child => child.Appended <= before[child])
                    .Select(child => $"{child.Process.Id} ({(StoreRole)child.Ledger.Role})"));
                throw new TimeoutException($"No progress: {stuck}");
            }

            await Task.Delay(Poll);
        }
    }

    /// <summary>Looks at what there is as one more process, and compares it with what was acknowledged.</summary>
    private async Task JudgeAsync()
    {
        SharedStoreOptions options = LoadProcess.OptionsOf(_directory, Guid.NewGuid());
        options.MayOwn = false;
        await using SharedStore store = await SharedStore.OpenAsync(LoadProcess.DataOf(_directory), options);
        foreach (Child child in _ended)
        {
            for (int worker = 0; worker < Ledger.Workers; worker++) await JudgeRowsAsync(store, child, worker);
            _begunBefore += child.Ledger.Begun;
            _countedBefore += child.Ledger.Counted;
            _changes += child.Ledger.FeedChanges;
            _losses += child.Ledger.FeedLosses;
            child.Dispose();
        }

        _ended.Clear();
        long countedMin = _countedBefore + _running.Sum(child => child.Ledger.Counted);
        long counter = LoadProcess.Number(await store.GetAsync(LoadProcess.Counter, LoadProcess.CounterKey));
        long begunMax = _begunBefore + _running.Sum(child => child.Ledger.Begun);
        if (counter < countedMin || counter > begunMax)
            throw new InvalidDataException($"The counter is {counter}; {countedMin} to {begunMax} were counted.");
        await JudgeLeasesAsync(store);
    }

    /// <summary>The rows of a worker that has ended: all that were acknowledged, and at most one that was under way.</summary>
    private async Task JudgeRowsAsync(SharedStore store, Child child, int worker)
    {
        byte[] name = LoadProcess.WorkerKey(child.Name, worker);
        long acknowledged = child.Ledger.AppendedBy(worker);
        long last = LoadProcess.Number(await store.GetAsync(LoadProcess.Last, name));
        if (last < acknowledged || last > acknowledged + 1)
            throw new InvalidDataException($"Worker {worker} of {child.Name}: {acknowledged} acknowledged, {last} found.");
        long rows = 0;
        byte[] end = [.. name, 0xFF];
        byte[]? start = name;
        while (start is not null)
        {
            var range = new StoreRange { Map = LoadProcess.Rows, Start = start, End = end, Limit = 1_000 };
            StorePage page = await store.ReadRangeAsync(range);
            rows += page.Entries.Count;
            start = page.NextKey;
        }

        if (rows != last) throw new InvalidDataException($"Worker {worker} of {child.Name}: {rows} rows, and the last is {last}.");
        _rows += rows;
        StoreOperation[] clean =
        [
            StoreOperation.DeleteRange(LoadProcess.Rows, name, end), StoreOperation.Delete(LoadProcess.Last, name),
        ];
        await store.WriteAsync(new StoreBatch { Operations = clean, Durability = Durability.Buffered });
    }

    /// <summary>Leases are those of the processes that run, in the end.</summary>
    private async Task JudgeLeasesAsync(SharedStore store)
    {
        Stopwatch watch = Stopwatch.StartNew();
        HashSet<Guid> expected = [.. _running.Select(child => child.Name), store.Incarnation];
        while (true)
        {
            var range = new StoreRange { Map = "$varve/sessions", Start = "l"u8.ToArray(), End = "m"u8.ToArray(), Limit = 1_000 };
            StorePage page = await store.ReadRangeAsync(range);
            HashSet<Guid> held = [.. page.Entries.Select(row => new Guid(row.Key.Span[1..], bigEndian: true))];
            if (held.SetEquals(expected)) return;
            if (watch.Elapsed > ProgressTimeMax)
            {
                string extra = string.Join(", ", held.Except(expected));
                throw new TimeoutException($"Leases of {extra} are too many, of {string.Join(", ", expected.Except(held))} missing.");
            }

            await Task.Delay(Poll);
        }
    }

    private sealed class Child : IDisposable
    {
        public Child(string directory)
        {
            Name = Guid.NewGuid();
            Ledger = new Ledger(LoadProcess.LedgerPath(directory, Name));
            Process = SelfProcess.Start(ChildName, directory, Name.ToString());
        }

        public Guid Name { get; }

        public Ledger Ledger { get; }

        public Process Process { get; }

        public long Appended => Enumerable.Range(0, Ledger.Workers).Sum(Ledger.AppendedBy);

        public async Task<string> ReadErrorAsync() =>
            $"Process {Process.Id} has ended by itself, {Process.ExitCode}: {await Process.StandardError.ReadToEndAsync()}";

        public void Dispose()
        {
            Ledger.Dispose();
            Process.Dispose();
        }
    }
}
