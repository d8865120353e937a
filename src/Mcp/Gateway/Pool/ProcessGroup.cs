using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>
/// Groups of processes: a worker leads one of its own, so that it ends with everything that it has started. .NET starts processes in the
/// group of their parent, and the parent cannot move them once they run a program; so a worker, or the launcher in front of it, does.
/// </summary>
internal static partial class ProcessGroup
{
    /// <summary>Under this name a worker finds the id of the gateway that has started it.</summary>
    public const string GatewayVariable = "VARVE_GATEWAY_PID";

    private const int SetParentDeathSignal = 1;
    private const int Kill = 9;
    private const int BrokenPipe = 13;

    /// <summary>
    /// Makes this process the leader of a group of its own, and on Linux lets it end with the gateway that started it. First of all, before
    /// it starts anything itself. Does nothing on Windows, where there are no groups.
    /// </summary>
    /// <returns>Whether the gateway that started it is still its parent; true where no gateway did.</returns>
    public static bool LeadOwn()
    {
        if (OperatingSystem.IsWindows()) return true;
        // Fails where this is the leader already: as good.
        _ = SetGroup(0, 0);
        if (!int.TryParse(Environment.GetEnvironmentVariable(GatewayVariable), CultureInfo.InvariantCulture, out int gateway)) return true;
        if (ParentId() != gateway) return false;
        // The signal comes when the parent's thread ends that started this process. A gateway does it on one that ends with it; of any
        // other parent that is not known, and it is left at the end of standard input.
        if (OperatingSystem.IsLinux()) _ = ControlOnLinux(SetParentDeathSignal, Kill, 0, 0, 0);
        // It may have ended meanwhile: then no signal will come.
        return ParentId() == gateway;
    }

    /// <summary>Ends a process and all of its group at once, also where the process itself has ended before.</summary>
    public static void End(Process process)
    {
        // The number of a group is not given away while one process of it lives. Where the last has ended too, there is none to signal.
        if (!OperatingSystem.IsWindows() && SendSignal(-process.Id, Kill) == 0) return;
        try
        {
            // It leads no group (yet): whatever it has started is looked for.
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        catch (Exception exception) when (exception is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It has ended between the question and the deed.
        }
    }

    /// <summary>What programs that do not run on .NET expect as they start: .NET itself ignores this signal.</summary>
    public static void RestoreSignals() => _ = SetHandler(BrokenPipe, 0);

    [LibraryImport("libc", EntryPoint = "setpgid", SetLastError = true)]
    private static partial int SetGroup(int process, int group);

    [LibraryImport("libc", EntryPoint = "getppid")]
    private static partial int ParentId();

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);

    // Variadic, but only on Linux, where that makes no difference to arguments of these kinds.
    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ControlOnLinux(int option, nuint argument2, nuint argument3, nuint argument4, nuint argument5);
}
