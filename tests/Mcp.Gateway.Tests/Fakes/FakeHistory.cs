using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Gateway.Tests.Fakes;

/// <summary>A journal's calls, as the test puts them there.</summary>
internal sealed class FakeHistory : ICallHistory
{
    public Dictionary<string, (string Principal, CallRecord Call)> Calls { get; } = [];

    public StoreStatus? Store { get; set; } = new(
        [new StoreLevel(0, 2, 2_000), new StoreLevel(1, 5, 50_000)], 1_000, 9_000, 0.25,
        new Dictionary<string, double> { ["commits"] = 7 });

    public bool IsOpen { get; set; } = true;

    public void Add(string principal, string id, string state, CallToolResult? result = null, bool keepsArguments = true)
    {
        DateTimeOffset? finishedAt = result is null ? null : DateTimeOffset.UnixEpoch.AddSeconds(1);
        JsonNode? arguments = keepsArguments ? new JsonObject { ["text"] = "hello" } : null;
        Calls[id] = (principal, new CallRecord(id, "write", state, DateTimeOffset.UnixEpoch, finishedAt, 1, arguments, result));
    }

    public ValueTask<IReadOnlyList<CallRecord>> ListAsync(string principal, int limit, CancellationToken cancellation) =>
        new([.. Calls.Values.Where(one => one.Principal == principal).Select(one => one.Call).Take(limit)]);

    public ValueTask<CallRecord?> FindAsync(string principal, string id, CancellationToken cancellation) =>
        new(Calls.TryGetValue(id, out var found) && found.Principal == principal ? found.Call : null);

    public async ValueTask<bool> AbortAsync(string principal, string id, CancellationToken cancellation)
    {
        if (await FindAsync(principal, id, cancellation) is not { IsFinished: false } call) return false;
        Calls[id] = (principal, call with { State = "aborted", FinishedAt = DateTimeOffset.UnixEpoch });
        return true;
    }

    public async ValueTask<string?> ReplayAsync(string principal, string id, CancellationToken cancellation)
    {
        if (await FindAsync(principal, id, cancellation) is not { } call) return null;
        return call.Arguments is null ? throw new InvalidOperationException("not kept") : id + "-again";
    }
}
