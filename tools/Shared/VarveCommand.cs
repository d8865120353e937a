using System.CommandLine;

namespace Varve.Tools;

/// <summary>A command that is one function from the parsed line to the exit code, with examples for its help.</summary>
internal sealed class VarveCommand(string name, string description, params string[] examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; } = examples;

    /// <summary>Runs off the main thread, so that Ctrl+C can cancel it.</summary>
    public void Run(Func<ParseResult, CancellationToken, int> body) =>
        SetAction((parsed, cancellation) => Task.Run(() => body(parsed, cancellation), CancellationToken.None));

    /// <inheritdoc cref="Run(Func{ParseResult, CancellationToken, int})"/>
    public void Run(Func<ParseResult, CancellationToken, Task<int>> body) =>
        SetAction((parsed, cancellation) => Task.Run(() => body(parsed, cancellation), CancellationToken.None));
}
