using System.Text.Json.Nodes;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Messages;
using Varve.Mcp.Subscriptions;

namespace Varve.Mcp.Gateway.Streams;

/// <summary>One client that is told of tasks, and of the resources that it names, over a WebSocket.</summary>
internal sealed class NotificationSocket(SocketChannel channel, ITaskChanges? tasks, ResourceSubscriptions resources)
{
    private const string SubscribeName = "subscribe";

    /// <summary>Serves it until the client leaves.</summary>
    public async Task ServeAsync()
    {
        Subscriber subscriber = new(uri =>
        {
            channel.SendOrEnd(new JsonObject { ["event"] = "resource", ["uri"] = uri });
            return Task.CompletedTask;
        });
        if (tasks is not null) tasks.TaskChanged += TellTask;
        try
        {
            while (await channel.ReceiveAsync() is { } message) await channel.SendAsync(Take(message, subscriber));
        }
        finally
        {
            if (tasks is not null) tasks.TaskChanged -= TellTask;
            resources.RemoveAll(subscriber);
        }
    }

    private void TellTask(string id, string status) =>
        channel.SendOrEnd(new JsonObject { ["event"] = "task", ["task_id"] = id, ["status"] = status });

    private JsonObject Take(byte[] message, Subscriber subscriber)
    {
        if (Read(message, out Problem problem) is not { } uris) return ErrorOf(problem);
        foreach (string uri in uris)
            if (!resources.TryAdd(subscriber, uri)) return ErrorOf(Problem.Overload("These are more resources than one client may have."));
        return new JsonObject { ["event"] = "subscribed", ["uris"] = new JsonArray([.. uris.Select(uri => JsonValue.Create(uri))]) };
    }

    private static string[]? Read(byte[] message, out Problem problem)
    {
        problem = Problem.BadField(SubscribeName, $"'{SubscribeName}' must be a list of URIs.");
        if (!StrictJson.TryReadObject(message, out JsonObject? body, out string? member, out string? wrong))
        {
            problem = Problem.BadField(member, $"The message cannot be read. {wrong}");
            return null;
        }
        if (body.FirstOrDefault(one => one.Key != SubscribeName).Key is { } unknown)
        {
            problem = Problem.BadField(LogText.Of(unknown), $"'{LogText.Of(unknown)}' is not known here; there is: {SubscribeName}.");
            return null;
        }
        if (body[SubscribeName] is not JsonArray list) return null;
        string[] uris = [.. list.OfType<JsonValue>().Select(node => node.TryGetValue(out string? uri) ? uri : "")];
        return uris.Length == list.Count && uris.All(uri => uri.Length > 0) ? uris : null;
    }

    private static JsonObject ErrorOf(Problem problem)
    {
        JsonObject error = new() { ["event"] = "error", ["code"] = problem.Code, ["message"] = problem.Detail };
        if (problem.Field is not null) error["field"] = problem.Field;
        return error;
    }
}
