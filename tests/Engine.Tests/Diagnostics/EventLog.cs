using System.Collections.Concurrent;
using Varve.Files;
using Varve.Native;
using Varve.Tests.Api;

namespace Varve.Tests.Diagnostics;

/// <summary>Keeps the events of a database, and lets a test wait for one.</summary>
internal sealed class EventLog
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ConcurrentQueue<DatabaseEvent> _events = [];
    private readonly SemaphoreSlim _came = new(0);

    public IReadOnlyList<DatabaseEvent> All => [.. _events];

    public IReadOnlyList<T> Of<T>()
        where T : DatabaseEvent => [.. _events.OfType<T>()];

    public void Add(DatabaseEvent happened)
    {
        _events.Enqueue(happened);
        _came.Release();
    }

    /// <summary>The first event of its kind that is as asked; waits for it.</summary>
    public T WaitFor<T>(Func<T, bool>? isAsked = null)
        where T : DatabaseEvent
    {
        while (true)
        {
            T? found = _events.OfType<T>().FirstOrDefault(isAsked ?? (static _ => true));
            if (found is not null) return found;
            Assert.True(_came.Wait(Patience), $"No {typeof(T).Name} came, but: {string.Join(" ", _events)}");
        }
    }

    /// <summary>Opens a database of tiny parts that tells its events to this log.</summary>
    public Database Open(
        IFileSystem disk, RegionPool pool, Durability durability = Durability.Buffered, bool isReadOnly = false) =>
        Database.Open(
            OptionSet.Tiny.CreateSetup(disk, "data", pool) with { OnEvent = Add },
            new DatabaseOptions { Durability = durability, Mode = isReadOnly ? OpenMode.ReadOnly : OpenMode.CreateOrOpen });
}
