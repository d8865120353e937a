using System.Buffers;
using Varve.Reading;

namespace Varve;

/// <summary>A key's value where it stands in the database's memory, not copied.</summary>
/// <remarks>
/// Given by <see cref="SortedMap.Lease"/>. Dispose it once, soon: it keeps a cache block, or the memtables of its moment, from being
/// reused, and leases and cursors together may keep a quarter of the budget. Value bytes that are kept longer have undefined content.
/// </remarks>
public ref struct ValueLease
{
    private readonly Database _database;
    private readonly long _pinnedBytes;
    private ReadView? _view;
    private FoundEntry _found;
    private byte[]? _rented;

    /// <summary>Takes the pin of the view and, where one was found, the entry over.</summary>
    internal ValueLease(Database database, ReadView view, FoundEntry found, bool isFound)
    {
        _database = database;
        IsFound = isFound;
        if (!isFound)
        {
            view.Release();
            return;
        }

        _view = view;
        _found = found;
        try
        {
            if (!found.IsSeparate && !found.IsPrivate)
            {
                Value = found.InlineValue;
                _pinnedBytes = found.PinnedBytes;
            }
            else
            {
                // Bytes that would go with the pin, or are not in memory yet: a pooled array stays readable whatever happens.
                _rented = ArrayPool<byte>.Shared.Rent(found.Length);
                Span<byte> copy = _rented.AsSpan(0, found.Length);
                found.CopyTo(copy);
                Value = copy;
                _pinnedBytes = _rented.Length;
                Unpin();
            }
        }
        catch
        {
            Unpin();
            if (_rented is not null) ArrayPool<byte>.Shared.Return(_rented);
            throw;
        }

        database.CountPinnedBytes(_pinnedBytes);
    }

    /// <summary>Whether the key is present.</summary>
    public bool IsFound { get; }

    /// <summary>The value, until the lease is disposed; empty when the key is absent.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Gives the value's memory back.</summary>
    public void Dispose()
    {
        Value = default;
        if (_view is null && _rented is null) return;
        _database.CountPinnedBytes(-_pinnedBytes);
        Unpin();
        if (_rented is not null) ArrayPool<byte>.Shared.Return(_rented);
        _rented = null;
    }

    private void Unpin()
    {
        if (_view is null) return;
        _found.Dispose();
        _found = default;
        _view.Release();
        _view = null;
    }
}
