using System.Diagnostics;
using System.Globalization;
using Varve.Cli.Tour;

namespace Varve.Cli.Torture;

/// <summary>A writer's process as the torture sees it: what it tells, and the ways to maltreat it.</summary>
internal sealed class TortureChild : IDisposable
{
    private static readonly TimeSpan EndMax = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly TortureLedger _ledger;
    private readonly Thread _reader;
    private readonly Task<string> _errors;
    private readonly Lock _guard = new();
    private readonly List<string> _faults = [];
    private int _refusals;
    private string? _lastRefusal;
    private string? _stop;
    private volatile bool _isOpen;
    private volatile bool _isClosed;

    private TortureChild(Process process, TortureLedger ledger)
    {
        _process = process;
        _ledger = ledger;
        _errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        _reader = new Thread(ReadLines) { IsBackground = true };
        _reader.Start();
    }

    public int Id => _process.Id;

    public bool IsOpen => _isOpen;

    /// <summary>True once it said that it had closed the database.</summary>
    public bool IsClosed => _isClosed;

    public bool HasExited => _process.HasExited;

    /// <summary>What it said was refused: the number of times.</summary>
    public int Refusals => Volatile.Read(ref _refusals);

    public string? LastRefusal => Volatile.Read(ref _lastRefusal);

    /// <summary>Why writing stopped until the next open; null when it goes on.</summary>
    public string? Stop => Volatile.Read(ref _stop);

    public long Acknowledged => _ledger.Count;

    /// <param name="directory">The database's.</param>
    /// <param name="ledger">Where its acknowledgements go.</param>
    /// <param name="seed">Of what it draws.</param>
    /// <param name="shellPrefix">What a shell does before it becomes the writer: <c>ulimit -n 96;</c>. Null: no shell.</param>
    /// <param name="more">More options of the writer.</param>
    public static TortureChild Start(
        string directory, TortureLedger ledger, int seed, string? shellPrefix = null, params ReadOnlySpan<string> more)
    {
        ledger.BeginProcess();
        string[] arguments =
        [
            TortureWriter.CommandName, "--data", directory, "--streams", ledger.Streams.ToString(CultureInfo.InvariantCulture),
            "--seed", seed.ToString(CultureInfo.InvariantCulture), .. more,
        ];
        Process process = shellPrefix is null ? SelfProcess.Start(arguments) : SelfProcess.StartInShell(shellPrefix, arguments);
        return new TortureChild(process, ledger);
    }

    /// <summary>Waits until something is so, the process has ended, or the time is over; whether it is so.</summary>
    public bool WaitFor(Func<bool> isSo, TimeSpan atMost, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(started) >= atMost) return isSo();
            cancellation.ThrowIfCancellationRequested();
            Thread.Sleep(5);
        }

        return true;
    }

    /// <summary>SIGSTOP or SIGCONT.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public void Kill()
    {
        _process.Kill();
        WaitForExit();
    }

    /// <summary>Asks it to close the database and end.</summary>
    public void End()
    {
        _process.StandardInput.Close();
        WaitForExit();
        if (_isClosed) _ledger.KeepAll();
    }

    /// <summary>What the process found wrong itself, and what it left on stderr where it ended badly.</summary>
    public List<string> TakeFaults()
    {
        lock (_guard)
        {
            List<string> faults = [.. _faults];
            _faults.Clear();
            return faults;
        }
    }

    /// <summary>What it said on stderr; it has ended.</summary>
    public string Errors => _errors.GetAwaiter().GetResult().Trim();

    public int ExitCode => _process.ExitCode;

    public void Dispose()
    {
        if (!_process.HasExited) Kill();
        _process.Dispose();
    }

    private void WaitForExit()
    {
        if (!_process.WaitForExit(EndMax))
        {
            lock (_guard) _faults.Add($"process {_process.Id} hangs: it did not end within {EndMax.TotalSeconds} s");
            _process.Kill();
            _process.WaitForExit();
        }

        _reader.Join();
    }

    private void ReadLines()
    {
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (!line.EndsWith(TortureWriter.LineEnd, StringComparison.Ordinal)) continue;
            Take(line[..^TortureWriter.LineEnd.Length]);
        }
    }

    private void Take(string line)
    {
        if (_ledger.TryTake(line)) return;
        string[] parts = line.Split(' ', 2);
        string reason = parts.Length > 1 ? parts[1] : "";
        switch (parts[0])
        {
            case "open":
                _isOpen = true;
                break;
            case "closed":
                _isClosed = true;
                break;
            case "refused":
                Volatile.Write(ref _lastRefusal, reason);
                Interlocked.Increment(ref _refusals);
                break;
            case "stopped":
                Volatile.Write(ref _stop, reason);
                break;
            default:
                lock (_guard) _faults.Add(reason);
                break;
        }
    }
}
