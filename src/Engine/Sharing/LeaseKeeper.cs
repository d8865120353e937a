using System.Diagnostics;

namespace Varve.Sharing;

/// <summary>
/// Writes and removes the rows of leases, at the owner: one for itself, and one for each process that is connected. See
/// docs/formats/sharing.md.
/// </summary>
internal sealed class LeaseKeeper(EmbeddedStore store, Guid owner) : IDisposable
{
    private const int PageRows = 1_000;

    private readonly SemaphoreSlim _rowGuard = new(1, 1);
    private readonly Dictionary<Guid, int> _connections = [];
    private bool _isLeaving;

    public void Dispose() => _rowGuard.Dispose();

    /// <summary>
    /// Writes the owner's own row, and removes those of an earlier time whose processes have ended. Those that may come back are returned.
    /// </summary>
    /// <param name="previousOwner">Who was the owner, as far as it is known: it is gone.</param>
    public async Task<IReadOnlyList<Guid>> BeginAsync(Guid previousOwner)
    {
        await PutAsync(owner, Environment.ProcessId).ConfigureAwait(false);
        List<Guid> left = [];
        byte[]? start = LeaseRow.All;
        while (start is not null)
        {
            var range = new StoreRange { Map = SharedMaps.Sessions, Start = start, End = LeaseRow.End, Limit = PageRows };
            StorePage page = await store.ReadRangeAsync(range).ConfigureAwait(false);
            foreach (PageEntry row in page.Entries)
            {
                if (!LeaseRow.TryReadKey(row.Key.Span, out Guid holder) || holder == owner) continue;
                bool mayReturn = holder != previousOwner && LeaseRow.TryReadValue(row.Value.Span, out int process) && IsRunning(process);
                if (mayReturn) left.Add(holder);
                else await DeleteAsync(holder).ConfigureAwait(false);
            }

            start = page.NextKey;
        }

        return left;
    }

    /// <summary>Removes the rows of those that have not come back.</summary>
    public async Task EndAsync(IReadOnlyList<Guid> left, CancellationToken cancellation)
    {
        foreach (Guid holder in left)
        {
            await _rowGuard.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                if (!_isLeaving && !_connections.ContainsKey(holder)) await DeleteAsync(holder).ConfigureAwait(false);
            }
            finally
            {
                _rowGuard.Release();
            }
        }
    }

    /// <summary>A connection begins; the row is there when this returns.</summary>
    public async Task AddAsync(Guid holder, int process)
    {
        await _rowGuard.WaitAsync().ConfigureAwait(false);
        try
        {
            await PutAsync(holder, process).ConfigureAwait(false);
            _connections[holder] = _connections.GetValueOrDefault(holder) + 1;
        }
        finally
        {
            _rowGuard.Release();
        }
    }

    /// <summary>A connection has ended.</summary>
    public async Task RemoveAsync(Guid holder)
    {
        await _rowGuard.WaitAsync().ConfigureAwait(false);
        try
        {
            int left = _connections[holder] - 1;
            if (left > 0)
            {
                _connections[holder] = left;
                return;
            }

            _connections.Remove(holder);
            if (!_isLeaving) await DeleteAsync(holder).ConfigureAwait(false);
        }
        finally
        {
            _rowGuard.Release();
        }
    }

    /// <summary>The owner leaves: its own lease ends, and those of others are the next owner's.</summary>
    public async Task LeaveAsync()
    {
        await _rowGuard.WaitAsync().ConfigureAwait(false);
        try
        {
            _isLeaving = true;
            await DeleteAsync(owner).ConfigureAwait(false);
        }
        finally
        {
            _rowGuard.Release();
        }
    }

    private Task PutAsync(Guid holder, int process) =>
        WriteAsync(StoreOperation.Put(SharedMaps.Sessions, LeaseRow.KeyOf(holder), LeaseRow.ValueOf(process)));

    private Task DeleteAsync(Guid holder) => WriteAsync(StoreOperation.Delete(SharedMaps.Sessions, LeaseRow.KeyOf(holder)));

    private async Task WriteAsync(StoreOperation operation)
    {
        var batch = new StoreBatch { Operations = [operation], Durability = Durability.Buffered };
        await store.WriteAsync(batch).ConfigureAwait(false);
    }

    private static bool IsRunning(int process)
    {
        try
        {
            using Process found = Process.GetProcessById(process);
            if (!OperatingSystem.IsLinux()) return !found.HasExited;

            // One that has ended and was not asked for its exit code still has a number: state Z, behind the name in parentheses.
            string status = File.ReadAllText($"/proc/{process}/stat");
            return status[(status.LastIndexOf(')') + 2)..][0] is not ('Z' or 'X');
        }
        catch (Exception gone) when (gone is ArgumentException or InvalidOperationException or IOException)
        {
            return false;
        }
    }
}
