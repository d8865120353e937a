using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;

namespace Varve.Tools;

/// <summary>The usual help, then the command's examples; below the program's own help the exit codes too.</summary>
internal sealed class HelpWithExamples : SynchronousCommandLineAction
{
    private readonly HelpAction _usual;
    private readonly IReadOnlyList<(int Code, string Meaning)> _exitCodes;

    private HelpWithExamples(HelpAction usual, IReadOnlyList<(int Code, string Meaning)> exitCodes)
    {
        _usual = usual;
        _exitCodes = exitCodes;
    }

    /// <summary>Takes the place of the program's help.</summary>
    public static void PutInto(RootCommand root, IReadOnlyList<(int Code, string Meaning)> exitCodes)
    {
        foreach (Option option in root.Options)
        {
            if (option is HelpOption { Action: HelpAction usual } help) help.Action = new HelpWithExamples(usual, exitCodes);
        }
    }

    public override int Invoke(ParseResult parseResult)
    {
        int result = _usual.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        Command command = parseResult.CommandResult.Command;
        if (command is VarveCommand { Examples.Count: > 0 } described)
        {
            output.WriteLine("Examples:");
            foreach (string example in described.Examples) output.WriteLine("  " + example);
            output.WriteLine();
        }

        if (command is not RootCommand) return result;
        output.WriteLine("Exit codes:");
        foreach ((int code, string meaning) in _exitCodes)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {code,-4}{meaning}"));
        output.WriteLine();
        return result;
    }
}
