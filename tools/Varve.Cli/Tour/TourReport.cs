using System.Diagnostics;
using Spectre.Console;
using Varve.Cli.Output;

namespace Varve.Cli.Tour;

/// <summary>What the tour prints: headings, figures, tables, and checks, of which it counts the failed ones.</summary>
internal sealed class TourReport(Terminal terminal)
{
    private int _stage;

    public int ChecksHeld { get; private set; }

    public int ChecksFailed { get; private set; }

    public Terminal Terminal { get; } = terminal;

    public void Begin(string stage)
    {
        _stage++;
        Terminal.Console.WriteLine();
        Terminal.Console.MarkupLine($"[bold]{_stage}. {Markup.Escape(stage)}[/]");
        Terminal.Flush();
    }

    public void Say(string line)
    {
        Terminal.Console.WriteLine("   " + line);
        Terminal.Flush();
    }

    /// <summary>States something that must hold, and whether it does.</summary>
    public void Check(string statement, bool holds)
    {
        if (holds) ChecksHeld++;
        else ChecksFailed++;
        string mark = holds ? "[green]ok[/]    " : "[red]FAILED[/]";
        Terminal.Console.MarkupLine($"   {mark} {Markup.Escape(statement)}");
        Terminal.Flush();
    }

    public void Show(Table table)
    {
        Terminal.Console.Write(new Padder(table.Border(TableBorder.Rounded)).Padding(3, 0, 0, 0));
        Terminal.Flush();
    }

    public static TimeSpan Time(Action work)
    {
        long started = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(started);
    }
}
