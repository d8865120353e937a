using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;

namespace Varve.Cli;

/// <summary>The usual help, then the command's examples; below the program's own help the exit codes too.</summary>
internal sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        int result = usual.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        Command command = parseResult.CommandResult.Command;
        if (command is VarveCommand { Examples.Count: > 0 } described)
        {
            output.WriteLine("Examples:");
            foreach (string example in described.Examples) output.WriteLine("  " + example);
            output.WriteLine();
        }

        if (command is RootCommand)
        {
            output.WriteLine("Exit codes:");
            foreach ((int code, string meaning) in ExitCode.Meanings)
            {
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {code,-4}{meaning}"));
            }

            output.WriteLine();
        }

        return result;
    }
}
