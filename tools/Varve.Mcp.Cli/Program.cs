using Varve.Mcp.Cli;
using Varve.Mcp.Cli.Commands;

if (args is ["gateway", ..]) Diagnostics.TurnOff(args);
return await CommandLine.RunAsync(args, Terminal.OpenStandard());
