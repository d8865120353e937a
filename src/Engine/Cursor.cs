using Varve.Entries;
using Varve.Reading;

namespace Varve;

/// <summary>A position in a map, at one moment of the database, that moves freely in both directions at the same speed.</summary>
/// <remarks>
/// Made by <see cref="SortedMap.CreateCursor"/>; stands nowhere until it is sought. One thread at a time. It sees the map as it was when
/// the cursor was made and keeps the memory and files of that moment: dispose it soon.
/// </remarks>
public sealed class Cursor : IDisposable
{
    private readonly Database _database;
    private readonly MapIdentity _map;
    private readonly ReadView _view;
    private readonly VisibleCursor _visible;
    private bool _isDisposed;

    internal Cursor(Database database, MapIdentity map, ReadView pinnedView, VisibleCursor visible)
    {
        _database = database;
        _map = map;
        _view = pinnedView;
        _visible = visible;
    }

    /// <summary>True while the cursor stands on an entry.</summary>
    public bool IsValid => !_isDisposed && !_database.IsClosed && _visible.IsValid;

    /// <summary>The entry's key. Valid until the cursor moves.</summary>
    /// <exception cref="InvalidOperationException">The cursor stands on no entry.</exception>
    public ReadOnlySpan<byte> Key
    {
        get
        {
            CheckOnEntry();
            return _visible.Key[_map.Prefix.Length..];
        }
    }

    /// <summary>The entry's value. Valid until the cursor moves.</summary>
    /// <exception cref="InvalidOperationException">The cursor stands on no entry.</exception>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            CheckOnEntry();
            return _visible.Value;
        }
    }

    /// <summary>To the map's first entry; false when the map is empty.</summary>
    public bool SeekToFirst()
    {
        CheckUsable();
        _visible.SeekToFirst();
        return _visible.IsValid;
    }

    /// <summary>To the map's last entry; false when the map is empty.</summary>
    public bool SeekToLast()
    {
        CheckUsable();
        _visible.SeekToLast();
        return _visible.IsValid;
    }

    /// <summary>To the first entry at or behind the key; false when there is none.</summary>
    /// <param name="key">Any bytes, 0 to 16,384.</param>
    public bool Seek(ReadOnlySpan<byte> key)
    {
        CheckUsable();
        Limits.CheckKey(key);
        using var full = new FullKey(_map, key, stackalloc byte[FullKey.StackBytes]);
        _visible.Seek(full.Span);
        return _visible.IsValid;
    }

    /// <summary>To the last entry at or before the key; false when there is none.</summary>
    /// <param name="key">Any bytes, 0 to 16,384.</param>
    public bool SeekForPrevious(ReadOnlySpan<byte> key)
    {
        CheckUsable();
        Limits.CheckKey(key);
        using var full = new FullKey(_map, key, stackalloc byte[FullKey.StackBytes]);
        _visible.SeekForPrevious(full.Span);
        return _visible.IsValid;
    }

    /// <summary>To the next entry; false behind the last one, where the cursor then stands on no entry.</summary>
    /// <exception cref="InvalidOperationException">The cursor stands on no entry.</exception>
    public bool Next()
    {
        CheckOnEntry();
        _visible.Next();
        return _visible.IsValid;
    }

    /// <summary>To the previous entry; false before the first one, where the cursor then stands on no entry.</summary>
    /// <exception cref="InvalidOperationException">The cursor stands on no entry.</exception>
    public bool Previous()
    {
        CheckOnEntry();
        _visible.Previous();
        return _visible.IsValid;
    }

    /// <summary>Gives up the position and what it keeps.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _visible.Dispose();
        _view.Release();
    }

    private void CheckUsable()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _database.ThrowIfClosed();
    }

    private void CheckOnEntry()
    {
        CheckUsable();
        if (!_visible.IsValid) throw new InvalidOperationException("The cursor stands on no entry: seek one first, and go on only while the last move returned true.");
    }
}
