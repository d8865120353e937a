namespace Varve.Mcp.Cli;

/// <summary>What the process returns, as <c>varve</c> does. Scripts rely on it (docs/servers.md): never renumber.</summary>
internal static class ExitCode
{
    public const int Ok = CommonExitCode.Ok;

    /// <summary>The call is not there, or not in a state in which that can be done.</summary>
    public const int NotFound = CommonExitCode.NotFound;

    public const int Usage = CommonExitCode.Usage;

    /// <summary>The database is open elsewhere or damaged, the port is taken, or the system refused a call.</summary>
    public const int System = 3;

    /// <summary>An example did not do what it shows, or a gateway failed its self-test.</summary>
    public const int CheckFailed = CommonExitCode.CheckFailed;

    /// <summary>Ended by Ctrl+C or a termination signal, or by the answer to a question.</summary>
    public const int Canceled = CommonExitCode.Canceled;

    /// <summary>The list at the end of the help.</summary>
    public static IReadOnlyList<(int Code, string Meaning)> Meanings { get; } =
    [
        (Ok, "done"),
        (NotFound, "no such call, or not in a state in which that can be done"),
        (Usage, "wrong command line"),
        (System, "the data is in use or damaged, the port is taken, or the system refused a call"),
        (CheckFailed, "an example did not do what it shows, or a gateway failed its self-test"),
        (Canceled, "ended by Ctrl+C, or a question was not answered with yes"),
    ];
}
