using System.Globalization;
using Varve.Idempotency;

namespace Varve.Mcp.Cli.Servers.Tasks;

/// <summary>A task of the queue.</summary>
/// <param name="Id"><c>task-001</c> and so on.</param>
/// <param name="Description">What it should accomplish.</param>
/// <param name="Status">One of <see cref="TaskStates"/>.</param>
/// <param name="Priority">1, the highest, to 10.</param>
/// <param name="Attempts">How often it was started.</param>
/// <param name="MaxAttempts">How often it may be.</param>
/// <param name="Result">What completed it, or why it failed; null before.</param>
/// <param name="Feedback">What the next attempt should know; null: nothing.</param>
[StepType("task")]
internal sealed record TaskItem(
    string Id, string Description, string Status, int Priority, int Attempts, int MaxAttempts, string? Result = null,
    string? Feedback = null)
{
    private const string Prefix = "task-";
    private const int KeyDigits = 10;

    public bool IsFinal => Status is TaskStates.Completed or TaskStates.Failed;

    /// <summary>Where it stands in the queue: ids sort by number, also past 999.</summary>
    public string Key => KeyOf(Id)!;

    public static string IdOf(long number) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:D3}");

    /// <summary>Null where the text is no id.</summary>
    public static string? KeyOf(string id)
    {
        if (!id.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        bool isNumber = long.TryParse(id.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long number);
        return isNumber && id == IdOf(number) ? number.ToString($"D{KeyDigits}", CultureInfo.InvariantCulture) : null;
    }
}

/// <summary>The states of tasks, as they are called in the protocol.</summary>
internal static class TaskStates
{
    public const string Pending = "pending";
    public const string InProgress = "in_progress";
    public const string Completed = "completed";
    public const string Failed = "failed";

    public static IReadOnlyList<string> All { get; } = [Pending, InProgress, Completed, Failed];
}

/// <summary>What became of a change that was asked for.</summary>
/// <param name="Task">The task as it is now; null where there is none of that id.</param>
/// <param name="Refusal">Why it was not changed; null: it was.</param>
[StepType("task-change")]
internal sealed record TaskChange(TaskItem? Task, string? Refusal = null);

/// <summary>
/// Figures of the queue. The success rate is that of the tasks that have ended, the average of attempts that of those that were started;
/// both are 0 where there is none.
/// </summary>
internal sealed record TaskStats(
    int Total, int Pending, int InProgress, int Completed, int Failed, double SuccessRate, double AverageAttempts);
