using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Fakes;

/// <summary>A pool that says what the test wants, and runs nothing.</summary>
internal sealed class FakePool : IWorkerPool
{
    public IReadOnlyList<Tool> Tools => [];

    public ServerCapabilities? Capabilities => null;

    public event Action? Changed
    {
        add { }
        remove { }
    }

    public PoolStatus Status { get; set; } = Of(WorkerState.Ready, WorkerState.Ready);

    public bool IsFull { get; set; }

    public Task Ready { get; set; } = Task.CompletedTask;

    public static PoolStatus Of(params WorkerState[] states) => new(
        [.. states.Select((state, slot) => new WorkerStatus(
            slot, 100 + slot, state, 1, 10, 2, new LatencyStatus(1.5, 9.25), 3, 1 << 20, DateTimeOffset.UtcNow, "it died"))],
        2, 8, 4, 256);

    public Task<JsonNode?> SendAsync(PoolRequest request, CancellationToken cancellation) => throw new NotSupportedException();
}
