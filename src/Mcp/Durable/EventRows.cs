using System.Buffers.Binary;
using Varve.Idempotency;

namespace Varve.Mcp.Durable;

/// <summary>The keys of <c>$varve/events</c>, and of the rows by which streams expire.</summary>
internal static class EventKeys
{
    private const byte ExpiryKind = 17;

    /// <summary>The first event of a request's stream, which has no row: that of the stream says that it is there.</summary>
    public const uint Begun = 1;

    /// <summary>Where the rows of all sessions begin by which their streams expire, and the first key behind them.</summary>
    public static readonly (byte[] Start, byte[] End) AllExpiry = ([ExpiryKind], [ExpiryKind + 1]);

    /// <summary>What the keys of all streams of a session begin with.</summary>
    public static byte[] Session(string session) => new RowWriter().Text(session).ToArray();

    /// <summary>The key of a stream's own row; those of its events begin with it.</summary>
    public static byte[] Stream(string session, string stream) => new RowWriter().Text(session).Text(stream).ToArray();

    public static byte[] Event(string session, string stream, uint number) => Event(Stream(session, stream), number);

    /// <summary>The key of an event of the stream whose own row has a key.</summary>
    public static byte[] Event(ReadOnlySpan<byte> stream, uint number)
    {
        byte[] key = new byte[stream.Length + sizeof(uint)];
        stream.CopyTo(key);
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(stream.Length), number);
        return key;
    }

    /// <summary>The first key behind all that begin with the prefix, which ends in a character of ASCII.</summary>
    public static byte[] EndOf(byte[] prefix) => [.. prefix[..^1], (byte)(prefix[^1] + 1)];

    /// <summary>Whose key it is; the number is null for a stream's own row.</summary>
    public static (string Session, string Stream, uint? Number) Read(ReadOnlySpan<byte> key)
    {
        RowReader reader = new(key);
        string session = reader.Text();
        string stream = reader.Text();
        uint? number = reader.IsAtEnd ? null : reader.SortedNumber();
        if (!reader.IsWhole) reader.Throw(InternalMaps.Events);
        return (session, stream, number);
    }

    /// <summary>What the keys begin with by which a session's streams expire, the oldest first.</summary>
    public static byte[] Expiry(string session) => new RowWriter().Byte(ExpiryKind).Text(session).ToArray();

    public static byte[] Expiry(string session, long milliseconds, string stream) =>
        new RowWriter().Byte(ExpiryKind).Text(session).SortedTime(milliseconds).Text(stream).ToArray();

    /// <summary>The first key behind those of a session's streams that were to be looked at before a time.</summary>
    public static byte[] ExpiryFrom(string session, long milliseconds) =>
        new RowWriter().Byte(ExpiryKind).Text(session).SortedTime(milliseconds).ToArray();

    public static (string Session, string Stream) ReadExpiry(ReadOnlySpan<byte> key)
    {
        RowReader reader = new(key);
        reader.Byte();
        string session = reader.Text();
        reader.SortedTime();
        string stream = reader.Text();
        if (!reader.IsWhole) reader.Throw(InternalMaps.Expiry);
        return (session, stream);
    }
}

/// <summary>What the row says by which a stream expires: how the stream has ended, where it is known without looking at it.</summary>
/// <param name="Last">The number of its last event; 0: look at the stream.</param>
/// <param name="Bytes">Of keys and values of all its rows.</param>
internal readonly record struct StreamEnd(int Last, int Bytes)
{
    public byte[] Encode() => Last == 0 ? [RowWriter.Format] : RowWriter.Value().Number(Last).Number(Bytes).ToArray();

    public static StreamEnd Decode(ReadOnlySpan<byte> value)
    {
        RowReader reader = RowReader.OfValue(value);
        StreamEnd end = reader.IsAtEnd ? default : new StreamEnd(reader.Number(), reader.Number());
        if (!reader.IsWhole || (end.Last == 0 && value.Length > 1)) reader.Throw(InternalMaps.Expiry);
        return end;
    }
}

/// <summary>The stream of a request; says, too, that its first event is there.</summary>
/// <param name="Owner">The process that serves the request.</param>
/// <param name="Call">The invocation that answers it; empty where there is none, or none yet.</param>
/// <param name="RequestId">The request's id as JSON.</param>
internal sealed record StreamRow(Guid Owner, Guid Call, byte[] RequestId)
{
    public byte[] Encode() => RowWriter.Value().Id(Owner).Id(Call).Rest(RequestId).ToArray();

    public static StreamRow Decode(ReadOnlySpan<byte> value)
    {
        RowReader reader = RowReader.OfValue(value);
        StreamRow row = new(reader.Id(), reader.Id(), reader.Rest());
        if (!reader.IsWhole) reader.Throw(InternalMaps.Events);
        return row;
    }
}

/// <summary>An event of a stream.</summary>
/// <param name="IsLast">Whether it answers the stream's request: nothing follows.</param>
/// <param name="Milliseconds">When it was sent.</param>
/// <param name="Logs">How many log messages the stream has up to here.</param>
/// <param name="Chunks">How many items.</param>
/// <param name="Progress">The greatest progress that the stream has told of up to here.</param>
/// <param name="Message">The message as JSON; empty where it only carries a number.</param>
internal readonly record struct EventRow(
    bool IsLast, long Milliseconds, int Logs, int Chunks, double Progress, ReadOnlyMemory<byte> Message)
{
    private const byte LastFlag = 1;

    /// <summary>What the first event of a request's stream would have.</summary>
    public static EventRow Begun { get; } = new(false, 0, 0, 0, double.NegativeInfinity, default);

    public byte[] Encode() => RowWriter.Value().Byte(IsLast ? LastFlag : (byte)0).Time(Milliseconds).Number(Logs).Number(Chunks)
        .Float(Progress).Rest(Message.Span).ToArray();

    public static EventRow Decode(ReadOnlySpan<byte> value)
    {
        RowReader reader = RowReader.OfValue(value);
        byte flags = reader.Byte();
        EventRow row = new(flags == LastFlag, reader.Time(), reader.Number(), reader.Number(), reader.Float(), reader.Rest());
        if (!reader.IsWhole || flags > LastFlag) reader.Throw(InternalMaps.Events);
        return row;
    }
}
