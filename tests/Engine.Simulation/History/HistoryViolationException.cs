namespace Varve.Simulation;

/// <summary>The engine broke a promise. The message says which; the run adds seed, options and step.</summary>
internal sealed class HistoryViolationException(string message, Exception? cause = null) : Exception(message, cause)
{
    public static HistoryViolationException At(string where, Exception cause) => new($"{where}: {Describe(cause)}", cause);

    private static string Describe(Exception cause) =>
        cause is HistoryViolationException ? cause.Message : $"{cause.GetType().Name}: {cause.Message}\n{cause.StackTrace}";
}
