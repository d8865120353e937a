using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Varve.Mcp.Gateway.Worker;
using Varve.Sharing;

namespace Varve.Mcp.Gateway.Tests.Durable;

/// <summary>What is outside of a worker: effects are lines of a file, which is there also when the process is not.</summary>
/// <param name="directory">Where the file is, and what says that a call has had its end.</param>
internal sealed class World(string directory)
{
    private const string Always = "always ";
    private const string Held = "held ";

    private int _number;
    private string _point = "";
    private int _writes;

    /// <summary>The call of the moment: there is one at a time where points matter.</summary>
    public void Begin(int number, string point) => (_number, _point, _writes) = (number, point, 0);

    public int Affect(string what)
    {
        SharedLines.Add(EffectsOf(directory), what);
        return 0;
    }

    public static string EffectsOf(string directory) => Path.Combine(directory, "effects");

    /// <summary>Says that calls that are held may go on.</summary>
    public static string GateOf(string directory) => Path.Combine(directory, "gate");

    /// <summary>Kills the process where the call is to have its end, the first time; or holds it there.</summary>
    public async Task ReachAsync(string point)
    {
        if (_point == point && IsFirst()) Die();
        if (_point == Always + point) Die();
        if (_point != Held + point) return;
        Affect($"held {_number}");
        while (!File.Exists(GateOf(directory))) await Task.Delay(10);
    }

    /// <summary>Told of each write of the worker's store.</summary>
    public void Watch(bool isBehind)
    {
        int write = isBehind ? _writes : ++_writes;
        if (_point == string.Create(CultureInfo.InvariantCulture, $"{(isBehind ? "behind" : "before")} write {write}") && IsFirst()) Die();
    }

    private static void Die()
    {
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite);
    }

    private bool IsFirst()
    {
        string marker = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"died {_number}"));
        if (File.Exists(marker)) return false;
        File.WriteAllText(marker, "");
        return true;
    }
}

/// <summary>A worker's store, whose process may end before or behind each write.</summary>
internal sealed class WatchedStore(ISharedStore inner, World world) : ISharedStore, IAsyncDisposable
{
    public ValueTask<byte[]?> GetAsync(string map, ReadOnlyMemory<byte> key, CancellationToken cancellation = default) =>
        inner.GetAsync(map, key, cancellation);

    public ValueTask<StorePage> ReadRangeAsync(StoreRange range, CancellationToken cancellation = default) =>
        inner.ReadRangeAsync(range, cancellation);

    public async ValueTask<StoreOutcome> WriteAsync(StoreBatch batch, CancellationToken cancellation = default)
    {
        world.Watch(isBehind: false);
        StoreOutcome outcome = await inner.WriteAsync(batch, cancellation);
        world.Watch(isBehind: true);
        return outcome;
    }

    public async IAsyncEnumerable<ChangeBatch> ReadChangesAsync(
        StoreFeed feed, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (ChangeBatch batch in inner.ReadChangesAsync(feed, cancellation)) yield return batch;
    }

    public ValueTask<IReadOnlyList<string>> ListMapsAsync(CancellationToken cancellation = default) => inner.ListMapsAsync(cancellation);

    public ValueTask DisposeAsync() => ((SharedStore)inner).DisposeAsync();
}
