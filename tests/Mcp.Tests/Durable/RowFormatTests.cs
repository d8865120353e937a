using ModelContextProtocol.Protocol;
using Varve.Mcp.Durable;
using Varve.Mcp.Sessions;

namespace Varve.Mcp.Tests.Durable;

/// <summary>The rows of sessions and events as docs/formats/journal.md has them, byte for byte.</summary>
public sealed class RowFormatTests
{
    private const long Time = 0x0192_F3A4_B5C6;

    private static readonly Guid s_owner = new("0192f3a4-b5c6-7d8e-9f01-23456789abcd");
    private static readonly Guid s_call = new("ffeeddcc-bbaa-4988-b766-554433221100");

    /// <summary>Name, bytes, and how they are read and written again; without a reader it is a key.</summary>
    private static readonly (string Name, byte[] Bytes, Func<byte[], byte[]>? Rewrite)[] s_rows = MakeRows();

    [Fact]
    public void Rows_are_those_of_the_fixture()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Corpus", "mcp", "rows.txt");
        string actual = string.Concat(s_rows.Select(row => $"{row.Name}: {Convert.ToHexStringLower(row.Bytes)}\n"));
        Assert.Equal(File.ReadAllText(path), actual);
    }

    [Fact]
    public void Rows_are_read_as_they_were_written()
    {
        foreach ((string name, byte[] bytes, Func<byte[], byte[]>? rewrite) in s_rows)
            if (rewrite is not null) Assert.True(rewrite(bytes).AsSpan().SequenceEqual(bytes), name);
        Assert.Equal(("session", "stream", 258u), EventKeys.Read(EventKeys.Event("session", "stream", 258)));
        Assert.Equal(("session", "stream", (uint?)null), EventKeys.Read(EventKeys.Stream("session", "stream")));
        Assert.Equal((Session.LastUsed, Session.Id), SessionRows.ReadExpiry(SessionRows.ExpiryKey(Session)));
    }

    [Fact]
    public void Whatever_else_stands_in_a_row_is_refused_or_read_as_what_it_says()
    {
        foreach ((string name, byte[] bytes, Func<byte[], byte[]>? rewrite) in s_rows)
        {
            if (rewrite is null) continue;
            for (int length = 0; length < bytes.Length; length++) Check(name, bytes[..length], rewrite);
            for (int bit = 0; bit < bytes.Length * 8; bit++)
            {
                byte[] flipped = [.. bytes];
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                Check($"{name}, bit {bit}", flipped, rewrite);
            }

            Assert.Throws<InvalidDataException>(() => rewrite([2, .. bytes[1..]]));
        }
    }

    [Fact]
    public void Streams_of_two_sessions_never_meet()
    {
        byte[][] keys =
        [
            EventKeys.Stream("a", "b"), EventKeys.Stream("ab", ""), EventKeys.Stream("", "ab"), EventKeys.Event("a", "b", 1),
            EventKeys.Event("a", "", 1),
        ];
        Assert.Equal(keys.Length, keys.Select(Convert.ToHexString).Distinct().Count());
        byte[] end = EventKeys.EndOf(EventKeys.Stream("s", "a"));
        Assert.True(EventKeys.Event("s", "a", uint.MaxValue).AsSpan().SequenceCompareTo(end) < 0);
    }

    private static SessionRecord Session => new(
        "id", "you",
        new InitializeRequestParams
        {
            ProtocolVersion = "2025-11-25",
            Capabilities = new ClientCapabilities(),
            ClientInfo = new Implementation { Name = "n", Version = "1" },
        },
        DateTimeOffset.FromUnixTimeMilliseconds(Time))
    {
        LogLevel = "error",
        Subscriptions = ["a://b"],
    };

    /// <summary>Damage gives nothing but this exception, or a row that is stable.</summary>
    private static void Check(string what, byte[] bytes, Func<byte[], byte[]> rewrite)
    {
        try
        {
            byte[] again = rewrite(bytes);
            Assert.True(rewrite(again).AsSpan().SequenceEqual(again), what);
        }
        catch (InvalidDataException)
        {
            // As it should be.
        }
    }

    private static (string Name, byte[] Bytes, Func<byte[], byte[]>? Rewrite)[] MakeRows()
    {
        StreamRow stream = new(s_owner, s_call, "7"u8.ToArray());
        EventRow answer = EventRow.Begun with { IsLast = true, Milliseconds = Time, Message = "{}"u8.ToArray() };
        EventRow notice = new(IsLast: false, Time, Logs: 300, Chunks: 2, Progress: 1.5, "{}"u8.ToArray());
        return
        [
            ("key of a session", SessionRows.Key("id"), null),
            ("session", SessionRows.Encode(Session), row => SessionRows.Encode(SessionRows.Decode("id", row))),
            ("expiry key of a session", SessionRows.ExpiryKey(Session), null),
            ("key of a stream", EventKeys.Stream("id", "stream"), null),
            ("key of an event", EventKeys.Event("id", "stream", 258), null),
            ("first key of streams", EventKeys.StreamsFrom("id", Time), null),
            ("stream", stream.Encode(), row => StreamRow.Decode(row).Encode()),
            ("stream with its answer", (stream with { Answer = answer }).Encode(), row => StreamRow.Decode(row).Encode()),
            ("event without a message", (EventRow.Begun with { Milliseconds = Time }).Encode(), row => EventRow.Decode(row).Encode()),
            ("event", notice.Encode(), row => EventRow.Decode(row).Encode()),
            ("last event", (notice with { IsLast = true }).Encode(), row => EventRow.Decode(row).Encode()),
        ];
    }
}
