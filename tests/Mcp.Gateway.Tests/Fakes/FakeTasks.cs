namespace Varve.Mcp.Gateway.Tests.Fakes;

/// <summary>Tasks whose state changes when the test says so.</summary>
internal sealed class FakeTasks : ITaskChanges
{
    public event Action<string, string>? TaskChanged;

    public bool HasListener => TaskChanged is not null;

    public void Report(string id, string status) => TaskChanged?.Invoke(id, status);
}
