using Varve.Entries;

namespace Varve.Idempotency;

/// <summary>The keys of the journal's rows: docs/formats/journal.md.</summary>
internal static class JournalKeys
{
    private const byte RequestKind = (byte)'r';
    private const byte PendingKind = (byte)'p';
    private const byte FinishedKind = (byte)'f';
    private const byte KeyedKind = (byte)'k';
    private const byte GuardKind = (byte)'g';
    private const byte WriteKind = (byte)'w';
    private const byte NamedWrite = 1;
    private const byte UnnamedWrite = 2;

    /// <summary>What the keys of all requests begin with.</summary>
    public static byte[] Requests => [RequestKind];

    /// <summary>What the keys of all invocations that are not finished begin with.</summary>
    public static byte[] AllPending => [PendingKind];

    public static byte[] Request(Guid id) => OfKind(RequestKind, id);

    public static byte[] Pending(Guid id) => OfKind(PendingKind, id);

    public static byte[] Finished(Guid id) => OfKind(FinishedKind, id);

    public static byte[] Keyed(string principal, string key) =>
        new RowWriter().Byte(KeyedKind).Text(principal).Rest(RowWriter.Utf8.GetBytes(key)).ToArray();

    /// <summary>What the keys of an invocation's steps begin with.</summary>
    public static byte[] Steps(Guid id) => id.ToByteArray(bigEndian: true);

    public static byte[] Guard(Guid id, string alias) =>
        new RowWriter().Id(id).Byte(GuardKind).Rest(RowWriter.Utf8.GetBytes(alias)).ToArray();

    public static byte[] Write(Guid id, in WriteAlias write)
    {
        RowWriter key = new RowWriter().Id(id).Byte(WriteKind).Text(write.Map);
        return write.Alias is { } alias
            ? key.Byte(NamedWrite).Rest(RowWriter.Utf8.GetBytes(alias)).ToArray()
            : key.Byte(UnnamedWrite).Text(write.Guard).Number(write.Attempt).ToArray();
    }

    /// <summary>The id in the key of a step.</summary>
    public static Guid ReadIdOfStep(ReadOnlySpan<byte> key)
    {
        var reader = new RowReader(key);
        return reader.Id();
    }

    /// <summary>The id in the key of a request, pending or finished row.</summary>
    public static Guid ReadId(ReadOnlySpan<byte> key)
    {
        var reader = new RowReader(key);
        reader.Byte();
        Guid id = reader.Id();
        return reader.IsWhole ? id : RowReader.Throw<Guid>(InternalMaps.Invocations, key);
    }

    /// <summary>What the key of a step names: a guard's alias, or a map write.</summary>
    public static (string? Guard, WriteAlias Write) ReadStep(ReadOnlySpan<byte> key)
    {
        var reader = new RowReader(key);
        reader.Id();
        byte kind = reader.Byte();
        string? guard = kind == GuardKind ? reader.RestText() : null;
        WriteAlias write = kind == WriteKind ? ReadWrite(ref reader) : default;
        if (guard is null && write.Map is null) reader.Fail();
        return reader.IsWhole ? (guard, write) : RowReader.Throw<(string?, WriteAlias)>(InternalMaps.Steps, key);
    }

    /// <summary>The first key behind all that begin with the prefix.</summary>
    public static byte[] EndOf(ReadOnlySpan<byte> prefix) => MapIdentity.SuccessorOfPrefix(prefix);

    private static WriteAlias ReadWrite(ref RowReader reader)
    {
        string map = reader.Text();
        byte kind = reader.Byte();
        if (kind == NamedWrite) return WriteAlias.Named(map, reader.RestText());
        if (kind != UnnamedWrite) reader.Fail();
        return WriteAlias.Unnamed(map, reader.Text(), reader.Count());
    }

    private static byte[] OfKind(byte kind, Guid id)
    {
        byte[] key = new byte[1 + RowWriter.IdBytes];
        key[0] = kind;
        id.TryWriteBytes(key.AsSpan(1), bigEndian: true, out _);
        return key;
    }
}

/// <summary>Names one write of a map in an invocation: by its alias, else by where it happens.</summary>
/// <param name="Map">The map.</param>
/// <param name="Alias">Its alias; null where it has none.</param>
/// <param name="Guard">Without an alias: the guard it happens in; empty outside of one.</param>
/// <param name="Attempt">Without an alias: the guard's attempt.</param>
internal readonly record struct WriteAlias(string Map, string? Alias, string Guard, int Attempt)
{
    public static WriteAlias Named(string map, string alias) => new(map, alias, "", 0);

    public static WriteAlias Unnamed(string map, string guard, int attempt) => new(map, null, guard, attempt);
}
