using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Diagnostics.CodeAnalysis;

namespace Varve.Tools;

/// <summary>What is said of a command line that cannot be read.</summary>
internal static class WrongCommandLine
{
    /// <summary>One sentence on what is wrong, and where the help for it is.</summary>
    public static bool IsIt(ParseResult parsed, string program, [NotNullWhen(true)] out string? message)
    {
        message = null;
        if (parsed.Action is not ParseErrorAction) return false;
        string wrong = parsed.UnmatchedTokens is [string unknown, ..]
            ? $"There is no command or option '{unknown}' here."
            : parsed.Errors[0].Message;
        message = $"{wrong} See '{CommandPath(parsed, program)} --help'.";
        return true;
    }

    private static string CommandPath(ParseResult parsed, string program)
    {
        var names = new Stack<string>();
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult { Command: not RootCommand } inner; at = at.Parent)
            names.Push(inner.Command.Name);
        return string.Join(' ', names.Prepend(program));
    }
}
