using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Varve.Entries;
using Varve.Native;

namespace Varve.Reading;

/// <summary>
/// What a reader at a moment sees of a run of entries, between two bounds: of every key the newest version at or below its
/// sequence, and nothing where that is a tombstone, has expired, or is hidden by a range delete. Moves freely both ways.
/// </summary>
/// <remarks>
/// Forward the source stands on the shown entry. Backward versions come oldest first, so the one to show is known only when the
/// source has left the key: the entry is copied and the source stands before all versions of its key. Where the source is sure that the
/// key has one version only, it stands on it here too: most keys have one, and a copy costs more than the step. Of a value that stands
/// elsewhere only the place is kept, until somebody asks for it.
/// </remarks>
internal sealed unsafe class VisibleCursor : IDisposable
{
    /// <summary>Steps over versions of one key before a seek takes over.</summary>
    private const int VersionStepsMax = 16;

    /// <summary>Entries hidden by a range delete, one behind the other, before sources are asked to skip.</summary>
    private const int HiddenStepsMax = 4;

    /// <summary>Steps until they are asked again, after they could not.</summary>
    private const int HiddenStepsBetweenTriesMax = 1024;

    private readonly EntryCursor _source;
    private readonly ReadMoment _moment;
    private readonly ulong _sequence;
    private readonly byte[] _lower;
    private readonly byte[]? _upper;
    private readonly ulong _lowerHead;
    private readonly ulong _upperHead;
    private readonly RangeCover? _cover;
    private readonly int _prefixBytes;
    private readonly ulong _headBehind;
    private readonly ulong _headBefore;

    /// <summary>What shows the entry while it is not copied; by short steps it may have left the source behind.</summary>
    private EntryCursor _shown;
    private StepBounds _steps;
    private GrowingBuffer _key;
    private GrowingBuffer _value;
    private ValuePlace _valuePlace;
    private ulong _trailer;
    private ulong _expiry;
    private bool _isCopied;
    private bool _isValueElsewhere;

    /// <param name="source">Taken over.</param>
    /// <param name="moment">Versions above its sequence are not seen, nor what had expired at its time, which is fixed.</param>
    /// <param name="lower">The first full key that may be shown.</param>
    /// <param name="upper">The first full key behind those that may be shown; null: no bound.</param>
    /// <param name="cover">What range deletes hide; null: nothing.</param>
    /// <param name="prefix">What most keys begin with, that of the source if it merges; null: nothing.</param>
    public VisibleCursor(
        EntryCursor source, ReadMoment moment, byte[] lower, byte[]? upper, RangeCover? cover = null, byte[]? prefix = null)
    {
        prefix ??= [];
        _shown = source;
        _prefixBytes = prefix.Length;
        _steps = new StepBounds(prefix, moment.Sequence);
        _headBehind = cover is null ? _steps.HeadBelow(upper) : 0;
        _headBefore = cover is null ? _steps.HeadAbove(lower) : ulong.MaxValue;
        _cover = cover;
        _source = source;
        _moment = moment;
        _sequence = moment.Sequence;
        _lower = lower;
        _upper = upper;
        _lowerHead = HeadOfBound(lower);
        _upperHead = upper is null ? 0 : HeadOfBound(upper);
    }

    public bool IsValid { get; private set; }

    /// <summary>True when nobody asks for values: none is copied.</summary>
    public bool IsForKeysOnly { get; set; }

    public ReadOnlySpan<byte> Key => _isCopied ? _key.Span : _shown.KeySpan;

    /// <summary>The user's value.</summary>
    public ReadOnlySpan<byte> Value =>
        _isCopied ? GetCopiedValue() : _shown.GetValue()[Entries.Expiry.PrefixBytesOf(_shown.Trailer)..];

    public ulong Trailer => _isCopied ? _trailer : _shown.Trailer;

    /// <summary>When the trailer says that the entry expires: the moment from which it is absent.</summary>
    public ulong Expiry => _isCopied ? _expiry : ExpiryOf(_shown);

    public void SeekToFirst() => Seek(_lower);

    public void SeekToLast()
    {
        IsValid = false;
        CloseSteps();
        _cover?.Forget();
        if (_upper is null) _source.SeekToLast();
        else _source.SeekForPrevious(_upper, Entries.Trailer.Newest);
        FindBackward();
    }

    /// <summary>To the first entry at or behind the full key.</summary>
    public void Seek(ReadOnlySpan<byte> key)
    {
        IsValid = false;
        CloseSteps();
        if (key.SequenceCompareTo(_lower) < 0) key = _lower;
        _cover?.Forget();
        _source.Seek(key, Entries.Trailer.SeekAt(_sequence));
        FindForward();
    }

