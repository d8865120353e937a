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
/// Steps that read what they change take turns, by name: what a step has read is still so when its batch is committed. A database is open
/// in one process, so that this is enough.
/// </summary>
internal sealed class Turns
{
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _turns = new(StringComparer.Ordinal);

    public async Task<T> InAsync<T>(string name, Func<Task<T>> work, CancellationToken cancellation)
    {
        SemaphoreSlim turn = _turns.GetOrAdd(name, static _ => new SemaphoreSlim(1));
        await turn.WaitAsync(cancellation);
        try
        {
            return await work();
        }
        finally
        {
            turn.Release();
        }
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
