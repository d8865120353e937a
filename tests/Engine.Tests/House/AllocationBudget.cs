using System.Globalization;

namespace Varve.Tests.House;

/// <summary>The figures of allocation-budget.txt: <c>operation: bytes</c> a line, # begins a comment.</summary>
internal static class AllocationBudget
{
    public static IReadOnlyDictionary<string, long> Bytes { get; } = Read();

    private static Dictionary<string, long> Read()
    {
        using Stream stream = typeof(AllocationBudget).Assembly.GetManifestResourceStream("allocation-budget.txt")!;
        using var reader = new StreamReader(stream);
        var budget = new Dictionary<string, long>();
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#') continue;
            int colon = line.LastIndexOf(':');
            budget.Add(line[..colon], long.Parse(line.AsSpan(colon + 1), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture));
        }

        return budget;
    }
}