    /// <summary>To the last entry at or before the full key.</summary>
    public void SeekForPrevious(ReadOnlySpan<byte> key)
    {
        if (_upper is not null && key.SequenceCompareTo(_upper) >= 0)
        {
            SeekToLast();
            return;
        }

        IsValid = false;
        CloseSteps();
        _cover?.Forget();
        _source.SeekForPrevious(key, Entries.Trailer.Oldest);
        FindBackward();
    }

    public void Next()
    {
        if (_steps.HeadBehind != 0 && _shown.TryStepForward(_steps)) return;

        // Until it is found: a move that throws leaves no entry behind.
        IsValid = false;
        FollowShown();
        if (_isCopied)
        {
            // Sequences begin at 1, so nothing stands at the oldest trailer itself.
            _source.Seek(_key.Span, Entries.Trailer.Oldest);
        }
        else if (!_source.TryLeaveKey())
        {
            _key.Set(_source.KeySpan);
            LeaveKeyForward();
        }

        FindForward();
    }

    public void Previous()
    {
        if (_steps.HeadBefore != ulong.MaxValue && _shown.TryStepBackward(_steps)) return;
        IsValid = false;
        FollowShown();
        if (!_isCopied)
        {
            if (_source.IsSurelyNewest)
            {
                _source.Previous();
            }
            else
            {
                _key.Set(_source.KeySpan);
                LeaveKeyBackward();
            }
        }

        FindBackward();
    }

    /// <summary>Stands on no entry until it is sought.</summary>
    public void Leave() => IsValid = false;

    public void Dispose()
    {
        IsValid = false;
        _isCopied = false;
        _source.Dispose();
        _key.Dispose();
        _value.Dispose();
    }

    /// <summary>No short steps are made any more, and the source stands where they led.</summary>
    private void FollowShown()
    {
        CloseSteps();
        if (!_isCopied && _shown.Key != _source.Key) _source.FollowShown();
    }

    private void CloseSteps()
    {
        _steps.HeadBehind = 0;
        _steps.HeadBefore = ulong.MaxValue;
    }

    /// <summary>The source stands on the entry to show, of all entries ahead the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ShowSource()
    {
        EntryCursor shown = _source.Shown;
        if (!ReferenceEquals(shown, _shown)) _shown = shown;
        IsValid = true;
    }

    /// <summary>From where the source stands: the first entry to show.</summary>
    private void FindForward()
    {
        _isCopied = false;
        EntryCursor source = _source;
        int hidden = 0;
        int hiddenMax = HiddenStepsMax;
        while (source.IsValid && IsBelowUpper(source))
        {
            if (Entries.Trailer.Sequence(source.Trailer) > _sequence)
            {
                source.Next();
                continue;
            }

            bool isHidden = _cover is not null && _cover.AtForward(source.KeySpan) > Entries.Trailer.Sequence(source.Trailer);
            if (!isHidden && !IsAbsent(source))
            {
                ShowSource();
                _steps.HeadBehind = Math.Min(_headBehind, source.HeadOfOthersBehind(_prefixBytes));
                return;
            }

            _key.Set(source.KeySpan);
            LeaveKeyForward();
            if (!isHidden || ++hidden < hiddenMax || !source.IsValid) continue;
            hidden = 0;
            if (!SkipHiddenForward(source)) hiddenMax = Math.Min(2 * hiddenMax, HiddenStepsBetweenTriesMax);
        }

        IsValid = false;
    }

    /// <summary>From where the source stands, at the oldest version of some key: the entry to show at or before that key.</summary>
    private void FindBackward()
    {
        _isCopied = true;
        EntryCursor source = _source;
        int hidden = 0;
        int hiddenMax = HiddenStepsMax;
        while (source.IsValid && IsAtOrAboveLower(source))
        {
            // Of the key's versions the source stands at the oldest: where that is the newest too, nothing need be copied.
            if (_cover is null && source.IsSurelyNewest && Entries.Trailer.Sequence(source.Trailer) <= _sequence && !IsAbsent(source))
            {
                _isCopied = false;
                ShowSource();
                _steps.HeadBefore = Math.Max(_headBefore, source.HeadOfOthersBefore(_prefixBytes));
                return;
            }

            _key.Set(source.KeySpan);
            ulong cover = _cover is null ? 0 : _cover.AtBackward(source.KeySpan);
            bool isShown = false;
            bool isHidden = false;
            int steps = 0;
            do
            {
                if (Entries.Trailer.Sequence(source.Trailer) > _sequence || ++steps > VersionStepsMax) break;
                isHidden = Entries.Trailer.Sequence(source.Trailer) < cover;
                isShown = !isHidden && !IsAbsent(source);
                if (isShown) KeepEntry();
                source.Previous();
            }
            while (IsOnKey(source));

            if (steps > VersionStepsMax) isShown = CopyNewestVisible(cover);
            LeaveKeyBackward();
            if (isShown)
            {
                IsValid = true;
                return;
            }

            if (!isHidden || ++hidden < hiddenMax || !source.IsValid) continue;
            hidden = 0;
            if (!SkipHiddenBackward(source)) hiddenMax = Math.Min(2 * hiddenMax, HiddenStepsBetweenTriesMax);
        }

        IsValid = false;
    }

