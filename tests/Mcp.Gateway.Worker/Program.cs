using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Gateway.Worker;

// A server of the SDK's alone, over stdio: what the gateway pools that was not made for it. The environment says what is wrong with it:
//   VARVE_WORKER_STARTS   a file that gets a line with the process id at each start
//   VARVE_WORKER_FAILS    a file: while it exists, the process ends at its start
//   VARVE_WORKER_MODE     late: it waits for VARVE_WORKER_DELAY ms first; mute: it never answers anything; initialize: it dies of the first
//                         request; legacy: it knows only the era of sessions; silent: so too, and does not answer what it does not know;
//                         strict: legacy, and it dies of what it does not know; deaf: it ignores the end of its input
// With "launch -- command" it starts a command as the gateway's own launcher does.
if (args is ["launch", "--", ..]) return WorkerLauncher.Run(args[2..]);
if (Setting("STARTS") is { } starts) SharedLines.Add(starts, $"{Environment.ProcessId}");
if (Setting("FAILS") is { } fails && File.Exists(fails))
{
    await Console.Error.WriteLineAsync("It fails as it was told to.");
    return 3;
}
string mode = Setting("MODE") ?? "";
switch (mode)
{
    case "late":
        await Task.Delay(int.Parse(Setting("DELAY")!, CultureInfo.InvariantCulture));
        break;
    case "mute":
        await Console.In.ReadToEndAsync();
        return 0;
    case "initialize":
        await Console.In.ReadLineAsync();
        return 4;
    case "legacy" or "silent" or "strict":
        return await LegacyServer.RunAsync(answersUnknown: mode == "legacy", diesOfUnknown: mode == "strict");
}
HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services
    .AddMcpServer(options => (options.PromptCollection, options.ResourceCollection) = ([], []))
    .WithStdioServerTransport().WithTools<WorkerTools>();
await builder.Build().RunAsync();
if (mode == "deaf") await Task.Delay(Timeout.Infinite);
return 0;

static string? Setting(string name) => Environment.GetEnvironmentVariable($"VARVE_WORKER_{name}");
