using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Server;
using Varve.Mcp;
using Varve.Mcp.Calls;
using Varve.Mcp.Completions;
using Varve.Mcp.Http;
using Varve.Mcp.Messages;
using Varve.Mcp.Sessions;
using Varve.Mcp.Stdio;
using Varve.Mcp.Subscriptions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Hosts MCP servers that are built with the SDK.</summary>
public static class VarveMcpBuilderExtensions
{
    /// <summary>Adds an MCP server: go on with the SDK's <c>WithTools</c>, <c>WithResources</c> and <c>WithPrompts</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">How it is hosted. Called again, it adds to what was said before.</param>
    /// <returns>The SDK's builder.</returns>
    public static IMcpServerBuilder AddVarveMcp(this IServiceCollection services, Action<VarveMcpOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        return services.AddMcpServer().AddVarveMcp(configure);
    }

    /// <summary>
    /// Puts an MCP server of the SDK under this library's care; serve it with <see cref="MapVarveMcp"/> or <see
    /// cref="WithVarveStdio"/>.
    /// </summary>
    /// <param name="builder">The SDK's builder.</param>
    /// <param name="configure">How it is hosted. Called again, it adds to what was said before.</param>
    /// <returns>The same builder.</returns>
    public static IMcpServerBuilder AddVarveMcp(this IMcpServerBuilder builder, Action<VarveMcpOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        IServiceCollection services = builder.Services;
        if (configure is not null) services.Configure(configure);
        if (services.Any(service => service.ServiceType == typeof(CallFilter))) return builder;
        services.AddLogging();
        services.AddSingleton<IValidateOptions<VarveMcpOptions>, OptionsCheck>();
        services.AddOptions<VarveMcpOptions>().ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<ISessionStore, MemorySessionStore>();
        services.TryAddSingleton<IEventLog, MemoryEventLog>();
        services.TryAddSingleton<ICallRunner, DirectCalls>();
        services.AddSingleton<ResourceChanges>();
        services.AddSingleton<IResourceChanges>(provider => provider.GetRequiredService<ResourceChanges>());
        services.AddSingleton<FailureLog>();
        services.AddSingleton<CallFilter>();
        services.AddSingleton<SessionRegistry>();
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<SessionRegistry>());
        services.AddSingleton<ResourceSubscriptions>();
        services.AddSingleton<SubscriptionHandlers>();
        services.AddSingleton<MessageFilters>();
        services.AddSingleton<RequestGuard>();
        services.AddSingleton<McpEndpoint>();
        services.AddSingleton<IPostConfigureOptions<McpServerOptions>, ServerOptionsSetup>();

        // Before what the program says of Kestrel, wherever it does: an endpoint takes the limits of TLS as they are when it is told.
        services.Insert(0, ServiceDescriptor.Singleton<IConfigureOptions<KestrelServerOptions>, KestrelLimits>());
        services.AddHostedService<BindingCheck>();
        return builder;
    }

    /// <summary>
    /// Offers values for an argument of a prompt or of a resource template while the user types. Clients get at most 100.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="reference">The prompt's name, or the template's URI as it is declared.</param>
    /// <param name="argument">The argument's name.</param>
    /// <param name="complete">From what was typed to the values that begin so, the likeliest first.</param>
    /// <returns>The same builder.</returns>
    public static IMcpServerBuilder WithCompletion(
        this IMcpServerBuilder builder, string reference, string argument,
        Func<string, CancellationToken, ValueTask<IEnumerable<string>>> complete)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton(new CompletionSource(reference, argument, complete));
        return builder;
    }

    /// <summary>Serves the MCP server over Streamable HTTP at a path: every method of it.</summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">The path.</param>
    /// <returns>For conventions of the endpoint.</returns>
    /// <exception cref="InvalidOperationException"><c>AddVarveMcp</c> was not called.</exception>
    public static IEndpointConventionBuilder MapVarveMcp(this IEndpointRouteBuilder endpoints, string pattern = "/mcp")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        McpEndpoint endpoint = endpoints.ServiceProvider.GetService<McpEndpoint>()
            ?? throw new InvalidOperationException("Call services.AddVarveMcp() before MapVarveMcp.");
        return endpoints.Map(pattern, endpoint.HandleAsync).WithDisplayName($"MCP {pattern}");
    }

    /// <summary>Serves the MCP server over standard input and output, and stops the program when the client leaves.</summary>
    /// <remarks>
    /// Standard output carries the protocol alone: the console's log goes to standard error, and so does what the program prints.
    /// </remarks>
    /// <param name="builder">The builder.</param>
    /// <returns>The same builder.</returns>
    public static IMcpServerBuilder WithVarveStdio(this IMcpServerBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton(_ => StdioStreams.OfProcess());
        builder.Services.AddHostedService<StdioHost>();
        builder.Services.Configure<ConsoleLoggerOptions>(options => options.LogToStandardErrorThreshold = Logging.LogLevel.Trace);
        return builder;
    }
}
