using System.Reflection;
using BenchmarkDotNet.Attributes;

namespace Varve.Bench.Tests;

/// <summary>Runs every benchmark a few thousand times and holds what it allocates against budgets.json.</summary>
public sealed class BudgetTests
{
    private const int CallsToWarmUp = 2_000;
    private const int Calls = 1_000;
    private const int Rounds = 20;

    public static TheoryData<string> Names => [.. Budgets.Bytes.Keys];

    [Fact]
    public void Every_benchmark_has_a_budget_and_every_budget_a_benchmark() =>
        Assert.Equal(Budgets.Benchmarks.Select(Budgets.NameOf).Order(), Budgets.Bytes.Keys.Order());

    [Theory]
    [MemberData(nameof(Names))]
    public void A_benchmark_allocates_no_more_than_its_budget(string name)
    {
        double measured = Measure(Budgets.Benchmarks.Single(benchmark => Budgets.NameOf(benchmark) == name), Budgets.Bytes[name]);
        Assert.True(measured <= Budgets.Bytes[name], $"{name}: {measured:F2} bytes an operation, the budget is {Budgets.Bytes[name]}");
    }

    [Fact]
    public void A_benchmark_that_allocates_a_little_now_and_then_is_caught()
    {
        MethodInfo leaky = typeof(Leaky).GetMethod(nameof(Leaky.SometimesAllocate))!;
        Assert.InRange(Measure(leaky, budget: 0), 0.1, 10);
    }

    /// <summary>
    /// Bytes an operation, the least of several rounds: the store's own threads may take a pooled object at the moment when this one
    /// wants it.
    /// </summary>
    private static double Measure(MethodInfo benchmark, double budget)
    {
        object instance = Activator.CreateInstance(benchmark.DeclaringType!)!;
        Call<GlobalSetupAttribute>(instance);
        try
        {
            var run = benchmark.CreateDelegate<Func<int>>(instance);
            double operations = Calls * benchmark.GetCustomAttribute<BenchmarkAttribute>()!.OperationsPerInvoke;
            for (int i = 0; i < CallsToWarmUp; i++) run();
            double least = double.MaxValue;
            for (int round = 0; round < Rounds && least > budget; round++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int i = 0; i < Calls; i++) run();
                least = Math.Min(least, (GC.GetAllocatedBytesForCurrentThread() - before) / operations);
            }

            return least;
        }
        finally
        {
            Call<GlobalCleanupAttribute>(instance);
        }
    }

    private static void Call<TAttribute>(object instance)
        where TAttribute : Attribute
    {
        MethodInfo? method = instance.GetType().GetMethods().FirstOrDefault(method => method.GetCustomAttribute<TAttribute>() is not null);
        method?.Invoke(instance, null);
    }

    private sealed class Leaky
    {
        private byte[] _last = [];
        private int _calls;

        [Benchmark]
        public int SometimesAllocate()
        {
            if (++_calls % 100 == 0) _last = new byte[100];
            return _last.Length;
        }
    }
}
