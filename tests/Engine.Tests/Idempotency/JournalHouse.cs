using System.Text;
using Varve.Idempotency;
using Varve.Native;
using Varve.Sharing;
using Varve.Tests.Api;

namespace Varve.Tests.Idempotency;

/// <summary>A journal in a tiny database on a simulated disk, with a clock on which nobody waits.</summary>
internal sealed class JournalHouse : IDisposable
{
    private readonly RegionPool _pool = new();

    public JournalHouse()
    {
        Options = new JournalOptions { TimeProvider = Clock, Random = new Random(1) };
        Open();
    }

    public JournalClock Clock { get; } = new();

    public JournalOptions Options { get; }

    public SimulatedDisk Disk { get; private set; } = new();

    public Database Database { get; private set; } = null!;

    public WatchedStore Store { get; private set; } = null!;

    public Journal Journal { get; private set; } = null!;

    public void Dispose() => Database.Dispose();

    /// <summary>The machine stops, with everything lost that was not synced, and starts anew.</summary>
    public void Restart(CrashMode mode = CrashMode.KeepNothing, int seed = 0)
    {
        SimulatedDisk found = Disk.Crash(mode, seed);
        Database.Dispose();
        Disk = found;
        Options.Incarnation = Guid.NewGuid();
        Open();
        Database.GetMap(InternalMaps.Sessions).DeleteRange(LeaseRow.All, LeaseRow.End);
    }

    /// <summary>Whoever has the database open has found that a process is gone.</summary>
    public void EndLease(Journal journal) => Database.GetMap(InternalMaps.Sessions).Delete(LeaseRow.KeyOf(journal.Incarnation));

    /// <summary>Another journal on the same store, as another process has it. Both have leases.</summary>
    public Journal CreateNeighbour()
    {
        JournalOptions options = Options.Clone();
        options.Incarnation = Guid.NewGuid();
        SortedMap leases = Database.GetMap(InternalMaps.Sessions);
        leases.Put(LeaseRow.KeyOf(Options.Incarnation), [1]);
        leases.Put(LeaseRow.KeyOf(options.Incarnation), [1]);
        return new Journal(Store, options);
    }

    /// <summary>The journal anew, after its options were changed.</summary>
    public Journal Renew() => Journal = new Journal(Store, Options);

    public static InvocationRequest Request(
        string name = "charge", string? key = null, string arguments = "{}", string principal = "local",
        RecoveryMode recovery = RecoveryMode.Resume) => new()
        {
            Name = name,
            Arguments = Encoding.UTF8.GetBytes(arguments),
            Key = key,
            Principal = principal,
            Recovery = recovery,
        };

    /// <summary>A fresh run.</summary>
    public async Task<InvocationContext> BeginAsync(string? key = null, RecoveryMode recovery = RecoveryMode.Resume)
    {
        BeginResult begun = await Journal.BeginAsync(Request(key: key, recovery: recovery));
        Assert.Equal(BeginKind.Fresh, begun.Kind);
        return begun.Context!;
    }

    /// <summary>The one invocation that a crash has left, run again.</summary>
    public async Task<InvocationContext?> RecoverAsync()
    {
        Invocation? left = null;
        await foreach (Invocation found in Journal.ListUnfinishedAsync())
        {
            Assert.Null(left);
            left = found;
        }

        Assert.NotNull(left);
        return await Journal.RecoverAsync(left);
    }

    public async Task<List<Invocation>> ListAsync()
    {
        List<Invocation> all = [];
        await foreach (Invocation invocation in Journal.ListAsync()) all.Add(invocation);
        return all;
    }

    public string? Text(string map, string key) => Database.GetMap(map).GetText(key);

    /// <summary>Rows of the journal in all its maps; the counts are entries.</summary>
    public Dictionary<string, int> CountRows() => Database.ListMaps().Where(InternalMaps.IsInternal)
        .ToDictionary(name => name, name => CountEntries(Database.GetMap(name)));

    private static int CountEntries(SortedMap map)
    {
        int count = 0;
        foreach (Entry _ in map.All()) count++;
        return count;
    }

    private void Open()
    {
        Database = OptionSet.Tiny.Open(Disk, _pool);
        Store = new WatchedStore(new EmbeddedStore(Database));
        Journal = new Journal(Store, Options);
    }
}
