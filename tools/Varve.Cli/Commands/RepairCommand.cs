using System.CommandLine;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve repair [DIR]</c></summary>
internal static class RepairCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        var directory = new Argument<string?>("dir")
        {
            Description = "The database's directory, as --data names it.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string> data = Inputs.Data();
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Only tell what would be done and lost." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "repair",
            "Make a damaged database one that opens, out of everything that can be read. Deletes nothing; a sound one is left as it is.",
            "varve repair --dry-run",
            "varve repair /srv/data --yes",
            "varve repair --yes --json | jq '.losses'")
        {
            directory, data, dryRun, yes, json,
        };
        command.Run((parsed, cancellation) =>
        {
            string path = Inputs.RequireDirectory(parsed.GetValue(directory) ?? parsed.GetRequiredValue(data));
            bool isJson = parsed.GetValue(json);
            if (parsed.GetValue(dryRun)) return Finish(terminal, Run(terminal, path, isDryRun: true, cancellation), isJson);
            if (parsed.GetValue(yes)) return Finish(terminal, Run(terminal, path, isDryRun: false, cancellation), isJson);
            if (isJson) throw CommandFailureException.Usage("--json needs --yes or --dry-run: the question would stand in between.");
            if (!terminal.CanAsk) throw CommandFailureException.Usage("There is no terminal to ask on; --yes repairs without asking.");

            RepairReport plan = Run(terminal, path, isDryRun: true, cancellation);
            RepairText.Write(terminal, plan);
            if (plan.WasSound) return ExitCode.Ok;
            if (!terminal.Ask("Repair the database?", cancellation))
                throw new CommandFailureException(ExitCode.Canceled, "Nothing was changed.");
            return Finish(terminal, Run(terminal, path, isDryRun: false, cancellation), isJson: false);
        });
        return command;
    }

    private static RepairReport Run(Terminal terminal, string directory, bool isDryRun, CancellationToken cancellation)
    {
        RepairReport? report = null;
        terminal.RunWithProgress(
            isDryRun ? "reading" : "repairing",
            show => report = DatabaseRepair.Run(
                directory, new RepairOptions { DryRun = isDryRun }, new VerifyCommand.ProgressShare(show), cancellation));
        return report!;
    }

    private static int Finish(Terminal terminal, RepairReport report, bool isJson)
    {
        if (isJson) JsonOutput.Write(terminal, report);
        else RepairText.Write(terminal, report);
        terminal.Flush();
        VerifyCommand.WriteErrors(terminal, report.Directory, report.Remaining);
        if (report.Remaining.Count > 0) throw new CommandFailureException(ExitCode.Storage, "The database is still not sound.");
        if (report.Losses.Count == 0 && report.Risks.Count == 0) return ExitCode.Ok;
        string losses = Figures.Count(report.Losses.Count, "loss", "losses");
        string risks = Figures.Count(report.Risks.Count, "thing", "things");
        throw new CommandFailureException(ExitCode.Losses, $"{losses}, {risks} not known.");
    }
}
