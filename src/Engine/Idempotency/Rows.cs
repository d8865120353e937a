using System.Security.Cryptography;

namespace Varve.Idempotency;

/// <summary>What was asked for; written once.</summary>
internal sealed record RequestRow
{
    private const byte HasKey = 1;
    private const byte IsReplay = 2;
    private const byte HasArguments = 4;
    private const byte HasOrigin = 8;
    private const int FixedBytes = 64;

    public required RecoveryMode Recovery { get; init; }

    public required long CreatedMilliseconds { get; init; }

    public required string Name { get; init; }

    public required string Principal { get; init; }

    public string? Key { get; init; }

    public Guid? ReplayOf { get; init; }

    public ReadOnlyMemory<byte> Origin { get; init; }

    /// <summary>Null: they were not to be kept.</summary>
    public ReadOnlyMemory<byte>? Arguments { get; init; }

    /// <summary>About what the row takes.</summary>
    public long SizeBytes =>
        FixedBytes + Name.Length + Principal.Length + (Key?.Length ?? 0) + Origin.Length + Arguments.GetValueOrDefault().Length;

    public byte[] Encode()
    {
        int flags = (Key is null ? 0 : HasKey) | (ReplayOf is null ? 0 : IsReplay) | (Arguments is null ? 0 : HasArguments)
            | (Origin.IsEmpty ? 0 : HasOrigin);
        RowWriter row = RowWriter.Value().Byte((byte)Recovery).Byte((byte)flags).Time(CreatedMilliseconds)
            .Text(Name).Text(Principal);
        if (Key is not null) row.Text(Key);
        if (ReplayOf is { } replayed) row.Id(replayed);
        if (!Origin.IsEmpty) row.Number(Origin.Length).Rest(Origin.Span);
        return row.Rest(Arguments.GetValueOrDefault().Span).ToArray();
    }

    public static RequestRow Decode(ReadOnlySpan<byte> value)
    {
        var reader = RowReader.OfValue(value);
        var recovery = (RecoveryMode)reader.Byte();
        byte flags = reader.Byte();
        if (!Enum.IsDefined(recovery) || flags > (HasKey | IsReplay | HasArguments | HasOrigin)) reader.Fail();
        var row = new RequestRow
        {
            Recovery = recovery,
            CreatedMilliseconds = reader.Time(),
            Name = reader.Text(),
            Principal = reader.Text(),
            Key = (flags & HasKey) != 0 ? reader.Text() : null,
            ReplayOf = (flags & IsReplay) != 0 ? reader.Id() : null,
            Origin = (flags & HasOrigin) != 0 ? reader.Bytes(reader.Count()) : default(ReadOnlyMemory<byte>),
            Arguments = (flags & HasArguments) != 0 ? reader.Rest() : default(ReadOnlyMemory<byte>?),
        };
        return reader.IsWhole ? row : RowReader.Throw<RequestRow>(InternalMaps.Invocations, value);
    }
}

/// <summary>How often an invocation was run, and for whom.</summary>
internal readonly record struct RunCounts(long Epoch, int Attempts, int Recoveries, int Round)
{
    /// <summary>The first run of the next round: somebody asks for it.</summary>
    public RunCounts Again => new(Epoch + 1, Attempts + 1, 0, Round + 1);

    /// <summary>The run after a crash.</summary>
    public RunCounts Recovered => new(Epoch + 1, Attempts + 1, Recoveries + 1, Round);

    public void WriteTo(RowWriter row) => row.Number(Epoch).Number(Attempts).Number(Recoveries).Number(Round);

    public static RunCounts Read(ref RowReader reader) => new(reader.Number(), reader.Count(), reader.Count(), reader.Count());
}

/// <summary>
/// The state of an invocation that is not finished. Its bytes are what every write of a run has as its condition: no two runs have the
/// same.
/// </summary>
internal sealed record PendingRow
{
    public required InvocationState State { get; init; }

    public required RunCounts Counts { get; init; }

    /// <summary>The incarnation that runs it; empty where nobody does.</summary>
    public required Guid Owner { get; init; }

    public required long SinceMilliseconds { get; init; }

    /// <summary>Nobody is to run it now: it has a row in the expiry map.</summary>
    public bool IsIdle => State is InvocationState.Waiting or InvocationState.Open;

    public byte[] Encode()
    {
        RowWriter row = RowWriter.Value().Byte((byte)State);
        Counts.WriteTo(row);
        return row.Id(Owner).Time(SinceMilliseconds).ToArray();
    }

