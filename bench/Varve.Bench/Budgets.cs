using System.Reflection;
using System.Text.Json;
using BenchmarkDotNet.Attributes;

namespace Varve.Bench;

/// <summary>
/// budgets.json: the managed bytes that one operation of each benchmark may allocate in the steady state, by class and method.
/// </summary>
internal static class Budgets
{
    public static IReadOnlyDictionary<string, double> Bytes { get; } = Read();

    /// <summary>Every benchmark of this program.</summary>
    public static IEnumerable<MethodInfo> Benchmarks =>
        from type in typeof(Budgets).Assembly.GetTypes()
        from method in type.GetMethods()
        where method.GetCustomAttribute<BenchmarkAttribute>() is not null
        select method;

    public static string NameOf(MethodInfo benchmark) => $"{benchmark.DeclaringType!.Name}.{benchmark.Name}";

    private static Dictionary<string, double> Read()
    {
        using Stream stream = typeof(Budgets).Assembly.GetManifestResourceStream("budgets.json")!;
        return JsonSerializer.Deserialize<Dictionary<string, double>>(stream)!;
    }
}
