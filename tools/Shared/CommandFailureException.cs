namespace Varve.Tools;

/// <summary>Ends a command with an exit code and one line on stderr.</summary>
internal sealed class CommandFailureException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    public static CommandFailureException Usage(string message) => new(CommonExitCode.Usage, message);

    public static CommandFailureException NotFound(string message) => new(CommonExitCode.NotFound, message);
}
