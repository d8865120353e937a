using System.Buffers.Binary;
using System.Text;
using Varve.Idempotency;
using Varve.Mcp.Sessions;

namespace Varve.Mcp.Durable;

/// <summary>The keys of <c>$varve/events</c>.</summary>
internal static class EventKeys
{
    /// <summary>The first event of a request's stream, which has no row: that of the stream says that it is there.</summary>
    public const uint Begun = 1;

    /// <summary>The next one, which has none either where it is the answer: that stands in the stream's row.</summary>
    public const uint FirstAnswer = Begun + 1;

    /// <summary>What the keys of all streams of a session begin with.</summary>
    public static byte[] Session(string session) => new RowWriter().Text(session).ToArray();

    /// <summary>The first key of the streams of a session's requests that begin at a time or later.</summary>
    public static byte[] StreamsFrom(string session, long milliseconds)
    {
        byte[] name = Encoding.ASCII.GetBytes(EventIds.NewStreamsFrom(milliseconds));
        return new RowWriter().Text(session).Number(EventIds.NewStreamCharacters).Rest(name).ToArray();
    }

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
}

/// <summary>The stream of a request; says, too, that its first event is there.</summary>
/// <param name="Owner">The process that serves the request.</param>
/// <param name="Call">The invocation that answers it; empty where there is none, or none yet.</param>
/// <param name="RequestJson">The request's id as JSON.</param>
/// <param name="Answer">The last event, where it is the only one but for the first; else null.</param>
internal sealed record StreamRow(Guid Owner, Guid Call, ReadOnlyMemory<byte> RequestJson, EventRow? Answer = null)
{
    public byte[] Encode()
    {
        RowWriter row = RowWriter.Value().Id(Owner).Id(Call).Number(RequestJson.Length).Rest(RequestJson.Span);
        return Answer is { } answer ? row.Time(answer.Milliseconds).Rest(answer.Message.Span).ToArray() : row.ToArray();
    }

    public static StreamRow Decode(ReadOnlyMemory<byte> value)
    {
        RowReader reader = RowReader.OfValue(value.Span);
        StreamRow row = new(reader.Id(), reader.Id(), reader.Bytes(reader.Number()).ToArray());
        if (!reader.IsAtEnd)
        {
            long milliseconds = reader.Time();
            row = row with { Answer = EventRow.Begun with { IsLast = true, Milliseconds = milliseconds, Message = reader.Rest(value) } };
        }
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

    /// <summary>The message stays where it is.</summary>
    public static EventRow Decode(ReadOnlyMemory<byte> value)
    {
        RowReader reader = RowReader.OfValue(value.Span);
        byte flags = reader.Byte();
        EventRow row = new(flags == LastFlag, reader.Time(), reader.Number(), reader.Number(), reader.Float(), reader.Rest(value));
        if (!reader.IsWhole || flags > LastFlag) reader.Throw(InternalMaps.Events);
        return row;
    }
}
