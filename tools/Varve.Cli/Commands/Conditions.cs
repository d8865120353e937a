using System.CommandLine;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary>What a write is tied to.</summary>
/// <param name="IsAbsent">The key has no entry.</param>
/// <param name="Value">The key has an entry with exactly this value; null: any or none.</param>
internal readonly record struct Condition(bool IsAbsent, byte[]? Value)
{
    /// <summary>Whether only a key that is there can meet it.</summary>
    public bool NeedsEntry => Value is not null;

    /// <summary>Commits the batch, on disk when it returns, if the key meets the condition.</summary>
    public void Write(Database database, WriteBatch batch, SortedMap map, byte[] key)
    {
        if (IsAbsent) batch.RequireAbsent(map, key);
        if (Value is not null) batch.RequireValue(map, key, Value);
        WriteOutcome outcome = database.TryWrite(batch, Durability.Synced);
        if (outcome.IsCommitted) return;
        string found = IsAbsent ? "is there" : outcome.ActualVersion == EntryVersion.None ? "is not there" : "has another value";
        throw new CommandFailureException(
            ExitCode.ConditionFailed, $"The key '{ByteText.Escape(key)}' {found} in the map '{map.Name}'; nothing was written.");
    }
}

/// <summary>The options for it.</summary>
internal sealed class ConditionOptions
{
    public Option<bool> IfAbsent { get; } = new("--if-absent") { Description = "Only where the key is not there." };

    public Option<string?> IfValue { get; } = new("--if-value")
    {
        Description = "Only where the key has exactly this value.",
        HelpName = "VALUE",
    };

    public Condition Read(ParseResult parsed, bool isHex)
    {
        byte[]? value = parsed.GetValue(IfValue) is { } text ? Inputs.Bytes(text, isHex, "expected value") : null;
        bool isAbsent = parsed.GetValue(IfAbsent);
        if (isAbsent && value is not null) throw CommandFailureException.Usage("--if-absent and --if-value exclude each other.");
        return new Condition(isAbsent, value);
    }
}
