using System.Runtime.CompilerServices;

namespace Varve.Entries;

/// <summary>
/// A position in a sorted run of entries, the contract of every source a merge reads. While <see cref="IsValid"/>, the fields show
/// the entry; their memory stays as it is until the cursor moves or is disposed. Moves go freely in both directions; moving an
/// invalid cursor is not allowed, seeking it is. A move that throws leaves the cursor invalid. One thread at a time.
/// </summary>
/// <remarks>The entry is in fields, not behind properties: a merge compares them without a call.</remarks>
internal abstract unsafe class EntryCursor : IDisposable
{
    /// <summary>False before the first seek and past either end.</summary>
    public bool IsValid;

    public byte* Key;

    public int KeyLength;

    public ulong Trailer;

    /// <summary>
    /// The stored value; what it means is said by the trailer's kind. The expiry of an expiring entry stands here even while the value
    /// is elsewhere.
    /// </summary>
    public byte* Value;

    public int ValueLength;

    /// <summary>True while the value has its length but no bytes here: <see cref="LoadValue"/> brings them.</summary>
    public bool IsValueElsewhere;

    public ReadOnlySpan<byte> KeySpan => new(Key, KeyLength);

    /// <summary>The moment from which an expiring entry is absent. Never reads a value.</summary>
    public ulong Expiry => Entries.Expiry.Read(new ReadOnlySpan<byte>(Value, Entries.Expiry.PrefixBytes));

    /// <summary>The stored value, brought here first where it stands elsewhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> GetValue()
    {
        if (IsValueElsewhere) LoadValue();
        return new ReadOnlySpan<byte>(Value, ValueLength);
    }

    /// <summary>Brings the bytes of a value that stands elsewhere; they stay until the cursor moves.</summary>
    public virtual void LoadValue()
    {
    }

    /// <summary>
    /// Where a user's value stands that is elsewhere: it can be read from there when the cursor has moved on.
    /// </summary>
    public virtual ValuePlace GetValuePlace() => throw new InvalidOperationException("This cursor has all its values at hand.");

    public abstract void SeekToFirst();

    public abstract void SeekToLast();

    /// <summary>To the first entry at or behind (key, trailer) in entry order.</summary>
    public abstract void Seek(ReadOnlySpan<byte> key, ulong trailer);

    /// <summary>To the last entry at or before (key, trailer) in entry order.</summary>
    public abstract void SeekForPrevious(ReadOnlySpan<byte> key, ulong trailer);

    public abstract void Next();

    public abstract void Previous();

    /// <summary>
    /// The cursor that shows the entry, of those that this one is made of: it has the same in its fields. While it makes short steps
    /// (<see cref="TryStepForward"/>), this one knows nothing of them and is not to be asked or moved: <see cref="FollowShown"/> comes
    /// first, or a seek.
    /// </summary>
    public virtual EntryCursor Shown => this;

    /// <summary>Takes over where the shown cursor has gone by short steps.</summary>
    public virtual void FollowShown()
    {
    }

    /// <summary>
    /// After a move forward: entries of the shown cursor whose heads (<see cref="StepBounds"/>) are below it come before all of the others.
    /// </summary>
    /// <param name="prefixBytes">Of the prefix behind which heads begin.</param>
    public virtual ulong HeadOfOthersBehind(int prefixBytes) => ulong.MaxValue;

    /// <summary>After a move backward: entries with heads above it come behind all of the others.</summary>
    /// <inheritdoc cref="HeadOfOthersBehind" path="/param"/>
    public virtual ulong HeadOfOthersBefore(int prefixBytes) => 0;

    /// <summary>
    /// A step to the next entry that costs little: taken where it is sure that this one has another key and is to be shown; else the cursor
    /// stays, and says false.
    /// </summary>
    public virtual bool TryStepForward(in StepBounds bounds) => false;

    /// <summary>The same backward, from an entry that is the only version of its key; so is the one it comes to.</summary>
    public virtual bool TryStepBackward(in StepBounds bounds) => false;

    /// <summary>
    /// True when the cursor is sure that the key has no newer version than the one shown. False says nothing.
    /// </summary>
    public virtual bool IsSurelyNewest => false;

    /// <summary>
    /// Moves to the next entry where the cursor is sure that it has another key; else stays, and says false.
    /// </summary>
    public virtual bool TryLeaveKey() => false;

    /// <summary>
    /// From an entry before <paramref name="end"/>: may go forward, over entries before the end whose sequences are below the cover, all
    /// at once. Stays, and says false, where it cannot be sure of them.
    /// </summary>
    public virtual bool SkipForward(ReadOnlySpan<byte> end, ulong cover) => false;

    /// <summary>The same backward, from an entry at or behind <paramref name="start"/>.</summary>
    public virtual bool SkipBackward(ReadOnlySpan<byte> start, ulong cover) => false;

    public abstract void Dispose();
}
