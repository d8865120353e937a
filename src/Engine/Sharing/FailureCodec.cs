using System.Globalization;

namespace Varve.Sharing;

/// <summary>Which exception a failure frame stands for. Sent between processes: never renumber.</summary>
internal enum FailureKind : byte
{
    Other = 0,
    Argument = 1,
    ArgumentOutOfRange = 2,
    CorruptData = 3,
    Storage = 4,
    ReadOnly = 5,
    OutcomeUnknown = 6,
    HistoryLost = 7,
    MapDropped = 8,
    MemoryBudget = 9,
    Invariant = 10,
    Canceled = 11,
    InputOutput = 12,
    InvalidOperation = 13,
}

/// <summary>
/// Exceptions as bytes: what comes out is of the type, and says the same, as what went in. Its trace is that of the caller.
/// </summary>
internal static class FailureCodec
{
    private const string ArgumentNullText = "A value is missing.";

    // failure := kind:u8 | message:text | detail:text | place:text | number:varint | number:varint
    public static void Write(FrameBuffer frame, Exception failure)
    {
        switch (failure)
        {
            case ArgumentOutOfRangeException range:
                Write(frame, FailureKind.ArgumentOutOfRange, WithoutSuffix(range), range.ParamName);
                break;
            case ArgumentException argument:
                Write(frame, FailureKind.Argument, WithoutSuffix(argument), argument.ParamName);
                break;
            case CorruptDataException damage:
                Write(frame, FailureKind.CorruptData, damage.Message, damage.Detail, damage.Path, (ulong)damage.Offset);
                break;
            case StorageException storage:
                Write(frame, FailureKind.Storage, ReasonOf(storage), storage.Operation, storage.Path, (uint)storage.ErrorCode);
                break;
            case DatabaseReadOnlyException:
                Write(frame, FailureKind.ReadOnly, failure.Message);
                break;
            case CommitOutcomeUnknownException:
                Write(frame, FailureKind.OutcomeUnknown, failure.Message);
                break;
            case ChangeHistoryLostException lost:
                Write(frame, FailureKind.HistoryLost, lost.Message, "", "", lost.AfterSequence, lost.OldestSequence);
                break;
            case MapDroppedException dropped:
                Write(frame, FailureKind.MapDropped, dropped.Message, dropped.MapName);
                break;
            case MemoryBudgetException:
                Write(frame, FailureKind.MemoryBudget, failure.Message);
                break;
            case InvariantViolatedException:
                Write(frame, FailureKind.Invariant, failure.Message);
                break;
            case OperationCanceledException:
                Write(frame, FailureKind.Canceled, failure.Message);
                break;
            case InvalidOperationException:
                Write(frame, FailureKind.InvalidOperation, failure.Message);
                break;
            case IOException:
                Write(frame, FailureKind.InputOutput, failure.Message);
                break;
            default:
                Write(frame, FailureKind.Other, $"{failure.GetType().Name}: {failure.Message}");
                break;
        }
    }

    /// <summary>Null: it is none.</summary>
    public static Exception? Read(ReadOnlySpan<byte> body)
    {
        var reader = new BodyReader(body);
        var kind = (FailureKind)reader.Byte();
        string message = reader.Text();
        string detail = reader.Text();
        string place = reader.Text();
        ulong first = reader.Number();
        ulong second = reader.Number();
        if (!reader.IsWhole) return null;
        string? name = detail.Length == 0 ? null : detail;
        return kind switch
        {
            FailureKind.Argument => new ArgumentException(message, name),
            FailureKind.ArgumentOutOfRange => new ArgumentOutOfRangeException(name, message),
            FailureKind.CorruptData => new CorruptDataException(place, (long)first, detail),
            FailureKind.Storage => new StorageException(detail, place, (int)first, message),
            FailureKind.ReadOnly => new DatabaseReadOnlyException(message),
            FailureKind.OutcomeUnknown => new CommitOutcomeUnknownException(message, cause: null),
            FailureKind.HistoryLost => new ChangeHistoryLostException(first, second),
            FailureKind.MapDropped => new MapDroppedException(detail),
            FailureKind.MemoryBudget => new MemoryBudgetException(message),
            FailureKind.Invariant => new InvariantViolatedException(message),
            FailureKind.Canceled => new OperationCanceledException(message),
            FailureKind.InvalidOperation => new InvalidOperationException(message),
            _ => new IOException(message),
        };
    }

    private static void Write(
        FrameBuffer frame, FailureKind kind, string message, string? detail = "", string place = "", ulong first = 0, ulong second = 0)
    {
        frame.Byte((byte)kind);
        frame.Text(Clean(message));
        frame.Text(Clean(detail ?? ""));
        frame.Text(Clean(place));
        frame.Number(first);
        frame.Number(second);
    }

    /// <summary>A message may quote a name that is no valid text.</summary>
    private static string Clean(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>The exception's type adds the parameter's name to the message again.</summary>
    private static string WithoutSuffix(ArgumentException failure)
    {
        if (failure is ArgumentNullException) return ArgumentNullText;
        if (failure.ParamName is null) return failure.Message;
        int suffix = failure.Message.IndexOf($" (Parameter '{failure.ParamName}')", StringComparison.Ordinal);
        return suffix < 0 ? failure.Message : failure.Message[..suffix];
    }

    /// <summary>The exception puts the other parts around it again.</summary>
    private static string ReasonOf(StorageException failure)
    {
        string before = $"{failure.Operation} failed on '{failure.Path}': ";
        string after = string.Create(CultureInfo.InvariantCulture, $" (error {failure.ErrorCode}).");
        string message = failure.Message;
        bool isWhole = message.StartsWith(before, StringComparison.Ordinal) && message.EndsWith(after, StringComparison.Ordinal);
        return isWhole ? message[before.Length..^after.Length] : message;
    }
}
