using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Varve;
using Varve.Idempotency;
using Varve.Mcp;
using Varve.Mcp.Calls;
using Varve.Mcp.Durable;
using Varve.Mcp.Sessions;
using Varve.Sharing;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Makes the calls of an MCP server durable.</summary>
public static class VarveJournalBuilderExtensions
{
    /// <summary>
    /// Journals calls: an idempotency key gets one effect and one answer, and tools may take a <see cref="DurableContext"/>. Calls,
    /// sessions and the messages sent to them survive a restart. Together with <c>AddVarveMcp</c>.
    /// </summary>
    /// <param name="builder">The SDK's builder.</param>
    /// <param name="directory">Where the database lives; created where there is none.</param>
    /// <returns>The same builder.</returns>
    public static IMcpServerBuilder WithVarveJournal(this IMcpServerBuilder builder, string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        return builder.WithVarveJournal(options => options.DataDirectory = directory);
    }

    /// <inheritdoc cref="WithVarveJournal(IMcpServerBuilder, string)"/>
    /// <param name="builder">The SDK's builder.</param>
    /// <param name="configure">Where and how. Called again, it adds to what was said before.</param>
    public static IMcpServerBuilder WithVarveJournal(this IMcpServerBuilder builder, Action<McpJournalOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        IServiceCollection services = builder.Services;
        if (configure is not null) services.Configure(configure);
        if (services.Any(service => service.ServiceType == typeof(Journal))) return builder;
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(Open);
        services.AddSingleton(provider => new Journal(
            provider.GetRequiredService<ISharedStore>(), provider.GetRequiredService<IOptions<McpJournalOptions>>().Value.Journal));
        services.AddSingleton<RequestStates>();
        services.Replace(ServiceDescriptor.Singleton<ICallRunner, JournaledCalls>());
        services.AddSingleton<StoreEventLog>();
        KeepSessions(services);
        services.AddTransient(_ => DurableContext.Current ?? throw NoContext());
        services.AddHostedService<JournalService>();
        services.AddHostedService<CallRecovery>();
        return builder;
    }

    /// <summary>Sessions and events outlive the process, unless the program keeps them somewhere itself.</summary>
    private static void KeepSessions(IServiceCollection services)
    {
        ServiceDescriptor[] inMemory = [.. services.Where(service =>
            service.ImplementationType == typeof(MemorySessionStore) || service.ImplementationType == typeof(MemoryEventLog))];
        foreach (ServiceDescriptor service in inMemory) services.Remove(service);
        services.TryAddSingleton<ISessionStore, StoreSessionStore>();
        services.TryAddSingleton<IEventLog>(provider => provider.GetRequiredService<StoreEventLog>());
    }

    /// <summary>
    /// The program's own database; or its directory, which several processes may have: whoever comes first opens the database, and serves
    /// it to the others.
    /// </summary>
    private static ISharedStore Open(IServiceProvider provider)
    {
        if (provider.GetService<Database>() is { } database) return new EmbeddedStore(database);
        McpJournalOptions options = provider.GetRequiredService<IOptions<McpJournalOptions>>().Value;
        if (options.DataDirectory is null)
            throw new InvalidOperationException("WithVarveJournal needs a data directory, or a Database or ISharedStore as a service.");
        return SharedStore.Open(
            options.DataDirectory, new SharedStoreOptions { Database = options.Database, Incarnation = options.Journal.Incarnation });
    }

    internal static InvalidOperationException NoContext() => new(
        "This call is not journaled and has no DurableContext: its tool is read-only. Read maps by StoreMap over ISharedStore.");
}
