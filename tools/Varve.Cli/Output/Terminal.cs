using System.Text;
using Spectre.Console;

namespace Varve.Cli.Output;

/// <summary>Where a command reads and writes: the process's streams, or those of a test.</summary>
internal sealed class Terminal
{
    /// <summary>Columns of tables and pictures where the output is no terminal.</summary>
    private const int PlainWidth = 160;

    private const int WriterBytes = 32 << 10;

    /// <summary>A terminal gives a line at a time; what is longer is no yes.</summary>
    private const int AnswerBytesMax = 256;

    /// <param name="input">Read by <c>put KEY -</c>.</param>
    /// <param name="output">Bytes and UTF-8 text.</param>
    /// <param name="error">Takes one line when a command fails, and progress.</param>
    /// <param name="isInteractive">Whether the output is a terminal: only then there are colours.</param>
    /// <param name="isErrorInteractive">Whether <paramref name="error"/> is a terminal: only then there is progress.</param>
    /// <param name="canAsk">Whether somebody sees a question on <paramref name="error"/>, and answers on <paramref name="input"/>.</param>
    public Terminal(
        Stream input, Stream output, TextWriter error, bool isInteractive, bool isErrorInteractive = false, bool canAsk = false)
    {
        Input = input;
        Output = output;
        Error = error;
        IsInteractive = isInteractive;
        CanAsk = canAsk;
        Writer = new StreamWriter(output, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), WriterBytes) { NewLine = "\n" };
        Console = CreateConsole(Writer, isInteractive);
        ErrorConsole = CreateConsole(error, isErrorInteractive);
    }

    public Stream Input { get; }

    /// <summary>For whole files; other bytes go through <see cref="Write"/>.</summary>
    public Stream Output { get; }

    public TextWriter Error { get; }

    /// <summary>Text; what was written must be flushed before bytes go to <see cref="Write"/>, which does that.</summary>
    public StreamWriter Writer { get; }

    /// <summary>Tables and colours; over <see cref="Writer"/>.</summary>
    public IAnsiConsole Console { get; }

    /// <summary>Progress; over <see cref="Error"/>.</summary>
    public IAnsiConsole ErrorConsole { get; }

    public bool IsInteractive { get; }

    public bool CanAsk { get; }

    public static Terminal OpenStandard() =>
        new(
            System.Console.OpenStandardInput(),
            StandardOutput.Open(),
            System.Console.Error,
            !System.Console.IsOutputRedirected,
            !System.Console.IsErrorRedirected,
            !System.Console.IsInputRedirected && !System.Console.IsErrorRedirected);

    /// <summary>Reads a piece of the input, 0 bytes at its end. Does not wait for one that says nothing once it is canceled.</summary>
    public int Read(byte[] piece, CancellationToken cancellation) =>
        Input.ReadAsync(piece, CancellationToken.None).AsTask().WaitAsync(cancellation).GetAwaiter().GetResult();

    /// <summary>Whether a question is answered with y or yes; any other answer, and none, is no.</summary>
    public bool Ask(string question, CancellationToken cancellation)
    {
        Flush();
        Error.Write(question + " [y/N] ");
        Error.Flush();
        byte[] piece = new byte[AnswerBytesMax];
        int length = Read(piece, cancellation);
        string answer = Encoding.UTF8.GetString(piece, 0, length).Trim();
        return answer.Equals("y", StringComparison.OrdinalIgnoreCase) || answer.Equals("yes", StringComparison.OrdinalIgnoreCase);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        Writer.Flush();
        Output.Write(bytes);
    }

    public void Flush()
    {
        Writer.Flush();
        Output.Flush();
    }

    /// <summary>One line on stderr, whatever the message holds.</summary>
    public void WriteError(string message)
    {
        Error.WriteLine("varve: " + string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        Error.Flush();
    }

    /// <summary>Runs work that tells how far it is, 0 to 1, and shows that where stderr is a terminal.</summary>
    public void RunWithProgress(string title, Action<Action<double>> work) =>
        RunWithProgress(title, (Action<ProgressView> view) => work(share => view(new ProgressView(share, title))));

    /// <summary>As the other one, for work that also has words for how far it is, or no idea of how far that is.</summary>
    public void RunWithProgress(string title, Action<Action<ProgressView>> work)
    {
        if (!ErrorConsole.Profile.Capabilities.Interactive || !ErrorConsole.Profile.Capabilities.Ansi)
        {
            work(static _ => { });
            return;
        }

        Progress progress = ErrorConsole.Progress().AutoClear(true);
        progress.Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn()).Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: 1);
            task.IsIndeterminate = true;
            work(view =>
            {
                task.IsIndeterminate = view.Share is null;
                task.Value = view.Share ?? 0;
                task.Description = Markup.Escape(view.Words);
            });
            task.Value = 1;
        });
    }

    private static IAnsiConsole CreateConsole(TextWriter writer, bool isTerminal)
    {
        bool hasColors = isTerminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = hasColors ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new ConsoleOutput(writer, isTerminal),
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

/// <summary>How far a command is.</summary>
/// <param name="Share">0 to 1; null where nobody knows how much there is.</param>
/// <param name="Words">What stands before the bar.</param>
internal readonly record struct ProgressView(double? Share, string Words);
