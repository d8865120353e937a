using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Running;
using Varve.Bench;

BenchmarkSwitcher.FromAssembly(typeof(Budgets).Assembly)
    .Run(args, DefaultConfig.Instance.AddDiagnoser(MemoryDiagnoser.Default).WithArtifactsPath(Path.Combine("artifacts", "bench")));
