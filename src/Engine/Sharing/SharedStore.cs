using Varve.Bytes;

namespace Varve.Sharing;

/// <summary>
/// A directory that several processes use at once: one of them, the owner, has the database open, and serves the others over a local
/// socket. When the owner leaves or dies another one opens the database, and calls under way go on there. See docs/sharing.md.
/// </summary>
/// <remarks>
/// The directory is that of an ordinary database. Calls of the owner's own process are those of <see cref="EmbeddedStore"/>. Safe for
/// concurrent use.
/// </remarks>
public sealed partial class SharedStore : ISharedStore, IAsyncDisposable, IDisposable
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan DelayMax = TimeSpan.FromMilliseconds(20);

    /// <summary>Between attempts that have failed for another reason than that somebody else was faster.</summary>
    private static readonly TimeSpan FailureDelay = TimeSpan.FromSeconds(1);

    private readonly string _directory;
    private readonly SharedStoreOptions _options;
    private readonly UuidV7Generator _ids;
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _linkGuard = new();
    private TaskCompletionSource<IStoreLink> _link = NewLink();
    private IStoreLink? _current;
    private DatabaseId? _database;
    private Guid _lastOwner;
    private Exception? _obstacle;
    private Task _linking = Task.CompletedTask;
    private int _isDisposed;

    private SharedStore(string directory, SharedStoreOptions options)
    {
        _directory = Path.GetFullPath(directory);
        _options = options;
        _ids = new UuidV7Generator(options.Database.TimeProvider);
    }

    /// <summary>Raised when <see cref="Role"/> has changed, by a thread of the store: must neither block nor throw.</summary>
    public event Action<StoreRole>? RoleChanged;

    /// <summary>The directory, as a full path.</summary>
    public string Directory => _directory;

    /// <summary>The name of this process, as its lease has it.</summary>
    public Guid Incarnation => _options.Incarnation;

    /// <summary>What this process is now.</summary>
    public StoreRole Role => Volatile.Read(ref _current) switch
    {
        OwnerLink => StoreRole.Owner,
        null => StoreRole.None,
        _ => StoreRole.Peer,
    };

    /// <summary>Whether the database is open in this process.</summary>
    public bool IsOwner => Role == StoreRole.Owner;

    /// <summary>The process that has the database open; 0 when there is none just now.</summary>
    public int OwnerProcessId => Volatile.Read(ref _current)?.OwnerProcessId ?? 0;

    /// <summary>The database itself, in the owner's process; null in any other. It stays the store's: do not close it.</summary>
    public Database? Database => (Volatile.Read(ref _current) as OwnerLink)?.Store.Database;

    /// <summary>
    /// Opens a directory: the database itself where nobody has it open, else a connection to the process that has.
    /// </summary>
    /// <param name="directory">Where the database lives; it is created where there is none.</param>
    /// <param name="options">Default: the defaults of <see cref="SharedStoreOptions"/>.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    /// <exception cref="StoreOwnerException">The process that has it open does not answer, or does not share it.</exception>
    /// <exception cref="IOException">
    /// The database cannot be opened: the exceptions of <see cref="Database.Open(string, DatabaseOptions)"/>.
    /// </exception>
    public static async ValueTask<SharedStore> OpenAsync(
        string directory, SharedStoreOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        options = options?.Clone() ?? new SharedStoreOptions();
        options.Validate();
        var store = new SharedStore(directory, options);
        store._linking = store.LinkAsync();
        try
        {
            await store.GetLinkAsync(cancellation).ConfigureAwait(false);
            return store;
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>As <see cref="OpenAsync"/>; the calling thread waits.</summary>
    /// <param name="directory">Where the database lives; it is created where there is none.</param>
    /// <param name="options">Default: the defaults of <see cref="SharedStoreOptions"/>.</param>
    public static SharedStore Open(string directory, SharedStoreOptions? options = null) =>
        Task.Run(() => OpenAsync(directory, options).AsTask()).GetAwaiter().GetResult();

    /// <summary>
    /// Leaves. An owner answers what is under way, syncs and closes the database, and only then lets the others go, of whom one opens it.
    /// Calls afterwards throw <see cref="ObjectDisposedException"/>.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0) await _closing.CancelAsync().ConfigureAwait(false);
        await _linking.ConfigureAwait(false);
    }

    /// <summary>As <see cref="DisposeAsync"/>; the calling thread waits.</summary>
    public void Dispose() => Task.Run(() => DisposeAsync().AsTask()).GetAwaiter().GetResult();

    private static TaskCompletionSource<IStoreLink> NewLink() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The way to the database; waits where there is none just now.</summary>
    private async ValueTask<IStoreLink> GetLinkAsync(CancellationToken cancellation)
    {
        Task<IStoreLink> link = CurrentLink();
        if (link.IsCompletedSuccessfully) return link.Result;
        try
        {
            return await link.WaitAsync(_options.OwnerTimeout, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw Unreachable();
        }
    }

    private Task<IStoreLink> CurrentLink()
    {
        lock (_linkGuard) return _link.Task;
    }

    /// <summary>A call has found that its way has ended: the next one waits for another.</summary>
    private void Drop(IStoreLink link)
    {
        lock (_linkGuard)
        {
            if (_current != link) return;
            _current = null;
            _link = NewLink();
        }

        RoleChanged?.Invoke(StoreRole.None);
    }

    private void Take(IStoreLink link)
    {
        lock (_linkGuard)
        {
            _current = link;
            _obstacle = null;
            _link.TrySetResult(link);
        }

        RoleChanged?.Invoke(Role);
    }

    /// <summary>Tells those who wait that it will not be, for now; later ones wait for the next attempt.</summary>
    private void Refuse(Exception failure)
    {
        lock (_linkGuard)
        {
            _obstacle = failure;
            _link.TrySetException(failure);
            _ = _link.Task.Exception;
            if (failure is not ObjectDisposedException) _link = NewLink();
        }
    }

    /// <summary>What stands in the way now: for those whose patience ends.</summary>
    private void Note(Exception obstacle)
    {
        lock (_linkGuard) _obstacle = obstacle;
    }

    private StoreOwnerException Unreachable()
    {
        Exception? obstacle;
        lock (_linkGuard) obstacle = _obstacle;
        if (obstacle is StoreOwnerException silent) return new StoreOwnerException(silent.Message, silent.OwnerProcessId, silent);
        int owner = obstacle is DatabaseLockedException locked ? locked.OwnerProcessId : 0;
        string reason = obstacle?.Message ?? (_options.MayOwn ? "it is still being opened." : "no process that may open it has it open.");
        string text = owner > 0
            ? $"Process {owner} has the database in '{_directory}' open and does not share it, or not yet."
            : $"The database in '{_directory}' cannot be reached: {reason}";
        return new StoreOwnerException($"{text} Waited for {_options.OwnerTimeout.TotalSeconds:0.#} s.", owner, obstacle);
    }

    /// <summary>Finds a way, keeps it until it ends, finds the next one.</summary>
    private async Task LinkAsync()
    {
        while (await TryFindAsync().ConfigureAwait(false) is { } link)
        {
            Take(link);
            Task closing = Task.Delay(Timeout.Infinite, _closing.Token);
            await Task.WhenAny(link.Ended, closing).ConfigureAwait(false);
            Drop(link);
            await link.DisposeAsync().ConfigureAwait(false);
        }

        Refuse(new ObjectDisposedException(nameof(SharedStore)));
    }

    /// <summary>Null: the store is being closed.</summary>
    private async Task<IStoreLink?> TryFindAsync()
    {
        TimeSpan delay = FirstDelay;
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                IStoreLink? link = await TryConnectAsync().ConfigureAwait(false);
                if (link is null && _options.MayOwn)
                    link = await OwnerLink.OpenAsync(_directory, _options, _lastOwner).ConfigureAwait(false);
                if (link is not null && await IsRightAsync(link).ConfigureAwait(false)) return link;
            }
            catch (DatabaseLockedException locked)
            {
                // Somebody is faster, is not ready yet, is about to leave, or does not share: in some time it is known which.
                Note(locked);
            }
            catch (OperationCanceledException) when (_closing.IsCancellationRequested)
            {
                return null;
            }
            catch (Exception failure)
            {
                Refuse(failure);
                delay = FailureDelay;
            }

            await Task.Delay(delay, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            delay = delay >= DelayMax ? DelayMax : delay * 2;
        }

        return null;
    }

    private async Task<IStoreLink?> TryConnectAsync()
    {
        if (!System.IO.Directory.Exists(_directory)) return null;
        foreach (string path in SocketPlaces.Find(_directory, _options.SocketDirectory))
        {
            PeerLink? link = await PeerLink.TryConnectAsync(path, _options, Note, _closing.Token).ConfigureAwait(false);
            if (link is not null) return link;
        }

        return null;
    }

    /// <summary>Positions and batches under way are those of one database: no other one is taken for it.</summary>
    private async ValueTask<bool> IsRightAsync(IStoreLink link)
    {
        (DatabaseId id, Guid owner) = link is PeerLink peer
            ? (peer.Database, peer.Owner)
            : (((OwnerLink)link).Store.Database.Id, Incarnation);
        if ((_database ??= id) == id)
        {
            _lastOwner = owner;
            return true;
        }

        await link.DisposeAsync().ConfigureAwait(false);
        throw new IOException($"In '{_directory}' there is another database now than the one that was opened.");
    }
}
