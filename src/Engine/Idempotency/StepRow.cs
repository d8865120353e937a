using System.Text;

namespace Varve.Idempotency;

/// <summary>What a guard, or a map write, has done. An entry of the map of steps.</summary>
internal sealed record StepRow
{
    /// <summary>Of an exception's message no more is kept.</summary>
    private const int MessageCharsMax = 16 << 10;

    public required StepState State { get; init; }

    public Tries Tries { get; init; }

    /// <summary>Of the result, or of the exception.</summary>
    public string Type { get; init; } = "";

    public string Message { get; init; } = "";

    public ReadOnlyMemory<byte> Json { get; init; }

    public static StepRow Written { get; } = new() { State = StepState.Written };

    public static StepRow Stored(int attempt, string type, ReadOnlyMemory<byte> json) =>
        new() { State = StepState.Stored, Tries = new Tries(attempt, 0, 0), Type = type, Json = json };

    public static StepRow Started(Tries tries) => new() { State = StepState.Started, Tries = tries };

    public static StepRow Retryable(Tries tries, Exception failure) =>
        new() { State = StepState.Retryable, Tries = tries, Type = TypeOf(failure), Message = MessageOf(failure) };

    public static StepRow Failed(int attempt, Exception failure) =>
        new() { State = StepState.Failed, Tries = new Tries(attempt, 0, 0), Type = TypeOf(failure), Message = MessageOf(failure) };

    public byte[] Encode()
    {
        RowWriter row = RowWriter.Value().Byte((byte)State);
        switch (State)
        {
            case StepState.Stored:
                return row.Number(Tries.Attempt).Text(Type).Rest(Json.Span).ToArray();
            case StepState.Started:
                return row.Number(Tries.Attempt).Number(Tries.Round).Number(Tries.InRound).ToArray();
            case StepState.Retryable:
                return row.Number(Tries.Attempt).Number(Tries.Round).Number(Tries.InRound).Text(Type).Text(Message).ToArray();
            case StepState.Failed:
                return row.Number(Tries.Attempt).Text(Type).Text(Message).ToArray();
            default:
                return row.ToArray();
        }
    }

    public static StepRow Decode(ReadOnlySpan<byte> value)
    {
        var reader = RowReader.OfValue(value);
        var state = (StepState)reader.Byte();
        if (!Enum.IsDefined(state)) reader.Fail();
        bool isCounted = state is StepState.Started or StepState.Retryable;
        var row = new StepRow
        {
            State = state,
            Tries = state == StepState.Written
                ? default
                : new Tries(reader.Count(), isCounted ? reader.Count() : 0, isCounted ? reader.Count() : 0),
            Type = state is StepState.Stored or StepState.Retryable or StepState.Failed ? reader.Text() : "",
            Message = state is StepState.Retryable or StepState.Failed ? reader.Text() : "",
            Json = state == StepState.Stored ? reader.Rest() : default,
        };
        return reader.IsWhole ? row : RowReader.Throw<StepRow>(InternalMaps.Steps, value);
    }

    private static string TypeOf(Exception failure) => failure.GetType().FullName ?? failure.GetType().Name;

    /// <summary>Anybody's text: what is no valid UTF-16 in it becomes a mark, for nothing may fail here.</summary>
    private static string MessageOf(Exception failure)
    {
        ReadOnlySpan<char> message = failure.Message.AsSpan(0, Math.Min(failure.Message.Length, MessageCharsMax));
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(message)];
        Encoding.UTF8.GetBytes(message, bytes);
        return Encoding.UTF8.GetString(bytes);
    }
}

/// <summary>The attempts of a guard: in all runs, and in a round of runs, by which they are bounded.</summary>
internal readonly record struct Tries(int Attempt, int Round, int InRound)
{
    /// <summary>Where a guard goes on: behind what is recorded, in a new round without the tries of the last one.</summary>
    public static Tries After(StepRow? known, int round)
    {
        Tries before = known?.Tries ?? default;
        return new Tries(before.Attempt, round, before.Round == round ? before.InRound : 0);
    }

    public Tries Next => new(Attempt + 1, Round, InRound + 1);
}
