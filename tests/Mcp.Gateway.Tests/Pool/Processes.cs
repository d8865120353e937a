using System.Runtime.InteropServices;

namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>What runs on this machine, as /proc tells.</summary>
internal static partial class Processes
{
    public const int Kill = 9;
    public const int Continue = 18;
    public const int Stop = 19;

    /// <summary>Waits until none of the processes is there, nor anybody of their groups where these are asked for.</summary>
    public static async Task GoneAsync(int[] pids, bool ofGroups)
    {
        DateTime end = DateTime.UtcNow + PoolHost.Patience;
        while (Alive(pids, ofGroups) is { Length: > 0 } alive)
        {
            if (DateTime.UtcNow > end) Assert.Fail($"Still there: {string.Join(", ", alive)}");
            await Task.Delay(5);
        }
    }

    public static Task GoneAsync(params int[] pids) => GoneAsync(pids, ofGroups: true);

    public static bool IsAlive(int pid) => Alive([pid], ofGroups: false).Length > 0;

    /// <summary>The group that a process belongs to.</summary>
    public static int GroupOf(int pid) => Read($"/proc/{pid}/stat")?.Group ?? 0;

    /// <summary>Waits until a process stands still.</summary>
    public static async Task StoppedAsync(int pid)
    {
        DateTime end = DateTime.UtcNow + PoolHost.Patience;
        while (Read($"/proc/{pid}/stat")?.State != 'T')
        {
            Assert.True(DateTime.UtcNow < end, "it is not stopped");
            await Task.Delay(5);
        }
    }

    public static Task StopAsync(int pid)
    {
        Signal(pid, Stop);
        return StoppedAsync(pid);
    }

    public static void Signal(int pid, int signal) => Assert.Equal(0, SendSignal(pid, signal));

    /// <summary>False where there is no such process any more.</summary>
    public static bool TrySignal(int pid, int signal) => SendSignal(pid, signal) == 0;

    private static string[] Alive(int[] pids, bool ofGroups)
    {
        List<string> alive = [];
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), null, out int pid)) continue;
            if (Read(Path.Combine(directory, "stat")) is not { } process || process.State is 'Z' or 'X') continue;
            bool isMeant = pids.Contains(pid) || (ofGroups && pids.Contains(process.Group));
            if (isMeant) alive.Add($"{pid} ({process.Name}) of group {process.Group}");
        }
        return [.. alive];
    }

    /// <summary>pid (name) state parent group ...; the name may have anything in it.</summary>
    private static (string Name, char State, int Group)? Read(string file)
    {
        try
        {
            string stat = File.ReadAllText(file);
            string[] rest = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (stat[(stat.IndexOf('(') + 1)..stat.LastIndexOf(')')], rest[0][0], int.Parse(rest[2], null));
        }
        catch (IOException)
        {
            // It ended meanwhile.
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
