using Varve.Mcp.Cli;

return await CommandLine.RunAsync(args, Terminal.OpenStandard());
