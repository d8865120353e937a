using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Varve;
using Varve.Extensions.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds Varve databases to the services of a host.</summary>
public static class VarveServiceCollectionExtensions
{
    /// <summary>Adds the host's one database: inject <see cref="Database"/>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="directory">Where it lives, see <see cref="VarveOptions.Directory"/>.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddVarve(this IServiceCollection services, string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        return services.AddVarve(options => options.Directory = directory);
    }

    /// <summary>Adds the host's one database: inject <see cref="Database"/>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Says where it lives, and how it is opened. Called again, it adds to what was said before.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddVarve(this IServiceCollection services, Action<VarveOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        if (!TryRegister(services, Options.Options.DefaultName, configure)) return services;
        services.AddSingleton(static provider => Open(provider, Options.Options.DefaultName));
        return services;
    }

    /// <summary>
    /// Adds one of several databases: inject it by <c>[FromKeyedServices("name")] Database</c>. Each has a directory of its own.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The key of the service, and the name of its <see cref="VarveOptions"/>.</param>
    /// <param name="configure">Says where it lives, and how it is opened. Called again, it adds to what was said before.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddVarve(this IServiceCollection services, string name, Action<VarveOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(configure);
        if (!TryRegister(services, name, configure)) return services;
        services.AddKeyedSingleton(name, static (provider, key) => Open(provider, (string)key!));
        return services;
    }

    private static bool TryRegister(IServiceCollection services, string name, Action<VarveOptions> configure)
    {
        services.AddLogging();
        services.AddOptions<VarveOptions>(name)
            .Configure(configure)
            .Validate(static options => options.Directory.Length > 0, "VarveOptions.Directory is not set.");
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<VarveOptions>, VarveEventLogging>());
        bool isNew = !services.Any(service => service.ImplementationInstance is VarveRegistration known && known.Name == name);
        if (isNew) services.AddSingleton(new VarveRegistration(name));
        services.TryAddSingleton<OpenDatabases>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, VarveHostedService>());
        return isNew;
    }

    private static Database Open(IServiceProvider provider, string name) => provider.GetRequiredService<OpenDatabases>().Open(name);
}
