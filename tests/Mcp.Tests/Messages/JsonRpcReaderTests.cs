using System.Text;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Tests.Messages;

/// <summary>Bytes to messages.</summary>
public sealed class JsonRpcReaderTests
{
    [Fact]
    public void A_request_a_notification_and_both_kinds_of_response_are_read()
    {
        Assert.IsType<JsonRpcRequest>(Read("""{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":{}}}""").Message);
        Assert.IsType<JsonRpcRequest>(Read("""{"jsonrpc":"2.0","id":"x","method":"ping","extra":1}""").Message);
        Assert.IsType<JsonRpcRequest>(Read("""{"jsonrpc":"2.0","id":"\ud83d\ude00","method":"ping"}""").Message);
        Assert.IsType<JsonRpcNotification>(Read("""{"jsonrpc":"2.0","method":"notifications/initialized"}""").Message);
        Assert.IsType<JsonRpcResponse>(Read("""{"jsonrpc":"2.0","id":1,"result":{}}""").Message);
        Assert.IsType<JsonRpcError>(Read("""{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}}""").Message);
    }

    [Theory]
    [InlineData("""[{"jsonrpc":"2.0","id":1,"method":"ping"}]""", -32600, null)]
    [InlineData("[]", -32600, null)]
    public void S12_batches_are_refused(string json, int code, object? id) => AssertRefused(json, code, id);

    [Theory]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}""", -32700, 1L)]
    [InlineData("""{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"x":2}}}""", -32700, 2L)]
    public void S12_a_member_that_is_there_twice_is_refused(string json, int code, object? id) => AssertRefused(json, code, id);

    [Theory]
    [InlineData(30, true)]
    [InlineData(31, false)]
    [InlineData(500, false)]
    public void S12_more_than_32_levels_are_refused(int levels, bool isRead)
    {
        string nested = new string('[', levels) + new string(']', levels);
        string json = $$$"""{"jsonrpc":"2.0","id":"deep","method":"m","params":{"a":{{{nested}}}}}""";
        (JsonRpcMessage? message, JsonRpcError? refusal) = Read(json);
        Assert.Equal(isRead, message is not null);
        if (!isRead) Assert.Equal("deep", refusal!.Id.Id);
    }

    [Theory]
    [InlineData("", -32700, null)]
    [InlineData("{", -32700, null)]
    [InlineData("null", -32600, null)]
    [InlineData("7", -32600, null)]
    [InlineData("""{"id":5,"method":"m"}""", -32600, 5L)]
    [InlineData("""{"jsonrpc":"1.0","id":5,"method":"m"}""", -32600, 5L)]
    [InlineData("""{"jsonrpc":2.0,"id":5,"method":"m"}""", -32600, 5L)]
    [InlineData("""{"jsonrpc":"2.0","id":null,"method":"m"}""", -32600, null)]
    [InlineData("""{"jsonrpc":"2.0","id":1.5,"method":"m"}""", -32600, null)]
    [InlineData("""{"jsonrpc":"2.0","id":{},"method":"m"}""", -32600, null)]
    [InlineData("""{"jsonrpc":"2.0","id":5,"method":7}""", -32600, 5L)]
    [InlineData("""{"jsonrpc":"2.0","id":5,"method":"m","params":[1]}""", -32600, 5L)]
    [InlineData("""{"jsonrpc":"2.0","id":5}""", -32600, 5L)]
    [InlineData("""{"jsonrpc":"2.0"}""", -32600, null)]
    [InlineData("""{"jsonrpc":"2.0","id":5,"error":{"code":"x","message":"m"}}""", -32600, 5L)]
    [InlineData("""{"jsonrpc":"2.0","id":"\ud800","method":"m"}""", -32700, null)]
    [InlineData("""{"jsonrpc":"2.0","id":5,"method":"m","params":{"a":"\ud83d x"}}""", -32700, 5L)]
    [InlineData("""{"jsonrpc":"2.0","id":5,"method":"m","params":{"\uDE00":1}}""", -32700, 5L)]
    public void What_is_no_message_is_refused_with_the_id_that_can_be_read(string json, int code, object? id) =>
        AssertRefused(json, code, id);

    [Fact]
    public void S25_spoiled_messages_are_read_or_refused_and_never_throw()
    {
        byte[] whole = Encoding.UTF8.GetBytes(
            """{"jsonrpc":"2.0","id":12,"method":"tools/call","params":{"name":"é","arguments":{"a":[1,-2.5e3,null],"b":{"c":"\n"}}}}""");
        for (int seed = 0; seed < 3_000; seed++)
        {
            Random random = new(seed);
            byte[] spoiled = whole[..random.Next(1, whole.Length + 1)];
            for (int change = random.Next(4); change > 0; change--) spoiled[random.Next(spoiled.Length)] = (byte)random.Next(256);
            bool isRead = JsonRpcReader.TryRead(spoiled, out JsonRpcMessage? message, out JsonRpcError? refusal);
            Assert.True(isRead ? message is not null : refusal!.Error.Code is -32700 or -32600, $"seed {seed}");
        }
    }

    private static (JsonRpcMessage? Message, JsonRpcError? Refusal) Read(string json)
    {
        JsonRpcReader.TryRead(Encoding.UTF8.GetBytes(json), out JsonRpcMessage? message, out JsonRpcError? refusal);
        return (message, refusal);
    }

    private static void AssertRefused(string json, int code, object? id)
    {
        (JsonRpcMessage? message, JsonRpcError? refusal) = Read(json);
        Assert.Null(message);
        Assert.Equal((code, id), (refusal!.Error.Code, refusal.Id.Id));
    }
}
