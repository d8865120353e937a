namespace Varve.Sharing;

/// <summary>What a frame is: docs/formats/sharing.md. Sent between processes: never renumber.</summary>
internal enum FrameKind : byte
{
    Hello = 1,
    Get = 2,
    Range = 3,
    Write = 4,
    Feed = 5,
    Maps = 6,
    Cancel = 7,
    Credit = 8,
    Ping = 9,

    Welcome = 65,
    Refusal = 66,
    Value = 67,
    Absent = 68,
    Page = 69,
    Outcome = 70,
    Changes = 71,
    Position = 72,
    MapNames = 73,
    Failure = 74,
    Pong = 75,
}

/// <summary>Numbers that both sides of the protocol keep to.</summary>
internal static class SharingProtocol
{
    public const int Version = 1;

    /// <summary>"VARV", so that a frame that is no hello is told from one of another version.</summary>
    public const uint Magic = 0x56524156;

    /// <summary>Bytes before the body: the length of what follows it, the kind, the request.</summary>
    public const int HeaderBytes = LengthBytes + KindAndRequestBytes;

    public const int LengthBytes = sizeof(uint);

    public const int KindAndRequestBytes = sizeof(byte) + sizeof(uint);

    /// <summary>The largest frame before the hello is accepted.</summary>
    public const int HelloBytesMax = 1 << 10;

    /// <summary>The largest answer: a value of 64 MiB, or a page of 16 MiB whose entries are tiny, and what is around them.</summary>
    public const int AnswerBytesMax = 96 << 20;

    /// <summary>Bytes of change frames that may be on their way to a reader that takes none.</summary>
    public const int FeedWindowBytes = 4 << 20;

    /// <summary>The largest frame that an owner takes: a batch of the most entries and conditions, with the lengths around them.</summary>
    public static int RequestBytesMax(Limits limits) => (int)Math.Min(1L << 30, (limits.BatchBytesMax / 4 * 9) + (1 << 20));
}
