using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Commands;

/// <summary><c>varve-mcp calls</c></summary>
internal static class CallsCommand
{
    private const int ListedDefault = 50;

    public static Command Create(Terminal terminal) => new("calls", "Look at the calls that servers have journaled, and act on them.")
    {
        CreateList(terminal),
        CreateShow(terminal),
        CreateReplay(terminal),
        CreateRetry(terminal),
        CreateAbort(terminal),
    };

    private static VarveCommand CreateList(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        string[] states = [.. Enum.GetValues<InvocationState>().Select(state => CallView.NameOf(state.ToString()))];
        var state = new Option<string?>("--state") { Description = "Only calls in this state.", HelpName = string.Join('|', states) };
        state.AcceptOnlyFromAmong(states);
        var tool = new Option<string?>("--tool") { Description = "Only calls of this tool.", HelpName = "NAME" };
        var limit = new Option<int>("--limit", "-n")
        {
            Description = "Calls at most.",
            HelpName = "N",
            DefaultValueFactory = _ => ListedDefault,
        };
        Option<bool> json = Inputs.Json("Print an object a line.");
        var command = new VarveCommand(
            "list", "List calls, the newest first.", "varve-mcp calls list", "varve-mcp calls list --state dead --json")
        {
            data, state, tool, limit, json,
        };
        command.Run(async (parsed, cancellation) =>
        {
            await using SharedStore store = await OpenAsync(parsed.GetRequiredValue(data), cancellation);
            Journal journal = JournalOf(store);
            List<CallView> calls = [];
            await foreach (Invocation call in journal.ListAsync(cancellation))
            {
                if (calls.Count >= parsed.GetRequiredValue(limit)) break;
                CallView view = CallView.Of(call);
                bool isAsked = (parsed.GetValue(state) ?? view.State) == view.State && (parsed.GetValue(tool) ?? view.Tool) == view.Tool;
                if (isAsked) calls.Add(view);
            }

            if (parsed.GetValue(json)) calls.ForEach(call => terminal.Output.WriteLine(CallJson.Line(call)));
            else WriteTable(terminal, calls);
            return ExitCode.Ok;
        });
        return command;
    }

    private static VarveCommand CreateShow(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Argument<Guid> id = Id();
        Option<bool> json = Inputs.Json("Print an object.");
        var command = new VarveCommand("show", "Show a call: its arguments, what its guards have done, its result.") { id, data, json };
        command.Run(async (parsed, cancellation) =>
        {
            await using SharedStore store = await OpenAsync(parsed.GetRequiredValue(data), cancellation);
            Journal journal = JournalOf(store);
            Invocation call = await FindAsync(journal, parsed.GetRequiredValue(id), cancellation);
            await WriteAsync(terminal, journal, call, parsed.GetValue(json), cancellation);
            return ExitCode.Ok;
        });
        return command;
    }

    private static VarveCommand CreateReplay(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Argument<Guid> id = Id();
        Option<bool> yes = Yes();
        Option<bool> json = Inputs.Json("Print the new call as an object.");
        var command = new VarveCommand(
            "replay",
            "Make a call again, as a new one: with the same arguments, without its key, and without what its guards have done. "
                + "Asks first, unless the tool only reads.") { id, data, yes, json };
        command.Run(async (parsed, cancellation) =>
        {
            await using SharedStore store = await OpenAsync(parsed.GetRequiredValue(data), cancellation);
            using var calls = new QueuedCalls(store);
            Invocation call = await FindAsync(calls.Journal, parsed.GetRequiredValue(id), cancellation);
            calls.CheckTool(call.Name);
            bool isAsked = parsed.GetValue(yes) || calls.IsReadOnly(call.Name)
                || await terminal.AskAsync($"Make the call of '{call.Name}' again? What it does may happen twice.", cancellation);
            if (!isAsked) throw new CommandFailureException(ExitCode.Canceled, "not done.");
            Guid replay = await Refusing(() => calls.Journal.ReplayAsync(call.Id, cancellation))
                ?? throw CommandFailureException.NotFound($"There is no call {call.Id} any more.");
            Invocation ended = await calls.RunAsync(replay, cancellation);
            await WriteAsync(terminal, calls.Journal, ended, parsed.GetValue(json), cancellation);
            return ExitCode.Ok;
        });
        return command;
    }

    private static VarveCommand CreateRetry(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Argument<Guid> id = Id();
        Option<bool> json = Inputs.Json("Print the call as an object.");
        var command = new VarveCommand(
            "retry",
            "Run a call again that has ended without an outcome: dead, stopped, aborted. What its guards have done is not done again.")
        {
            id, data, json,
        };
        command.Run(async (parsed, cancellation) =>
        {
            await using SharedStore store = await OpenAsync(parsed.GetRequiredValue(data), cancellation);
            using var calls = new QueuedCalls(store);
            Invocation call = await FindAsync(calls.Journal, parsed.GetRequiredValue(id), cancellation);
            calls.CheckTool(call.Name);
            if (!await Refusing(() => calls.Journal.RetryAsync(call.Id, cancellation)))
                throw CommandFailureException.NotFound($"The call is {CallView.NameOf(call.State.ToString())}: it cannot be retried.");
            Invocation ended = await calls.RunAsync(call.Id, cancellation);
            await WriteAsync(terminal, calls.Journal, ended, parsed.GetValue(json), cancellation);
            return ExitCode.Ok;
        });
        return command;
    }

