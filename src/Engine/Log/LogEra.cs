namespace Varve.Log;

/// <summary>All log segments of one open of the database. Kept in the manifest; a segment's salt follows from the era's.</summary>
internal readonly record struct LogEra(ulong Salt, long FirstSegment);

/// <summary>Where the log ended when the database was closed in order. Kept in the manifest.</summary>
internal readonly record struct LogEnd(long Segment, long ValidBytes, ulong LastSequence);
