using Varve.Diagnostics;

namespace Varve.Tables;

/// <summary>
/// One table file that some <c>LevelMap</c> holds. Cheap to make: the file is opened on first use. Counted references keep it
/// alive; the last release closes it and tells the store, which deletes the file if the table is obsolete.
/// </summary>
internal sealed partial class Table
{
    private readonly TableStore _store;
    private int _references;
    private volatile bool _isObsolete;

    internal Table(TableInfo info, TableStore store)
    {
        Info = info;
        _store = store;
    }

    public TableInfo Info { get; }

    /// <summary>True once no current level map holds the table: its file goes with the last reference.</summary>
    public bool IsObsolete => _isObsolete;

    public void MarkObsolete() => _isObsolete = true;

    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        int left = Interlocked.Decrement(ref _references);
        Invariant.Holds(left >= 0);
        if (left == 0) _store.OnUnreferenced(this);
    }
}
