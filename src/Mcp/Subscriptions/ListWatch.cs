using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Varve.Mcp.Subscriptions;

/// <summary>Listens to the lists of tools, prompts and resources that a client asked for.</summary>
internal sealed class ListWatch : IDisposable
{
    private readonly List<Action> _ends = [];

    public ListWatch(McpServerOptions options, SubscriptionsListenNotifications asked, Action<string> changed)
    {
        Granted = new SubscriptionsListenNotifications
        {
            ToolsListChanged = Watch(
                options.ToolCollection, asked.ToolsListChanged, NotificationMethods.ToolListChangedNotification, changed),
            PromptsListChanged = Watch(
                options.PromptCollection, asked.PromptsListChanged, NotificationMethods.PromptListChangedNotification, changed),
            ResourcesListChanged = Watch(
                options.ResourceCollection, asked.ResourcesListChanged, NotificationMethods.ResourceListChangedNotification, changed),
        };
    }

    /// <summary>What was asked for and there is.</summary>
    public SubscriptionsListenNotifications Granted { get; }

    public void Dispose() => _ends.ForEach(end => end());

    private bool? Watch<T>(McpServerPrimitiveCollection<T>? list, bool? isAsked, string method, Action<string> changed)
        where T : IMcpServerPrimitive
    {
        if (list is null || isAsked != true) return null;
        void Handle(object? sender, EventArgs arguments) => changed(method);
        list.Changed += Handle;
        _ends.Add(() => list.Changed -= Handle);
        return true;
    }
}
