using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Varve.Workloads.Peers;

namespace Varve.Workloads.Loads;

/// <summary>
/// What an open finds after a kill -9. A child puts about 64 MB into an empty store that holds it all in memory and log, and is killed.
/// It has four times the budget: a memtable that is flushed on the way would leave a part of the log only.
/// </summary>
internal static class KilledWriter
{
    private const string ChildName = "recovery-load";
    private const string Ready = "ready";
    private const long LogBytes = 64_000_000;
    private const int EntriesOfBatch = 100;
    private const int BudgetFactor = 4;

    private static readonly TimeSpan KillWait = TimeSpan.FromMinutes(2);

    /// <summary>Gets the last entries that were acknowledged: the recovery is over when they are there.</summary>
    public static long GetLast(Load load)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        byte[] value = new byte[load.Keys.ValueBytes];
        long count = CountOf(load.Keys);
        for (long place = Math.Max(0, count - EntriesOfBatch); place < count; place++)
        {
            long number = load.Keys.Shuffled(place);
            KeySpace.WriteKey(key, number);
            if (load.Store.Get(key, value) != value.Length || KeySpace.NumberOf(value) != number)
                load.ThrowWrong($"key {number} was acknowledged and is lost.");
        }

        return 1;
    }

    /// <exception cref="InvalidOperationException">The child ended before it was killed.</exception>
    public static void FillAndKill(Peer peer, WorkloadSizes sizes, string directory)
    {
        using Process child = ChildProcess.Start(
        [
            ChildName, "--peer", peer.Name, "--directory", directory, "--num", Text(sizes.Entries),
            "--value-bytes", Text(sizes.ValueBytes), "--budget", Text(sizes.BudgetBytes), "--seed", Text(sizes.Seed),
        ]);
        string? said = child.StandardOutput.ReadLine();
        child.Kill();
        child.WaitForExit();
        if (said != Ready) throw new InvalidOperationException($"{peer.Name}: the writer that was to be killed did not get ready.");
    }

    public static Command CreateCommand(WorkloadOptions options)
    {
        var command = new Command(ChildName, "The child that recovery kills.")
        {
            options.Peer, options.Directory, options.Number, options.ValueBytes, options.Budget, options.Seed,
        };
        command.SetAction(parsed =>
        {
            var keys = new KeySpace(parsed.GetValue(options.Number), parsed.GetValue(options.ValueBytes), parsed.GetValue(options.Seed));
            long budgetBytes = BudgetFactor * ByteSize.Parse(parsed.GetValue(options.Budget)!);
            Store store = Peer.Named(parsed.GetValue(options.Peer)!)
                .Open(new StoreOptions(parsed.GetValue(options.Directory)!, budgetBytes, KeepsLog: true));
            Fill(store, keys);
            Console.WriteLine(Ready);
            Thread.Sleep(KillWait);
            return 1;
        });
        return command;
    }

    private static void Fill(Store store, KeySpace keys)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        byte[] value = new byte[keys.ValueBytes];
        long count = CountOf(keys);
        for (long place = 0; place < count; place++)
        {
            long number = keys.Shuffled(place);
            KeySpace.WriteKey(key, number);
            keys.WriteValue(value, number);
            store.Put(key, value);
        }
    }

    private static long CountOf(KeySpace keys) => Math.Min(keys.Count, LogBytes / (KeySpace.KeyBytes + keys.ValueBytes));

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
