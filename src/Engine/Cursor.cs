using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Varve.Diagnostics;
using Varve.Entries;
using Varve.Reading;

namespace Varve;

/// <summary>A position in a map, at one moment of the database, that moves freely in both directions at the same speed.</summary>
/// <remarks>
/// Made by <see cref="SortedMap.CreateCursor"/>; stands nowhere until it is sought. One thread at a time. It sees the map as it was when
/// the cursor was made: old versions that it can see are kept until it is disposed. A move that throws leaves it on no entry; a seek to
/// what can be read is possible then.
/// </remarks>
public sealed class Cursor : IDisposable
{
    private readonly Database _database;
    private readonly ReadViews _views;
    private readonly MapIdentity _map;
    private readonly int _prefixBytes;
    private readonly ScanBounds _bounds;
    private readonly SnapshotList.Registration _moment;
    private ReadView _view;
    private ReadView _lastSeenView;
    private VisibleCursor _visible;
    private bool _isDisposed;

    /// <summary>Takes the pin of the view and the registered moment over.</summary>
    internal Cursor(Database database, MapIdentity map, ScanBounds bounds, ReadView view, SnapshotList.Registration moment)
    {
        _database = database;
        _views = database.Views;
        _map = map;
        _prefixBytes = map.Prefix.Length;
        _bounds = bounds;
        _moment = moment;
        _visible = ScanSources.Open(view, moment.Moment, bounds);
        _view = _lastSeenView = view;
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
            return _visible.Key[_prefixBytes..];
        }
    }

    /// <summary>The entry's value. Valid until the cursor moves. A value over 16 KiB is read here, not by the move.</summary>
    /// <exception cref="CorruptDataException">The value is damaged; the cursor stays on the entry and can go on.</exception>
    /// <exception cref="InvalidOperationException">The cursor stands on no entry.</exception>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            CheckOnEntry();
            return _visible.Value;
        }
    }

    /// <summary>When the entry expires; null when it never does.</summary>
    /// <exception cref="InvalidOperationException">The cursor stands on no entry.</exception>
    public DateTimeOffset? Expiry
    {
        get
        {
            CheckOnEntry();
            return ExpiryTime.ToDate(_visible.Trailer, _visible.Expiry);
        }
    }

    /// <summary>The entry's version, for conditions on it.</summary>
    /// <exception cref="InvalidOperationException">The cursor stands on no entry.</exception>
    public EntryVersion Version
    {
        get
        {
            CheckOnEntry();
            return new EntryVersion(Trailer.Sequence(_visible.Trailer));
        }
    }

    /// <summary>To the map's first entry; false when the map is empty.</summary>
    /// <exception cref="CorruptDataException">A file that the move needs is damaged.</exception>
    public bool SeekToFirst()
    {
        CheckUsable();
        FollowView(keepsPosition: false);
        _visible.SeekToFirst();
        return _visible.IsValid;
    }

    /// <summary>To the map's last entry; false when the map is empty.</summary>
    /// <exception cref="CorruptDataException">A file that the move needs is damaged.</exception>
    public bool SeekToLast()
    {
        CheckUsable();
        FollowView(keepsPosition: false);
        _visible.SeekToLast();
        return _visible.IsValid;
    }

    /// <summary>To the first entry at or behind the key; false when there is none.</summary>
    /// <param name="key">Any bytes, 0 to 16,384.</param>
    /// <exception cref="CorruptDataException">A file that the move needs is damaged.</exception>
    [SkipLocalsInit]
    public bool Seek(ReadOnlySpan<byte> key)
    {
        CheckUsable();
        Limits.CheckKey(key);
        using var full = new FullKey(_map, key, stackalloc byte[FullKey.StackBytes]);
        FollowView(keepsPosition: false);
        _visible.Seek(full.Span);
        return _visible.IsValid;
    }

    /// <summary>To the last entry at or before the key; false when there is none.</summary>
    /// <param name="key">Any bytes, 0 to 16,384.</param>
    /// <exception cref="CorruptDataException">A file that the move needs is damaged.</exception>
    [SkipLocalsInit]
    public bool SeekForPrevious(ReadOnlySpan<byte> key)
    {
        CheckUsable();
        Limits.CheckKey(key);
        using var full = new FullKey(_map, key, stackalloc byte[FullKey.StackBytes]);
        FollowView(keepsPosition: false);
        _visible.SeekForPrevious(full.Span);
        return _visible.IsValid;
    }

    /// <summary>To the next entry; false behind the last one, where the cursor then stands on no entry.</summary>
    /// <exception cref="InvalidOperationException">The cursor stands on no entry.</exception>
    /// <exception cref="CorruptDataException">A file that the move needs is damaged.</exception>
    public bool Next()
    {
        CheckOnEntry();
        FollowView(keepsPosition: true);
        _visible.Next();
        return _visible.IsValid;
    }

    /// <summary>To the previous entry; false before the first one, where the cursor then stands on no entry.</summary>
    /// <exception cref="InvalidOperationException">The cursor stands on no entry.</exception>
    /// <exception cref="CorruptDataException">A file that the move needs is damaged.</exception>
    public bool Previous()
    {
        CheckOnEntry();
        FollowView(keepsPosition: true);
        _visible.Previous();
        return _visible.IsValid;
    }

    /// <summary>From now on nobody asks for values, so none is copied.</summary>
    internal void LeaveOutValues() => _visible.IsForKeysOnly = true;

    /// <summary>Gives up the position and what it keeps.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _visible.Dispose();
        _view.Release();
        _database.ReturnMoment(_moment);
    }

    /// <summary>
    /// Goes on in the current view, at the same moment, once the memtable of the old view is in tables: else every slow cursor would keep a
    /// memtable of its own. A step needs the position too; a seek does not, and must not fail for damage there.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FollowView(bool keepsPosition)
    {
        ReadView current = _views.Unpinned;
        if (!ReferenceEquals(current, _lastSeenView)) SeeView(current, keepsPosition);
    }

    private void SeeView(ReadView current, bool keepsPosition)
    {
        if (_view.IsOutlivedBy(current)) MoveToCurrentView(keepsPosition);
        _lastSeenView = current;
    }

    private void MoveToCurrentView(bool keepsPosition)
    {
        ReadView view = _views.Pin();
        VisibleCursor? visible = null;
        try
        {
            visible = ScanSources.Open(view, _moment.Moment, _bounds);
            visible.IsForKeysOnly = _visible.IsForKeysOnly;
            if (keepsPosition)
            {
                visible.Seek(_visible.Key);
                Invariant.Holds(visible.IsValid && visible.Key.SequenceEqual(_visible.Key));
            }
        }
        catch
        {
            visible?.Dispose();
            view.Release();
            _visible.Leave();
            throw;
        }

        _visible.Dispose();
        _view.Release();
        _visible = visible;
        _view = view;
    }

    private void CheckUsable()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _database.ThrowIfClosed();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckOnEntry()
    {
        // Once disposed it stands on no entry either.
        if (!_visible.IsValid || _database.IsClosed) ThrowOffEntry();
    }

    [DoesNotReturn]
    private void ThrowOffEntry()
    {
        CheckUsable();
        throw new InvalidOperationException(
            "The cursor stands on no entry: seek one first, and go on only while the last move returned true.");
    }
}
