using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Durable;
using Varve.Mcp.Sessions;
using Varve.Simulation;

namespace Varve.Mcp.Tests.Durable;

/// <summary>Rows of sessions, events and origins, changed at random; and readers with planted errors, which must be found.</summary>
public sealed class RowFuzzTests
{
    private const int Inputs = 3_000;
    private const long Time = 0x0192_F3A4_B5C6;

    private static readonly Guid s_id = new("0192f3a4-b5c6-7d8e-9f01-23456789abcd");
    private static readonly Row[] s_rows = MakeRows();

    public static TheoryData<string> Names => [.. s_rows.Select(row => row.Name)];

    public static TheoryData<string> Slips => [.. Enum.GetNames<Slip>()];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_row_is_read_or_refused_and_means_the_same_when_it_is_written_again(string name) =>
        Assert.Null(FindProblem(s_rows.Single(row => row.Name == name)));

    [Theory]
    [MemberData(nameof(Slips))]
    public void A_planted_error_is_found(string name)
    {
        Slip slip = Enum.Parse<Slip>(name);
        StreamRow row = new(s_id, s_id, "7"u8.ToArray());
        Assert.NotNull(FindProblem(new Row("slipping", row.Encode(), bytes =>
        {
            if (slip == Slip.ThrowsWhatIsNotExpected && bytes.Length < 16) throw new ArgumentException("too short");
            byte[] read = StreamRow.Decode(bytes).Encode();
            return slip switch
            {
                Slip.GrowsEachTime => [.. read, 0],
                Slip.LosesTheLastByte => read[..^1],
                _ => read,
            };
        })));
    }

    /// <summary>What is wrong with a reader; null: nothing that these inputs show.</summary>
    private static string? FindProblem(Row row)
    {
        var random = new Random(1);
        byte[][] seeds = [.. s_rows.Select(other => other.Seed)];
        if (!row.Rewrite(row.Seed).AsSpan().SequenceEqual(row.Seed)) return "it is not read as it was written";
        for (int input = 0; input < Inputs; input++)
        {
            byte[] bytes = FuzzMutator.Mutate(row.Seed, seeds, random);
            try
            {
                byte[] written = row.Rewrite(bytes);
                if (!row.Rewrite(written).AsSpan().SequenceEqual(written)) return $"input {input} is another when it is written again";
            }
            catch (InvalidDataException)
            {
                // What a row that cannot be read is to give.
            }
            catch (Exception unexpected)
            {
                return $"input {input}, {Convert.ToHexString(bytes)}: {unexpected}";
            }
        }

        return null;
    }

    private static Row[] MakeRows()
    {
        var client = new InitializeRequestParams
        {
            ProtocolVersion = "2025-11-25",
            Capabilities = new ClientCapabilities(),
            ClientInfo = new Implementation { Name = "n", Version = "1" },
        };
        var session = new SessionRecord("id", "größe", client, DateTimeOffset.FromUnixTimeMilliseconds(Time))
        {
            LogLevel = "error",
            Subscriptions = ["a://b", "c://d"],
        };
        EventRow notice = new(IsLast: false, Time, Logs: 300, Chunks: 2, Progress: 1.5, "{}"u8.ToArray());
        StreamRow stream = new(s_id, s_id, "7"u8.ToArray());
        EventRow answer = EventRow.Begun with { IsLast = true, Milliseconds = Time, Message = "{}"u8.ToArray() };
        byte[] origin = """{"schema":"0123","session":"id","request":7,"stream":"a","_meta":{"progressToken":"a"}}"""u8.ToArray();
        return
        [
            new("session", SessionRows.Encode(session), row => SessionRows.Encode(SessionRows.Decode("id", row))),
            new("expiry key of a session", SessionRows.ExpiryKey(session), RewriteSessionExpiry),
            new("key of a stream", EventKeys.Stream("id", "stream"), RewriteEventKey),
            new("key of an event", EventKeys.Event("id", "stream", 258), RewriteEventKey),
            new("stream", stream.Encode(), row => StreamRow.Decode(row).Encode()),
            new("stream with its answer", (stream with { Answer = answer }).Encode(), row => StreamRow.Decode(row).Encode()),
            new("event", notice.Encode(), row => EventRow.Decode(row).Encode()),
            new("last event", (notice with { IsLast = true }).Encode(), row => EventRow.Decode(row).Encode()),
            new("origin", origin, RewriteOrigin),
        ];
    }

    private static byte[] RewriteSessionExpiry(byte[] key)
    {
        (DateTimeOffset lastUsed, string id) = SessionRows.ReadExpiry(key);
        var record = new SessionRecord(id, "", new InitializeRequestParams
        {
            ProtocolVersion = "",
            Capabilities = new ClientCapabilities(),
            ClientInfo = new Implementation { Name = "", Version = "" },
        }, lastUsed);
        return SessionRows.ExpiryKey(record);
    }

    private static byte[] RewriteEventKey(byte[] key)
    {
        (string session, string stream, uint? number) = EventKeys.Read(key);
        return number is null ? EventKeys.Stream(session, stream) : EventKeys.Event(session, stream, number.Value);
    }

    /// <summary>An origin is JSON of a layer above the journal, whose readers have these exceptions.</summary>
    private static byte[] RewriteOrigin(byte[] json)
    {
        try
        {
            CallOrigin origin = CallOrigin.Read(json);
            JsonObject written = new() { ["schema"] = origin.Schema };
            if (origin.Session is not null)
            {
                written["session"] = origin.Session;
                written["request"] = origin.Request.Id is long number ? number : origin.Request.ToString();
                written["stream"] = origin.Stream;
            }
            if (origin.Meta is not null) written["_meta"] = origin.Meta.DeepClone();
            return JsonSerializer.SerializeToUtf8Bytes(written);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException("no origin", failure);
        }
    }

    private enum Slip
    {
        GrowsEachTime,
        LosesTheLastByte,
        ThrowsWhatIsNotExpected,
    }

    private sealed record Row(string Name, byte[] Seed, Func<byte[], byte[]> Rewrite);
}
