namespace Varve.Cli;

/// <summary>What the process returns. Scripts rely on it (docs/cli.md): never renumber.</summary>
internal static class ExitCode
{
    public const int Ok = CommonExitCode.Ok;

    /// <summary>The key, the map or the part of the history is not there.</summary>
    public const int NotFound = CommonExitCode.NotFound;

    /// <summary>The command line or a line of the input is wrong, or a key, value or name is over its limit.</summary>
    public const int Usage = CommonExitCode.Usage;

    /// <summary>There is no database, it is open elsewhere or damaged, or the system refused a call.</summary>
    public const int Storage = 3;

    /// <summary>A check of the tour found something that should not be.</summary>
    public const int CheckFailed = CommonExitCode.CheckFailed;

    /// <summary>What the write was tied to did not hold: nothing was written.</summary>
    public const int ConditionFailed = 5;

    /// <summary>A repair has made the database sound, but not everything could be saved.</summary>
    public const int Losses = 6;

    /// <summary>Ended by Ctrl+C or a termination signal, or by the answer to a question.</summary>
    public const int Canceled = CommonExitCode.Canceled;

    /// <summary>The list at the end of the help.</summary>
    public static IReadOnlyList<(int Code, string Meaning)> Meanings { get; } =
    [
        (Ok, "done"),
        (NotFound, "the key, the map or the part of the history is not there"),
        (Usage, "wrong command line or input, or a key, value or name over its limit"),
        (Storage, "no database there, open in another process, damaged, or refused by the system"),
        (CheckFailed, "a check of the tour failed"),
        (ConditionFailed, "a condition (--if-absent, --if-value) did not hold; nothing was written"),
        (Losses, "repaired, but not everything could be saved"),
        (Canceled, "ended by Ctrl+C, or a question was not answered with yes"),
    ];
}
