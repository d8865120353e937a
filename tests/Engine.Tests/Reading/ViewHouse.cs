using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;

namespace Varve.Tests.Reading;

/// <summary>Views over memtables and no tables.</summary>
internal sealed class ViewHouse : IDisposable
{
    private const long MemtableBytes = 64 << 10;

    private readonly RegionPool _pool = new();
    private ulong _sequence;

    public ViewHouse()
    {
        _pool.AddUser();
        Levels = LevelMap.CreateEmpty();
        Views = new ReadViews(First = MakeTable(), [], Levels, visibleSequence: 0);
        First.Release();
    }

    public ReadViews Views { get; }

    public LevelMap Levels { get; }

    /// <summary>The memtable that was active at first; the views hold it.</summary>
    public MemTable First { get; }

    /// <summary>Bytes of memtables that nobody holds any more.</summary>
    public long GivenBackBytes => _pool.IdleUsedBytes;

    /// <summary>An empty table with the maker's reference.</summary>
    public MemTable MakeTable() => new(_pool, MemtableBytes);

    /// <summary>Puts a key into the active memtable and publishes it.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Views.Unpinned.Active.Insert(key, Trailer.Pack(++_sequence, EntryKind.Value), value);
        Views.Publish(_sequence);
    }

    /// <summary>Freezes the active memtable; returns the new one, held by the views alone.</summary>
    public MemTable Rotate()
    {
        MemTable fresh = MakeTable();
        Views.Rotate(fresh);
        fresh.Release();
        return fresh;
    }

    /// <summary>As after a flush of the oldest frozen memtable, but into nothing.</summary>
    public void Flush() => Views.InstallLevels(Levels, Views.Unpinned.Frozen[^1]);

    public void Dispose()
    {
        Views.Close();
        Levels.Release();
        _pool.RemoveUser();
    }
}
