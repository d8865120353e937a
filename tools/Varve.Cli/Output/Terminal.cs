using System.Text;
using Spectre.Console;

namespace Varve.Cli.Output;

/// <summary>Where a command reads and writes: the process's streams, or those of a test.</summary>
internal sealed class Terminal
{
    /// <summary>Columns of tables and pictures where the output is no terminal.</summary>
    private const int PlainWidth = 160;

    private const int WriterBytes = 32 << 10;

    private readonly Stream _output;

    /// <param name="input">Read by <c>put KEY -</c>.</param>
    /// <param name="output">Bytes and UTF-8 text.</param>
    /// <param name="error">Takes one line when a command fails.</param>
    /// <param name="isInteractive">Whether the output is a terminal: only then there are colours and progress bars.</param>
    public Terminal(Stream input, Stream output, TextWriter error, bool isInteractive)
    {
        Input = input;
        _output = output;
        Error = error;
        IsInteractive = isInteractive;
        Writer = new StreamWriter(output, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), WriterBytes) { NewLine = "\n" };
        bool hasColors = isInteractive && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        Console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = isInteractive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = hasColors ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isInteractive ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new ConsoleOutput(Writer, isInteractive),
        });
    }

    public Stream Input { get; }

    public TextWriter Error { get; }

    /// <summary>Text; what was written must be flushed before bytes go to <see cref="Write"/>, which does that.</summary>
    public StreamWriter Writer { get; }

    /// <summary>Tables, colours, progress; over <see cref="Writer"/>.</summary>
    public IAnsiConsole Console { get; }

    public bool IsInteractive { get; }

    public static Terminal OpenStandard() =>
        new(System.Console.OpenStandardInput(), StandardOutput.Open(), System.Console.Error, !System.Console.IsOutputRedirected);

    public void Write(ReadOnlySpan<byte> bytes)
    {
        Writer.Flush();
        _output.Write(bytes);
    }

    public void Flush()
    {
        Writer.Flush();
        _output.Flush();
    }

    /// <summary>One line on stderr, whatever the message holds.</summary>
    public void WriteError(string message)
    {
        Error.WriteLine("varve: " + string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        Error.Flush();
    }

    /// <summary>Runs work that tells how far it is, 0 to 1, and shows that where the output is a terminal.</summary>
    public void RunWithProgress(string title, Action<Action<double>> work)
    {
        if (!IsInteractive || !Console.Profile.Capabilities.Ansi)
        {
            work(static _ => { });
            return;
        }

        Progress progress = Console.Progress().AutoClear(true);
        progress.Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn()).Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: 1);
            work(done => task.Value = done);
            task.Value = 1;
        });
    }

    private sealed class ConsoleOutput(TextWriter writer, bool isTerminal) : IAnsiConsoleOutput
    {
        private const int WidthUnknown = 80;
        private const int HeightUnknown = 24;

        public TextWriter Writer { get; } = writer;

        public bool IsTerminal { get; } = isTerminal;

        public int Width => IsTerminal ? Known(System.Console.WindowWidth, WidthUnknown) : PlainWidth;

        public int Height => IsTerminal ? Known(System.Console.WindowHeight, HeightUnknown) : HeightUnknown;

        public void SetEncoding(Encoding encoding)
        {
            // Always UTF-8.
        }

        private static int Known(int reported, int otherwise) => reported > 0 ? reported : otherwise;
    }
}
