using System.Diagnostics;
using System.Globalization;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>A program with its three pipes, which is killed with all that it has started.</summary>
internal sealed class WorkerProcess
{
    private readonly Process _process;
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _killing = new();
    private bool _isOver;

    private WorkerProcess(Process process)
    {
        _process = process;
        Id = process.Id;
        // Kept apart from the process: its own properties know no streams once it is disposed.
        (Input, Output, Errors) = (
            process.StandardInput.BaseStream, process.StandardOutput.BaseStream, process.StandardError.BaseStream);
        // Nothing more may be done there: .NET holds a lock of the process meanwhile, which is also taken by whoever asks it for anything.
        _process.Exited += (_, _) => _exited.TrySetResult();
        _process.EnableRaisingEvents = true;
        if (_process.HasExited) _exited.TrySetResult();
    }

    public int Id { get; }

    /// <summary>What it reads.</summary>
    public Stream Input { get; }

    /// <summary>What it writes.</summary>
    public Stream Output { get; }

    public Stream Errors { get; }

    /// <summary>Ends with the process. What it has started is to be killed then.</summary>
    public Task Exited => _exited.Task;

    /// <summary>Known once <see cref="Exited"/> has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program, or it may not be run.</exception>
    public static async Task<WorkerProcess> StartAsync(WorkerCommand command)
    {
        ProcessStartInfo start = new()
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            CreateNoWindow = true,
            WorkingDirectory = command.Directory ?? "",
        };
        string[] line = [.. command.Launcher, command.File, .. command.Arguments];
        start.FileName = line[0];
        foreach (string argument in line.AsSpan(1)) start.ArgumentList.Add(argument);
        start.Environment[ProcessGroup.GatewayVariable] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        foreach ((string name, string? value) in command.Environment)
        {
            if (value is null) start.Environment.Remove(name);
            else start.Environment[name] = value;
        }
        return new WorkerProcess(await ProcessStarter.StartAsync(start));
    }

    /// <summary>Kills the process and its group. Any number of times, and at any time.</summary>
    public void Kill()
    {
        lock (_killing)
        {
            // Once after its end, for those that it has left behind; later the number may be somebody else's.
            if (_isOver) return;
            _isOver = _exited.Task.IsCompleted || _process.HasExited;
            ProcessGroup.End(_process);
        }
    }

    /// <summary>Resident memory; 0 where that is not known.</summary>
    public long ReadMemoryBytes()
    {
        if (_exited.Task.IsCompleted) return 0;
        try
        {
            if (OperatingSystem.IsLinux())
            {
                // Pages: all, resident, shared...
                string[] pages = File.ReadAllText($"/proc/{Id}/statm").Split(' ');
                return long.Parse(pages[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
            }
            _process.Refresh();
            return _process.WorkingSet64;
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return 0;
        }
    }
}
