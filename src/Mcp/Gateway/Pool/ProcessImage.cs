using System.Runtime.InteropServices;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>The program that a process runs.</summary>
internal static partial class ProcessImage
{
    /// <summary>
    /// Runs another program in place of this one, in the same process; returns only where that fails, and why. Not on Windows.
    /// </summary>
    /// <param name="command">The program, a path or a name that is looked up, and its arguments. At least the program.</param>
    public static string Replace(IReadOnlyList<string> command)
    {
        // The list of arguments ends with a null.
        _ = Execute(command[0], [.. command, null]);
        return Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "execvp", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string file, string?[] arguments);
}
