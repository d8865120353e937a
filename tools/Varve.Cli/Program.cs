using Varve.Cli;
using Varve.Cli.Output;

return CommandLine.Run(args, Terminal.OpenStandard());
