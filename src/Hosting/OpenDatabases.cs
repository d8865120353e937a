using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Varve.Extensions.Hosting;

/// <summary>
/// The databases of a host, each opened once: by the host's start, or before by whoever asks for it first. Safe for concurrent use.
/// </summary>
internal sealed class OpenDatabases(IServiceProvider services, IOptionsMonitor<VarveOptions> options, ILogger<Database> logger)
    : IDisposable
{
    private readonly Dictionary<string, Lazy<Database>> _byName = new(StringComparer.Ordinal);
    private readonly Lock _byNameGuard = new();

    /// <summary>The database of that name, opened now if it is not yet.</summary>
    public Database Open(string name)
    {
        Lazy<Database>? database;
        lock (_byNameGuard)
        {
            // Made once and outside the lock, since a recovery may take long; an open that failed may be tried again.
            if (!_byName.TryGetValue(name, out database))
            {
                database = new Lazy<Database>(() => OpenNew(name), LazyThreadSafetyMode.ExecutionAndPublication);
                _byName.Add(name, database);
            }
        }

        try
        {
            return database.Value;
        }
        catch
        {
            lock (_byNameGuard)
            {
                if (_byName.TryGetValue(name, out Lazy<Database>? current) && ReferenceEquals(current, database)) _byName.Remove(name);
            }

            throw;
        }
    }

    /// <summary>The database of that name, if it is open or was.</summary>
    public Database? Find(string name)
    {
        lock (_byNameGuard)
        {
            return _byName.TryGetValue(name, out Lazy<Database>? database) && database.IsValueCreated ? database.Value : null;
        }
    }

    /// <summary>Closes what is open; what cannot be closed cleanly is logged, since the next open recovers.</summary>
    public void CloseAll()
    {
        List<(string Name, Database Database)> open = [];
        lock (_byNameGuard)
        {
            foreach ((string name, Lazy<Database> database) in _byName)
            {
                if (database.IsValueCreated) open.Add((name, database.Value));
            }
        }

        foreach ((string name, Database database) in open)
        {
            try
            {
                database.Close();
            }
            catch (Exception failure) when (failure is IOException or DatabaseReadOnlyException)
            {
                logger.LogError(
                    failure, "{Database} was not closed cleanly; the next open recovers.", VarveRegistration.Describe(name));
            }
        }
    }

    /// <summary>For a host that failed to start, or services without a host.</summary>
    public void Dispose() => CloseAll();

    private Database OpenNew(string name)
    {
        VarveOptions named = options.Get(name);
        string root = services.GetService<IHostEnvironment>()?.ContentRootPath ?? "";
        return Database.Open(Path.Combine(root, named.Directory), named.Database);
    }
}
