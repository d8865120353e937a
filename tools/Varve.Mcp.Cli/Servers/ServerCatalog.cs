using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Varve.Mcp.Cli.Servers.Tasks;
using Varve.Mcp.Gateway;
using Varve.Mcp.Subscriptions;

namespace Varve.Mcp.Cli.Servers;

/// <summary>A server that can be chosen by its name.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Description">What it shows, in a line.</param>
/// <param name="Add">Adds its tools and resources.</param>
internal sealed record ExampleServer(string Name, string Description, Action<IMcpServerBuilder> Add);

/// <summary>How the servers behave, where a command line may say so.</summary>
/// <param name="Seed">For what they do by chance; null: another run each time.</param>
/// <param name="Samples">Whether tasks are done by the client's language model, not by the executor that only says so.</param>
/// <param name="ValueBytesMax">Bytes of a value that is written to a map, at most.</param>
internal sealed record ServerSettings(int? Seed = null, bool Samples = false, int ValueBytesMax = Limits.ValueBytes);

/// <summary>What is served, for those who watch over resources.</summary>
internal sealed record ServedServers(bool HasTasks, bool HasStore);

/// <summary>All servers.</summary>
internal static class ServerCatalog
{
    /// <summary>Serves all of them as one.</summary>
    public const string AllName = "all";

    private const string TasksName = "tasks";
    private const string StoreName = "store";

    public static IReadOnlyList<ExampleServer> Servers { get; } =
    [
        new("audit", "audit logs, by an attribute or by hand, read by time", builder => builder
            .WithTools<AuditServer>(ServerJson.Options)
            .WithRequestFilters(filters => filters.AddCallToolFilter(Audit.Around))),
        new("steps", "two steps, each done once", builder => builder.WithTools<StepsServer>(ServerJson.Options)),
        new("processing", "payments that happen at most once", builder => builder.WithTools<ProcessingServer>(ServerJson.Options)),
        new("document", "a chain of steps of both kinds", builder => builder.WithTools<DocumentServer>(ServerJson.Options)),
        new("define", "a glossary: ordered maps and indexes", builder => builder.WithTools<DefineServer>(ServerJson.Options)),
        new(TasksName, "a queue of tasks and its orchestrator", builder => builder
            .WithTools<TasksServer>(ServerJson.Options).WithResources<TasksServer>()),
        new(StoreName, "the store's maps themselves", builder => builder
            .WithTools<StoreServer>(ServerJson.Options).WithResources<StoreServer>()),
        new("journeys", "one tool with actions, progress and chunks", builder => builder.WithTools<JourneysServer>(ServerJson.Options)),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. Servers.Select(server => server.Name), AllName];

    /// <summary>Adds a server, or all; the store and its journal come with <c>WithVarveJournal</c>.</summary>
    public static IMcpServerBuilder WithExampleServers(this IMcpServerBuilder builder, string name, ServerSettings settings)
    {
        ExampleServer[] chosen = Choose(name);
        foreach (ExampleServer server in chosen) server.Add(builder);

        IServiceCollection services = builder.Services;
        services.AddSingleton(settings);
        services.AddSingleton(new Simulation(settings.Seed));
        services.AddSingleton<Turns>();
        services.AddSingleton<Audit>();
        services.AddSingleton<ITaskStore, TaskStore>();
        services.AddSingleton<ITaskExecutor>(settings.Samples ? new SamplingExecutor() : new EchoExecutor());
        services.AddSingleton<ITaskVerifier, TextVerifier>();
        return builder;
    }

    /// <summary>Tells of changes of the servers' resources and tasks, whoever makes them: for whoever has the subscribers.</summary>
    public static IServiceCollection AddResourceFeed(this IServiceCollection services, string name)
    {
        ExampleServer[] chosen = Choose(name);
        var served = new ServedServers(IsChosen(chosen, TasksName), IsChosen(chosen, StoreName));
        if (served is { HasTasks: false, HasStore: false }) return services;
        services.AddSingleton(served);
        services.AddSingleton<ResourceFeed>();
        services.AddSingleton<IResourceChanges>(provider => provider.GetRequiredService<ResourceFeed>());
        services.AddSingleton<ITaskChanges>(provider => provider.GetRequiredService<ResourceFeed>());
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<ResourceFeed>());
        return services;
    }

    private static ExampleServer[] Choose(string name)
    {
        ExampleServer[] chosen = [.. Servers.Where(server => name == AllName || server.Name == name)];
        return chosen.Length > 0
            ? chosen
            : throw new ArgumentException($"There is no server '{name}': it is one of {string.Join(", ", Names)}.");
    }

    private static bool IsChosen(ExampleServer[] chosen, string name) => chosen.Any(server => server.Name == name);
}
