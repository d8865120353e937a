namespace Varve.Log;

/// <summary>A segment for those who read the log beside its writer.</summary>
/// <param name="Number">Higher than that of every segment before it.</param>
/// <param name="Path">The slot; it may be given to another segment at any time, whose salt is another.</param>
/// <param name="Salt">Of its frames.</param>
/// <param name="FirstSequence">Of the first record that begins in it.</param>
/// <param name="StartSequence">Who has everything up to it can go on with this segment: nothing was written between.</param>
/// <param name="ValidBytes">Where its last whole frame ends; grows while it is being written.</param>
/// <param name="IsRetired">Nothing but the change feed needs it.</param>
internal readonly record struct ReadableSegment(
    long Number, string Path, ulong Salt, ulong FirstSequence, ulong StartSequence, long ValidBytes, bool IsRetired);
