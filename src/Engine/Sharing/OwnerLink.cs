using System.Net.Sockets;

namespace Varve.Sharing;

/// <summary>The database is open in this process, which serves it to others.</summary>
internal sealed class OwnerLink : IStoreLink
{
    /// <summary>How long a process whose connection went with the owner before may take to connect again.</summary>
    private static readonly TimeSpan ReturnTime = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan UpkeepInterval = TimeSpan.FromMinutes(1);

    /// <summary>How long requests under way may take when the owner leaves.</summary>
    private static readonly TimeSpan LeaveTime = TimeSpan.FromSeconds(5);

    private const int WaitingConnectionsMax = 128;

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _leaving = new();
    private readonly Lock _connectionsGuard = new();
    private readonly HashSet<OwnerConnection> _connections = [];
    private readonly Socket _listener;
    private Task _work = Task.CompletedTask;
    private int _isDisposed;

    private OwnerLink(OwnerStore store, Socket listener, Guid incarnation)
    {
        Store = store;
        _listener = listener;
        Incarnation = incarnation;
        LeaseKeeper = new LeaseKeeper(store.Embedded, incarnation);
    }

    public Task Ended => _ended.Task;

    public int OwnerProcessId => Environment.ProcessId;

    public OwnerStore Store { get; }

    public Guid Incarnation { get; }

    public LeaseKeeper LeaseKeeper { get; }

    /// <summary>Opens the database and begins to serve it.</summary>
    /// <exception cref="DatabaseLockedException">Somebody else has it open.</exception>
    public static async Task<OwnerLink> OpenAsync(string directory, SharedStoreOptions options, Guid previousOwner)
    {
        Database database = await Task.Run(() => Database.Open(directory, options.Database)).ConfigureAwait(false);
        Socket? listener = null;
        OwnerLink? link = null;
        try
        {
            // Who has the lock is the only owner there is: what stands at the socket's place is a dead one's.
            listener = Listen(SocketPlaces.Make(directory, options.SocketDirectory));
            link = new OwnerLink(new OwnerStore(database), listener, options.Incarnation);
            IReadOnlyList<Guid> left = await link.LeaseKeeper.BeginAsync(previousOwner).ConfigureAwait(false);
            link._work = Task.WhenAll(link.AcceptAsync(), link.EndLeasesAsync(left), link.RemoveIdsAsync());
            return link;
        }
        catch
        {
            listener?.Dispose();
            link?.LeaseKeeper.Dispose();
            await database.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public ValueTask<byte[]?> GetAsync(string map, ReadOnlyMemory<byte> key, CancellationToken cancellation) =>
        Store.Embedded.GetAsync(map, key, cancellation);

    public ValueTask<StorePage> ReadRangeAsync(StoreRange range, CancellationToken cancellation) =>
        Store.Embedded.ReadRangeAsync(range, cancellation);

    public ValueTask<StoreOutcome> WriteAsync(StoreBatch batch, BatchAttempt attempt, SentFlag sent, CancellationToken cancellation) =>
        attempt.IsAgain ? Store.WriteAsync(batch, attempt, CancellationToken.None) : Store.Embedded.WriteAsync(batch, cancellation);

    public IAsyncEnumerable<FeedItem> ReadChangesAsync(StoreFeed feed, CancellationToken cancellation) =>
        Store.ReadChangesAsync(feed, cancellation);

    public ValueTask<IReadOnlyList<string>> ListMapsAsync(CancellationToken cancellation) => Store.Embedded.ListMapsAsync(cancellation);

    /// <summary>
    /// Leaves: takes no more requests, answers those under way, closes the database, and only then the connections, so that the others
    /// find it free when they see that the owner is gone.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        await _leaving.CancelAsync().ConfigureAwait(false);

        // While the lock is held: closing it removes its file, and that must not be the next owner's.
        _listener.Dispose();
        await _work.ConfigureAwait(false);
        OwnerConnection[] connections;
        lock (_connectionsGuard) connections = [.. _connections];
        Task idle = Task.WhenAll(connections.Select(connection => connection.Idle));
        await Task.WhenAny(idle, Task.Delay(LeaveTime)).ConfigureAwait(false);
        try
        {
            await LeaseKeeper.LeaveAsync().ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or DatabaseReadOnlyException)
        {
            // The next owner finds the row of a process that has left or ended, and removes it.
        }

        await Store.Database.DisposeAsync().ConfigureAwait(false);
        foreach (OwnerConnection connection in connections) connection.Close();
        await Task.WhenAll(connections.Select(connection => connection.Done)).ConfigureAwait(false);
        LeaseKeeper.Dispose();
        _leaving.Dispose();
        _ended.TrySetResult();
    }

    /// <summary>
    /// Ends older connections of a process, and returns when nothing of what they were asked is under way: what the process asks from
    /// now on comes behind it.
    /// </summary>
    /// <returns>False: a newer connection of the process was faster, and has taken this one's place already.</returns>
    public async Task<bool> TrySupersedeAsync(OwnerConnection newer, Guid holder)
    {
        OwnerConnection[] others;
        lock (_connectionsGuard)
            others = [.. _connections.Where(connection => connection != newer && connection.Holder == holder)];
        if (others.Any(connection => connection.Number > newer.Number)) return false;

        foreach (OwnerConnection connection in others) connection.Close();
        await Task.WhenAll(others.Select(connection => connection.Idle)).ConfigureAwait(false);
        return true;
    }

    private static Socket Listen(string path)
    {
        File.Delete(path);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            listener.Listen(WaitingConnectionsMax);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    private async Task AcceptAsync()
    {
        long number = 0;
        while (!_leaving.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync(_leaving.Token).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // One that went before it was taken, or no descriptor is left just now.
                await Task.Delay(TimeSpan.FromMilliseconds(10)).ConfigureAwait(false);
                continue;
            }

            if (!PeerIdentity.IsSameUser(socket))
            {
                socket.Dispose();
                continue;
            }

            var connection = new OwnerConnection(this, socket, ++number);
            lock (_connectionsGuard) _connections.Add(connection);
            _ = ServeAsync(connection);
        }
    }

    private async Task ServeAsync(OwnerConnection connection)
    {
        try
        {
            await connection.RunAsync(_leaving.Token).ConfigureAwait(false);
        }
        finally
        {
            lock (_connectionsGuard) _connections.Remove(connection);
        }
    }

    private async Task EndLeasesAsync(IReadOnlyList<Guid> left)
    {
        if (left.Count == 0) return;
        try
        {
            await Task.Delay(ReturnTime, _leaving.Token).ConfigureAwait(false);
            await LeaseKeeper.EndAsync(left, _leaving.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException or DatabaseReadOnlyException)
        {
            // The next owner does it.
        }
    }

    /// <summary>Removes the ids of batches that nobody asks for any more.</summary>
    private async Task RemoveIdsAsync()
    {
        TimeProvider time = Store.Database.Options.TimeProvider;
        using var timer = new PeriodicTimer(UpkeepInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_leaving.Token).ConfigureAwait(false))
            {
                await Store.RemoveIdsAsync(time.GetUtcNow(), _leaving.Token).ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException or DatabaseReadOnlyException)
        {
            // Either this owner leaves, or the database takes no more writes: the next one does it.
        }
    }
}
