using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Mcp.Calls;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

/// <summary>Makes a server a gateway's worker.</summary>
internal static class WorkerSetup
{
    /// <summary>
    /// Runs calls for a gateway that has the same directory: the gateway journals, recovers and sweeps. In place of
    /// <c>WithVarveJournal</c>, together with <c>AddVarveMcp</c>.
    /// </summary>
    public static IMcpServerBuilder WithVarveWorker(this IMcpServerBuilder builder, Action<McpJournalOptions> configure)
    {
        IServiceCollection services = builder.Services;
        services.Configure(configure);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(Open);
        services.AddSingleton(provider => new Journal(provider.GetRequiredService<ISharedStore>(), OptionsOf(provider).Journal));
        services.AddSingleton<RequestStates>();
        services.Replace(ServiceDescriptor.Singleton<ICallRunner, DispatchedCalls>());
        services.AddTransient(_ => DurableContext.Current ?? throw VarveJournalBuilderExtensions.NoContext());
        services.AddSingleton<IPostConfigureOptions<McpServerOptions>, PolicyListing>();

        // Whose first call it is does not wait for that.
        services.AddHostedService(provider => new StoreConnection(provider));
        return builder;
    }

    private static McpJournalOptions OptionsOf(IServiceProvider provider) =>
        provider.GetRequiredService<IOptions<McpJournalOptions>>().Value;

    /// <summary>A worker never has the database itself: it would have to hand it over when it ends.</summary>
    private static ISharedStore Open(IServiceProvider provider)
    {
        McpJournalOptions options = OptionsOf(provider);
        return SharedStore.Open(
            options.DataDirectory ?? throw new InvalidOperationException("A worker needs its gateway's data directory."),
            new SharedStoreOptions { Database = options.Database, Incarnation = options.Journal.Incarnation, MayOwn = false });
    }

    /// <summary>Tells the gateway of each tool how its calls are to be journaled.</summary>
    private sealed class PolicyListing : IPostConfigureOptions<McpServerOptions>
    {
        public void PostConfigure(string? name, McpServerOptions options)
        {
            foreach (McpServerTool tool in options.ToolCollection?.ToArray() ?? [])
            {
                tool.ProtocolTool.Meta ??= [];
                tool.ProtocolTool.Meta[WorkerMeta.ToolKey] = WorkerMeta.DescribeTool(tool);
            }
        }
    }

    /// <summary>Connects to the store as the worker starts.</summary>
    private sealed class StoreConnection(IServiceProvider services) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            try
            {
                await services.GetRequiredService<ISharedStore>().ListMapsAsync(stoppingToken);
            }
            catch (StoreOwnerException)
            {
                // Calls will say so, if it stays like that.
            }
        }
    }
}