    public static PendingRow Decode(ReadOnlySpan<byte> value)
    {
        var reader = RowReader.OfValue(value);
        var state = (InvocationState)reader.Byte();
        if (state is < InvocationState.Queued or > InvocationState.Open) reader.Fail();
        var row = new PendingRow
        {
            State = state,
            Counts = RunCounts.Read(ref reader),
            Owner = reader.Id(),
            SinceMilliseconds = reader.Time(),
        };
        return reader.IsWhole ? row : RowReader.Throw<PendingRow>(InternalMaps.Invocations, value);
    }
}

/// <summary>How an invocation has ended.</summary>
internal sealed record FinishedRow
{
    private const byte ErrorFlag = 1;

    public required InvocationState State { get; init; }

    public required bool IsError { get; init; }

    public required long FinishedMilliseconds { get; init; }

    public required RunCounts Counts { get; init; }

    public required ReadOnlyMemory<byte> Outcome { get; init; }

    public byte[] Encode()
    {
        RowWriter row = RowWriter.Value().Byte((byte)State).Byte(IsError ? ErrorFlag : (byte)0).Time(FinishedMilliseconds);
        Counts.WriteTo(row);
        return row.Rest(Outcome.Span).ToArray();
    }

    public static FinishedRow Decode(ReadOnlySpan<byte> value)
    {
        var reader = RowReader.OfValue(value);
        var state = (InvocationState)reader.Byte();
        byte flags = reader.Byte();
        if (state is < InvocationState.Completed or > InvocationState.Cancelled || flags > ErrorFlag) reader.Fail();
        var row = new FinishedRow
        {
            State = state,
            IsError = flags == ErrorFlag,
            FinishedMilliseconds = reader.Time(),
            Counts = RunCounts.Read(ref reader),
            Outcome = reader.Rest(),
        };
        return reader.IsWhole ? row : RowReader.Throw<FinishedRow>(InternalMaps.Invocations, value);
    }
}

/// <summary>The invocation that an idempotency key names.</summary>
internal sealed record KeyRow(Guid Id, byte[] Fingerprint)
{
    /// <summary>What a request that comes with the same key must have, too.</summary>
    public static byte[] FingerprintOf(string name, ReadOnlySpan<byte> arguments) =>
        SHA256.HashData(new RowWriter().Text(name).Rest(arguments).ToArray());

    public byte[] Encode() => RowWriter.Value().Id(Id).Rest(Fingerprint).ToArray();

    public static KeyRow Decode(ReadOnlySpan<byte> value)
    {
        var reader = RowReader.OfValue(value);
        var row = new KeyRow(reader.Id(), reader.Bytes(SHA256.HashSizeInBytes));
        return reader.IsWhole ? row : RowReader.Throw<KeyRow>(InternalMaps.Invocations, value);
    }
}

/// <summary>Stored on disk: never renumber.</summary>
internal enum ExpiryKind : byte
{
    Unkeyed = 1,
    Keyed = 2,
    Dead = 3,
    Idle = 4,
}

/// <summary>Says that an invocation may go some time after it has come to rest.</summary>
/// <param name="Kind">As what it rests; in the key, as are the next two.</param>
/// <param name="Milliseconds">When it came to rest.</param>
/// <param name="Id">The invocation.</param>
/// <param name="Bytes">About what its rows take.</param>
/// <param name="IsCompleted">Whether it has its outcome, so that nobody runs it again.</param>
internal readonly record struct ExpiryRow(ExpiryKind Kind, long Milliseconds, Guid Id, long Bytes, bool IsCompleted = false)
{
    private const byte CompletedFlag = 1;

    /// <summary>What the keys of a kind begin with.</summary>
    public static byte[] KeysOf(ExpiryKind kind) => [(byte)kind];

    public byte[] EncodeKey() => new RowWriter().Byte((byte)Kind).SortedTime(Milliseconds).Id(Id).ToArray();

    public byte[] EncodeValue() => RowWriter.Value().Byte(IsCompleted ? CompletedFlag : (byte)0).Number(Bytes).ToArray();

    public static ExpiryRow Decode(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var keyReader = new RowReader(key);
        var kind = (ExpiryKind)keyReader.Byte();
        long milliseconds = keyReader.SortedTime();
        Guid id = keyReader.Id();
        var reader = RowReader.OfValue(value);
        byte flags = reader.Byte();
        var row = new ExpiryRow(kind, milliseconds, id, reader.Number(), flags == CompletedFlag);
        return keyReader.IsWhole && reader.IsWhole && Enum.IsDefined(kind) && flags <= CompletedFlag
            ? row
            : RowReader.Throw<ExpiryRow>(InternalMaps.Expiry, key);
    }
}
