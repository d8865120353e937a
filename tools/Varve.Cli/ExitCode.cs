namespace Varve.Cli;

/// <summary>What the process returns. Scripts rely on it (docs/cli.md): never renumber.</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>The key, the map or the part of the history is not there.</summary>
    public const int NotFound = 1;

    /// <summary>The command line or a line of the input is wrong, or a key, value or name is over its limit.</summary>
    public const int Usage = 2;

    /// <summary>There is no database, it is open elsewhere or damaged, or the system refused a call.</summary>
    public const int Storage = 3;

    /// <summary>A check of the tour found something that should not be.</summary>
    public const int CheckFailed = 4;

    /// <summary>What the write was tied to did not hold: nothing was written.</summary>
    public const int ConditionFailed = 5;

    /// <summary>Ended by Ctrl+C or a termination signal, or by the answer to a question.</summary>
    public const int Canceled = 130;

    /// <summary>The list at the end of the help.</summary>
    public static IReadOnlyList<(int Code, string Meaning)> Meanings { get; } =
    [
        (Ok, "done"),
        (NotFound, "the key, the map or the part of the history is not there"),
        (Usage, "wrong command line or input, or a key, value or name over its limit"),
        (Storage, "no database there, open in another process, damaged, or refused by the system"),
        (CheckFailed, "a check of the tour failed"),
        (ConditionFailed, "a condition (--if-absent, --if-value) did not hold; nothing was written"),
        (Canceled, "ended by Ctrl+C, or a question was not answered with yes"),
    ];
}
