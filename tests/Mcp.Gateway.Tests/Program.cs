using Varve.Mcp.Gateway.Tests.Durable;
using Varve.Mcp.Gateway.Tests.Pool;

namespace Varve.Mcp.Gateway.Tests;

/// <summary>The assembly of the tests is also the program that they kill.</summary>
internal static class Program
{
    public static Task<int> Main(string[] args) => args switch
    {
        ["pool", string directory, string mode] => PoolProgram.RunAsync(directory, mode),
        [DurableProgram.WorkerMode, string directory] => DurableProgram.RunWorkerAsync(directory),
        [DurableProgram.GatewayMode, string directory] => DurableProgram.RunGatewayAsync(directory),
        _ => Task.FromResult(1),
    };
}
