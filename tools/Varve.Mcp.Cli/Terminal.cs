using System.Text;
using Spectre.Console;

namespace Varve.Mcp.Cli;

/// <summary>Where a command reads and writes: the process's streams, or those of a test.</summary>
internal sealed class Terminal
{
    /// <summary>Columns of tables where the output is no terminal.</summary>
    private const int PlainWidth = 160;

    private readonly Lazy<TextReader> _input;
    private readonly Lazy<TextWriter> _output;
    private readonly bool _isInteractive;

    /// <param name="input">Answers to questions.</param>
    /// <param name="output">What a command prints. Not touched by a server over stdio, whose output it is.</param>
    /// <param name="error">Takes one line when a command fails, and questions.</param>
    /// <param name="isInteractive">Whether the output is a terminal: only then there are colours.</param>
    public Terminal(Func<TextReader> input, Func<TextWriter> output, TextWriter error, bool isInteractive)
    {
        _input = new Lazy<TextReader>(input);
        _output = new Lazy<TextWriter>(output);
        _isInteractive = isInteractive;
        Error = error;
    }

    public TextWriter Output => _output.Value;

    public TextWriter Error { get; }

    public static Terminal OpenStandard() => new(
        () => Console.In,
        () => new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false))
        {
            NewLine = "\n",
            AutoFlush = true,
        },
        Console.Error,
        !Console.IsOutputRedirected);

    /// <summary>A line of the input; null at its end. Does not wait for one that says nothing once it is canceled.</summary>
    public Task<string?> ReadLineAsync(CancellationToken cancellation) =>
        Task.Run(() => _input.Value.ReadLine(), CancellationToken.None).WaitAsync(cancellation);

    /// <summary>Whether a question is answered with y or yes; any other answer, and none, is no.</summary>
    public async Task<bool> AskAsync(string question, CancellationToken cancellation)
    {
        Error.Write(question + " [y/N] ");
        Error.Flush();
        string answer = (await ReadLineAsync(cancellation) ?? "").Trim();
        return answer.Equals("y", StringComparison.OrdinalIgnoreCase) || answer.Equals("yes", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>One line on stderr, whatever the message holds.</summary>
    public void WriteError(string message)
    {
        Error.WriteLine("varve-mcp: " + string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        Error.Flush();
    }

    public void Write(Table table)
    {
        bool hasColors = _isInteractive && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = _isInteractive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = hasColors ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(Output),
        });
        if (!_isInteractive) console.Profile.Width = PlainWidth;
        console.Write(table);
    }
}
