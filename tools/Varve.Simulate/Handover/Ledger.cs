using System.IO.MemoryMappedFiles;

namespace Varve.Simulate.Handover;

/// <summary>
/// What a process of the load says of itself, in memory that it shares with the judge through a file: so it survives whatever end the
/// process comes to.
/// </summary>
internal sealed class Ledger : IDisposable
{
    public const int Workers = 3;

    private const int RolePlace = 0;
    private const int FeedPlace = 1;
    private const int LostPlace = 2;
    private const int AppendedPlace = 3;
    private const int CountedPlace = AppendedPlace + Workers;
    private const int BegunPlace = CountedPlace + Workers;
    private const int Places = BegunPlace + Workers;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public Ledger(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, mapName: null, Places * sizeof(long));
        _view = _file.CreateViewAccessor();
    }

    /// <summary>The store's role; -1 before it is open.</summary>
    public long Role
    {
        get => _view.ReadInt64(RolePlace);
        set => _view.Write(RolePlace, value);
    }

    /// <summary>Changes that its feed has shown.</summary>
    public long FeedChanges
    {
        get => this[FeedPlace];
        set => this[FeedPlace] = value;
    }

    /// <summary>How often its feed had to begin anew.</summary>
    public long FeedLosses
    {
        get => this[LostPlace];
        set => this[LostPlace] = value;
    }

    public long Counted => Enumerable.Range(0, Workers).Sum(CountedBy);

    public long Begun => Enumerable.Range(0, Workers).Sum(worker => this[BegunPlace + worker]);

    private long this[int place]
    {
        get => _view.ReadInt64(place * sizeof(long));
        set => _view.Write(place * sizeof(long), value);
    }

    /// <summary>The last row of a worker that was acknowledged.</summary>
    public long AppendedBy(int worker) => this[AppendedPlace + worker];

    public void SetAppended(int worker, long number) => this[AppendedPlace + worker] = number;

    /// <summary>How often a worker has raised the counter, as far as it knows.</summary>
    public long CountedBy(int worker) => this[CountedPlace + worker];

    public void AddCounted(int worker) => this[CountedPlace + worker]++;

    /// <summary>Before it tries; taken back when it knows that it has not.</summary>
    public void AddBegun(int worker, int number) => this[BegunPlace + worker] += number;

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
