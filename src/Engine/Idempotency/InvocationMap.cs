using Varve.Sharing;

namespace Varve.Idempotency;

/// <summary>
/// A map as a run of an invocation sees it: reads are ordinary ones, each write happens once in an invocation, however often it is run.
/// </summary>
/// <remarks>
/// A write is known by its alias, or, without one, by the map, the guard it is in and the guard's attempt. Two writes of one map need
/// aliases; writes of different maps do not. On a later run a write that has happened is passed over, even where its bytes differ.
/// </remarks>
public sealed class InvocationMap : StoreMap
{
    private readonly InvocationContext _context;
    private readonly string? _alias;

    internal InvocationMap(InvocationContext context, ISharedStore store, string name, string? alias = null)
        : base(store, name)
    {
        _context = context;
        _alias = alias;
    }

    /// <summary>The same map for one write that is known by an alias.</summary>
    /// <param name="alias">Not empty; one of its own among the writes of this map in the invocation.</param>
    public InvocationMap Idempotently(string alias)
    {
        InvocationContext.CheckAlias(alias);
        return new InvocationMap(_context, Store, Name, alias);
    }

    /// <summary>Gives a key a value.</summary>
    /// <param name="key">0 to 16,384 bytes of UTF-8.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="AliasReusedException">
    /// This run has written to the map before, under the same alias or both times without.
    /// </exception>
    /// <exception cref="InvocationLostException">The run no longer owns its invocation: nothing was written.</exception>
    public ValueTask InsertAsync(string key, ReadOnlyMemory<byte> value) =>
        _context.WriteMapAsync(Name, _alias, [StoreOperation.Put(Name, BytesOf(key), value)]);

    /// <summary>Gives keys values, all or none; a key that is there gets the new value. Errors as those of a single one.</summary>
    /// <param name="entries">The keys and their values.</param>
    public ValueTask InsertAsync(IEnumerable<KeyValuePair<string, byte[]>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        return _context.WriteMapAsync(Name, _alias, entries.Select(entry => StoreOperation.Put(Name, BytesOf(entry.Key), entry.Value)));
    }

    /// <summary>Removes keys, all or none; those that are absent are passed over. Errors as those of an insert.</summary>
    /// <param name="keys">The keys.</param>
    public ValueTask RemoveAsync(params IEnumerable<string> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return _context.WriteMapAsync(Name, _alias, keys.Select(key => StoreOperation.Delete(Name, BytesOf(key))));
    }
}