    /// <summary>
    /// Past what older sources have in the deleted interval; the newer ones may hold what was written after the delete.
    /// </summary>
    private bool SkipHiddenForward(EntryCursor source)
    {
        ulong cover = _cover!.AtForward(source.KeySpan);
        return cover > 0 && source.SkipForward(_cover.End!, cover);
    }

    private bool SkipHiddenBackward(EntryCursor source)
    {
        ulong cover = _cover!.AtBackward(source.KeySpan);
        return cover > 0 && source.SkipBackward(_cover.Start!, cover);
    }

    /// <summary>With many versions of the key at hand: seeks the one that is visible. False when it shows nothing.</summary>
    private bool CopyNewestVisible(ulong cover)
    {
        _source.Seek(_key.Span, Entries.Trailer.SeekAt(_sequence));
        bool isShown = !IsAbsent(_source) && Entries.Trailer.Sequence(_source.Trailer) > cover;
        if (isShown) KeepEntry();
        return isShown;
    }

    private void KeepEntry()
    {
        _trailer = _source.Trailer;
        _expiry = ExpiryOf(_source);
        if (IsForKeysOnly) return;
        _isValueElsewhere = _source.IsValueElsewhere;
        if (_isValueElsewhere) _valuePlace = _source.GetValuePlace();
        else _value.Set(_source.GetValue()[Entries.Expiry.PrefixBytesOf(_trailer)..]);
    }

    private ReadOnlySpan<byte> GetCopiedValue()
    {
        if (_isValueElsewhere)
        {
            _valuePlace.Source.ReadValue(_valuePlace.Offset, _value.SetLength(_valuePlace.ValueBytes));
            _isValueElsewhere = false;
        }

        return _value.Span;
    }

    /// <summary>Past the versions of the kept key that lie ahead.</summary>
    private void LeaveKeyForward()
    {
        int steps = 0;
        do
        {
            if (++steps > VersionStepsMax)
            {
                _source.Seek(_key.Span, Entries.Trailer.Oldest);
                return;
            }

            _source.Next();
        }
        while (IsOnKey(_source));
    }

    /// <summary>Before the versions of the kept key.</summary>
    private void LeaveKeyBackward()
    {
        int steps = 0;
        while (IsOnKey(_source))
        {
            if (++steps > VersionStepsMax)
            {
                _source.SeekForPrevious(_key.Span, Entries.Trailer.Newest);
                return;
            }

            _source.Previous();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsAbsent(EntryCursor source) => _moment.IsAbsent(source.Trailer, ExpiryOf(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong ExpiryOf(EntryCursor source) => Entries.Expiry.IsExpiring(source.Trailer) ? source.Expiry : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsOnKey(EntryCursor source) => source.IsValid && source.KeySpan.SequenceEqual(_key.Span);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsBelowUpper(EntryCursor source) =>
        _upper is null
        || (source.KeyLength >= sizeof(ulong) && HeadOf(source.KeySpan) < _upperHead)
        || source.KeySpan.SequenceCompareTo(_upper) < 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsAtOrAboveLower(EntryCursor source) =>
        (source.KeyLength >= sizeof(ulong) && HeadOf(source.KeySpan) > _lowerHead)
        || source.KeySpan.SequenceCompareTo(_lower) >= 0;

    /// <summary>Eight bytes of a key that has them: where two differ, the keys are in the same order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong HeadOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key);

    /// <summary>The same of a bound of any length, with zeros behind it: a longer key with other bytes there is above it.</summary>
    private static ulong HeadOfBound(byte[] bound)
    {
        Span<byte> head = stackalloc byte[sizeof(ulong)];
        head.Clear();
        bound.AsSpan(0, Math.Min(bound.Length, head.Length)).CopyTo(head);
        return HeadOf(head);
    }
}
