using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Varve.Mcp.Gateway.Worker;

// A server of the SDK's alone, over stdio: what the gateway pools that was not made for it.
HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddMcpServer().WithStdioServerTransport().WithTools<WorkerTools>();
await builder.Build().RunAsync();