    private static VarveCommand CreateAbort(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Argument<Guid> id = Id();
        Option<bool> json = Inputs.Json("Print what was done as an object.");
        var command = new VarveCommand(
            "abort", "End a call that is not finished. Whoever asks for it with its key is told that it was aborted by an operator.")
        {
            id, data, json,
        };
        command.Run(async (parsed, cancellation) =>
        {
            await using SharedStore store = await OpenAsync(parsed.GetRequiredValue(data), cancellation);
            Journal journal = JournalOf(store);
            Invocation call = await FindAsync(journal, parsed.GetRequiredValue(id), cancellation);
            if (!await journal.AbortAsync(call.Id, cancellation: cancellation))
                throw CommandFailureException.NotFound($"The call is {CallView.NameOf(call.State.ToString())}: it cannot be aborted.");
            if (parsed.GetValue(json)) terminal.Output.WriteLine(CallJson.Line(new CallChange(call.Id, "aborted")));
            else terminal.Output.WriteLine($"aborted {call.Id} ({call.Name})");
            return ExitCode.Ok;
        });
        return command;
    }

    private static Argument<Guid> Id() => new("id")
    {
        Description = "The call's id, as list shows it.",
        CustomParser = result =>
        {
            if (Guid.TryParse(result.Tokens[0].Value, out Guid id)) return id;
            result.AddError($"'{result.Tokens[0].Value}' is not the id of a call.");
            return default;
        },
    };

    private static Option<bool> Yes() => new("--yes", "-y") { Description = "Do not ask." };

    /// <summary>The database, or a connection to the server that has it open.</summary>
    private static async Task<SharedStore> OpenAsync(string directory, CancellationToken cancellation)
    {
        // No database is made by looking for one.
        if (!Directory.Exists(directory)) throw new CommandFailureException(ExitCode.System, $"There is no database in '{directory}'.");
        var options = new SharedStoreOptions { Database = new DatabaseOptions { Mode = OpenMode.OpenExisting } };
        return await SharedStore.OpenAsync(directory, options, cancellation);
    }

    private static Journal JournalOf(SharedStore store) => new(store, new JournalOptions { Incarnation = store.Incarnation });

    private static async Task<Invocation> FindAsync(Journal journal, Guid id, CancellationToken cancellation) =>
        await journal.FindAsync(id, cancellation) ?? throw CommandFailureException.NotFound($"There is no call {id}.");

    private static async Task<T> Refusing<T>(Func<ValueTask<T>> work)
    {
        try
        {
            return await work();
        }
        catch (InvalidOperationException refused)
        {
            throw CommandFailureException.NotFound(refused.Message);
        }
    }

    private static void WriteTable(Terminal terminal, List<CallView> calls)
    {
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumns("id", "tool", "state", "runs", "principal", "key", "created (UTC)");
        foreach (CallView call in calls)
        {
            string state = call.IsError == true && call.State == "completed" ? "completed, error" : call.State;
            string created = call.CreatedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
            string[] cells =
            [
                call.Id.ToString(), call.Tool, state, call.Attempts.ToString(CultureInfo.InvariantCulture), call.Principal,
                call.Key ?? "", created,
            ];
            table.AddRow([.. cells.Select(Markup.Escape)]);
        }

        terminal.Write(table);
    }

    private static async Task WriteAsync(
        Terminal terminal, Journal journal, Invocation call, bool isJson, CancellationToken cancellation)
    {
        CallDetails details = await CallDetails.ReadAsync(journal, call, cancellation);
        TextWriter output = terminal.Output;
        if (isJson)
        {
            output.WriteLine(CallJson.Line(details));
            return;
        }

        CallView view = details.Call;
        output.WriteLine($"{view.Id}  {view.Tool}  {view.State}{(view.IsError == true ? ", error" : "")}");
        output.WriteLine($"principal  {view.Principal}");
        if (view.Key is not null) output.WriteLine($"key        {view.Key}");
        if (view.ReplayOf is { } original) output.WriteLine($"replay of  {original}");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"created    {view.CreatedAt:O}"));
        if (view.FinishedAt is { } finished) output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"finished   {finished:O}"));
        output.WriteLine($"runs       {view.Attempts}, of these recoveries {view.Recoveries}; after a crash: {view.Recovery}");
        output.WriteLine($"arguments  {(details.Arguments is { } arguments ? arguments.GetRawText() : "not kept")}");
        foreach (StepView step in details.Steps)
        {
            string name = step.Alias is null ? "" : $" '{step.Alias}'";
            string what = step.Map is null ? $"guard{name}" : $"write of map '{step.Map}'{name}";
            string tries = step.Attempts > 1 ? $" after {step.Attempts} attempts" : "";
            output.WriteLine($"step       {what}: {step.State}{tries}{(step.Text is null ? "" : $"  {step.Text}")}");
        }

        if (details.Result is { } result) output.WriteLine($"result     {result.GetRawText()}");
    }
}
