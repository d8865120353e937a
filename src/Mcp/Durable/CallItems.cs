using Varve.Mcp.Calls;

namespace Varve.Mcp.Durable;

/// <summary>What a front in the same process says of a request beside it, and is told of its call.</summary>
internal static class CallItems
{
    /// <summary>True: the call is journaled, whatever it is.</summary>
    public const string JournalName = "io.varve/journal";

    /// <summary>An <see cref="Action{T}"/> that gets the invocation's id, once or twice: when it begins, is joined or was there.</summary>
    public const string BegunName = "io.varve/begun";

    public static bool MustJournal(ToolCall call) => Of(call, JournalName) is true;

    public static bool WantsBegun(ToolCall call) => Of(call, BegunName) is Action<string>;

    public static void TellBegun(ToolCall call, Guid id) => (Of(call, BegunName) as Action<string>)?.Invoke(id.ToString());

    private static object? Of(ToolCall call, string name) =>
        call.Request.JsonRpcRequest.Context?.Items is { } items && items.TryGetValue(name, out object? value) ? value : null;
}
