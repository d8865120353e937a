namespace Varve.Workloads.Measuring;

/// <summary>Where something was measured, for reports.</summary>
internal static class Machine
{
    public static string Describe() =>
        $"{ProcessorName()}, {Environment.ProcessorCount} processors, {Environment.OSVersion.VersionString}, .NET {Environment.Version}.";

    private static string ProcessorName()
    {
        const string Field = "model name";
        if (!File.Exists("/proc/cpuinfo")) return "Unknown processor";
        string? line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
        return line is null ? "Unknown processor" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
