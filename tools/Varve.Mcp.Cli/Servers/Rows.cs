using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers;

/// <summary>Values of maps as JSON.</summary>
internal static class Rows
{
    /// <summary>Bytes of a page that goes into one answer.</summary>
    public const int PageBytesMax = 1 << 20;

    public static byte[] Write<T>(T row) => JsonSerializer.SerializeToUtf8Bytes(row, ServerJson.TypeOf<T>());

    public static T Read<T>(ReadOnlySpan<byte> value) => JsonSerializer.Deserialize(value, ServerJson.TypeOf<T>())
        ?? throw new InvalidDataException($"A row of {typeof(T).Name} is null.");

    /// <summary>The row of a key; null when the key is absent.</summary>
    public static async ValueTask<T?> FindAsync<T>(this StoreMap map, string key, CancellationToken cancellation = default)
        where T : class
    {
        byte[]? value = await map.GetAsync(key, cancellation);
        return value is null ? null : Read<T>(value);
    }

    public static IEnumerable<T> Read<T>(this MapPage page) => page.Entries.Select(entry => Read<T>(entry.Value.Span));
}

/// <summary>Texts for answers.</summary>
internal static class Texts
{
    /// <summary>The first characters of a text; one of two code units is not cut in the middle.</summary>
    public static string Cut(string text, int codePointsMax)
    {
        int codePoints = 0;
        int length = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (codePoints++ == codePointsMax) return text[..length];
            length += rune.Utf16SequenceLength;
        }

        return text;
    }
}

/// <summary>Ids that are the same for the same texts, in every process.</summary>
internal static class StableId
{
    /// <param name="digits">Hexadecimal digits, up to 64.</param>
    /// <param name="parts">What it identifies.</param>
    public static string Of(int digits, params string[] parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))))[..digits];
}

/// <summary>
/// Steps that read what they change take turns, by name: what a step has read is still so when its batch is committed. In a directory that
/// is shared they do so among all its processes.
/// </summary>
internal sealed class Turns(ISharedStore store)
{
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _turns = new(StringComparer.Ordinal);

    public async Task<T> InAsync<T>(string name, Func<Task<T>> work, CancellationToken cancellation)
    {
        SemaphoreSlim turn = _turns.GetOrAdd(name, static _ => new SemaphoreSlim(1));
        await turn.WaitAsync(cancellation);
        try
        {
            if (store is not SharedStore shared) return await work();
            await using var row = await TurnRow.TakeAsync(shared, name, cancellation);
            return await work();
        }
        finally
        {
            turn.Release();
        }
    }
}

/// <summary>
/// A turn among the processes that share a directory: a row that names whose it is. That of a process that does not use the store any more
/// is anybody's; what it has written is written before its lease ends.
/// </summary>
internal sealed class TurnRow : IAsyncDisposable
{
    private const string Map = InternalMaps.Prefix + "turns";
    private const int DelayMillisecondsMax = 10;

    private readonly SharedStore _store;
    private readonly byte[] _key;
    private readonly byte[] _own;

    private TurnRow(SharedStore store, string name)
    {
        _store = store;
        _key = Encoding.UTF8.GetBytes(name);
        _own = store.Incarnation.ToByteArray(bigEndian: true);
    }

    public static async Task<TurnRow> TakeAsync(SharedStore store, string name, CancellationToken cancellation)
    {
        var row = new TurnRow(store, name);
        while (!await row.TryTakeAsync(cancellation)) await Task.Delay(Random.Shared.Next(1, DelayMillisecondsMax), cancellation);
        return row;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await WriteAsync(StoreCondition.Value(Map, _key, _own), StoreOperation.Delete(Map, _key), CancellationToken.None);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or DatabaseReadOnlyException)
        {
            // The row stays this process's: its next turn finds it so, or everybody does when the process has ended.
        }
    }

    private async Task<bool> TryTakeAsync(CancellationToken cancellation)
    {
        StoreOperation take = StoreOperation.Put(Map, _key, _own);
        if (await WriteAsync(StoreCondition.Absent(Map, _key), take, cancellation)) return true;
        byte[]? holder = await _store.GetAsync(Map, _key, cancellation);
        if (holder is null) return false;
        if (holder.AsSpan().SequenceEqual(_own)) return true;
        if (await Leases.IsHeldAsync(_store, new Guid(holder, bigEndian: true), cancellation)) return false;
        return await WriteAsync(StoreCondition.Value(Map, _key, holder), take, cancellation);
    }

    private async Task<bool> WriteAsync(StoreCondition condition, StoreOperation operation, CancellationToken cancellation)
    {
        var batch = new StoreBatch { Conditions = [condition], Operations = [operation], Durability = Durability.Buffered };
        return (await _store.WriteAsync(batch, cancellation)).IsCommitted;
    }
}

/// <summary>Numbers that are given once, from 1, whatever becomes of what got them.</summary>
internal static class Numbers
{
    private const string Map = "counters";

    /// <summary>The next numbers; committed with the step that asks for them. Only within <see cref="Turns"/> of the same name.</summary>
    /// <returns>The first of them.</returns>
    public static async Task<long> TakeAsync(ISharedStore store, StepBatch step, string name, int count)
    {
        byte[]? last = await new StoreMap(store, Map).GetAsync(name, step.Cancellation);
        long first = (last is null ? 0 : long.Parse(last, CultureInfo.InvariantCulture)) + 1;
        step.Insert(Map, name, Encoding.UTF8.GetBytes((first + count - 1).ToString(CultureInfo.InvariantCulture)));
        return first;
    }
}
