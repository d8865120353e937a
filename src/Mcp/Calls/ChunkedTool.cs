using System.Reflection;
using System.Runtime.CompilerServices;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

// Tools of one's own kind are experimental in the SDK.
#pragma warning disable MCPEXP002

namespace Varve.Mcp.Calls;

/// <summary>
/// A tool whose method returns <c>IAsyncEnumerable&lt;T&gt;</c>: the result is the array of its items, as the member "data" of an object
/// where it is structured, because older clients know objects only.
/// </summary>
/// <remarks>
/// A caller that sets <c>_meta["io.varve/chunks"]</c> to true and names a progress token gets each item at once too, as
/// <c>notifications/varve/chunk {progressToken, index, data}</c>. The SDK alone cannot write such a result.
/// </remarks>
internal sealed class ChunkedTool : DelegatingMcpServerTool
{
    public const string MetaKey = "io.varve/chunks";
    public const string Notification = "notifications/varve/chunk";

    private static readonly MethodInfo ItemsMethod =
        typeof(ChunkedTool).GetMethod(nameof(ItemsAsync), BindingFlags.NonPublic | BindingFlags.Static)!;

    private readonly AIFunction _function;
    private readonly Func<object, CancellationToken, IAsyncEnumerable<JsonNode?>> _items;

    private ChunkedTool(McpServerTool tool, MethodInfo method, Type itemType, IServiceProvider services)
        : base(tool)
    {
        AIFunctionFactoryOptions binding = new()
        {
            MarshalResult = static (result, _, _) => new ValueTask<object?>(result),
            SerializerOptions = McpJsonUtilities.DefaultOptions,
            ConfigureParameterBinding = parameter => Bind(parameter, services),
        };
        _function = method.IsStatic
            ? AIFunctionFactory.Create(method, target: null, binding)
            : AIFunctionFactory.Create(
                method, arguments => ActivatorUtilities.GetServiceOrCreateInstance(arguments.Services!, method.ReflectedType!), binding);
        ProtocolTool = Describe(tool.ProtocolTool);
        _items = ItemsMethod.MakeGenericMethod(itemType).CreateDelegate<Func<object, CancellationToken, IAsyncEnumerable<JsonNode?>>>();
    }

    public override Tool ProtocolTool { get; }

    /// <summary>The tool itself, or one in its place where its method returns items one by one.</summary>
    public static McpServerTool Of(McpServerTool tool, IServiceProvider services)
    {
        MethodInfo? method = tool.Metadata.OfType<MethodInfo>().FirstOrDefault();
        Type? result = method?.ReturnType;
        bool isChunked = result is { IsGenericType: true } && result.GetGenericTypeDefinition() == typeof(IAsyncEnumerable<>);
        return isChunked && tool is not ChunkedTool ? new ChunkedTool(tool, method!, result!.GetGenericArguments()[0], services) : tool;
    }

    public override async ValueTask<CallToolResult> InvokeAsync(
        RequestContext<CallToolRequestParams> request, CancellationToken cancellationToken = default)
    {
        AIFunctionArguments arguments = new() { Services = new CallServices(request) };
        foreach (KeyValuePair<string, JsonElement> argument in request.Params.Arguments ?? new Dictionary<string, JsonElement>())
            arguments[argument.Key] = argument.Value;
        object items = await _function.InvokeAsync(arguments, cancellationToken)
            ?? throw new InvalidOperationException($"The method of '{ProtocolTool.Name}' returned null in place of items.");
        ProgressToken? token = WantsChunks(request.Params) ? request.Params.ProgressToken : null;
        JsonArray data = [];
        await foreach (JsonNode? item in _items(items, cancellationToken))
        {
            if (token is { } progress) await SendAsync(request.Server, progress, data.Count, item, cancellationToken);
            data.Add(item);
        }
        return Collect(data);
    }

    private static bool WantsChunks(CallToolRequestParams parameters) =>
        parameters.Meta?[MetaKey] is JsonValue value && value.TryGetValue(out bool isWanted) && isWanted;

    private static Task SendAsync(McpServer server, ProgressToken token, int index, JsonNode? item, CancellationToken cancellation)
    {
        JsonObject parameters = new()
        {
            ["progressToken"] = token.Token is long number ? number : token.ToString(),
            ["index"] = index,
            ["data"] = item?.DeepClone(),
        };
        return server.SendMessageAsync(new JsonRpcNotification { Method = Notification, Params = parameters }, cancellation);
    }

    private CallToolResult Collect(JsonArray data)
    {
        JsonNode content = ProtocolTool.OutputSchema is null ? data : new JsonObject { ["data"] = data };
        CallToolResult result = new() { Content = [new TextContentBlock { Text = content.ToJsonString() }] };
        if (content is JsonObject) result.StructuredContent = JsonSerializer.SerializeToElement(content, McpJsonUtilities.DefaultOptions);
        return result;
    }

    /// <summary>The tool as it is listed: its schema tells of the object, not of the items alone.</summary>
    private static Tool Describe(Tool tool) => new()
    {
        Name = tool.Name,
        Title = tool.Title,
        Description = tool.Description,
        InputSchema = tool.InputSchema,
        OutputSchema = tool.OutputSchema is { } items ? SchemaOf(items) : null,
        Annotations = tool.Annotations,
        Icons = tool.Icons,
        Meta = tool.Meta,
    };

    private static JsonElement SchemaOf(JsonElement items)
    {
        JsonObject schema = new()
        {
            ["type"] = "object",
            ["properties"] = new JsonObject { ["data"] = JsonNode.Parse(items.GetRawText()) },
            ["required"] = new JsonArray("data"),
        };
        return JsonSerializer.SerializeToElement(schema, McpJsonUtilities.DefaultOptions);
    }

    private static async IAsyncEnumerable<JsonNode?> ItemsAsync<T>(object items, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (T item in ((IAsyncEnumerable<T>)items).WithCancellation(cancellation))
            yield return JsonSerializer.SerializeToNode(item, McpJsonUtilities.DefaultOptions);
    }

    /// <summary>What the SDK injects into every tool's method, and the program's services; the rest are arguments.</summary>
    private static AIFunctionFactoryOptions.ParameterBindingOptions Bind(ParameterInfo parameter, IServiceProvider services)
    {
        Type type = parameter.ParameterType;
        bool isInjected = CallServices.Has(type) || services.GetService<IServiceProviderIsService>()?.IsService(type) == true;
        return isInjected
            ? new() { ExcludeFromSchema = true, BindParameter = (_, arguments) => arguments.Services!.GetService(type) }
            : default;
    }

    private sealed class CallServices(RequestContext<CallToolRequestParams> request) : IServiceProvider
    {
        public static bool Has(Type type) =>
            type == typeof(RequestContext<CallToolRequestParams>) || type == typeof(McpServer) || type == typeof(ClaimsPrincipal)
            || type == typeof(IProgress<ProgressNotificationValue>);

        public object? GetService(Type serviceType) =>
            serviceType == typeof(RequestContext<CallToolRequestParams>) ? request
            : serviceType == typeof(McpServer) ? request.Server
            : serviceType == typeof(ClaimsPrincipal) ? request.User
            : serviceType == typeof(IProgress<ProgressNotificationValue>) ? new CallProgress(request)
            : request.Services?.GetService(serviceType);
    }

    private sealed class CallProgress(RequestContext<CallToolRequestParams> request) : IProgress<ProgressNotificationValue>
    {
        public void Report(ProgressNotificationValue value)
        {
            if (request.Params.ProgressToken is { } token) _ = request.Server.NotifyProgressAsync(token, value);
        }
    }
}
