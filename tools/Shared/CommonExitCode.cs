namespace Varve.Tools;

/// <summary>Exit codes that mean the same in every command line. Scripts rely on them: never renumber.</summary>
internal static class CommonExitCode
{
    public const int Ok = 0;

    /// <summary>What was asked for is not there.</summary>
    public const int NotFound = 1;

    /// <summary>The command line or the input is wrong.</summary>
    public const int Usage = 2;

    /// <summary>What a program tries out did not go as it should.</summary>
    public const int CheckFailed = 4;

    /// <summary>Ended by Ctrl+C or a termination signal, or by the answer to a question.</summary>
    public const int Canceled = 130;
}
