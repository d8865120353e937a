using System.CommandLine;
using Varve.Mcp.Bench;

var seconds = new Option<double>("--seconds") { Description = "How long each measurement takes.", DefaultValueFactory = _ => 10 };
var warmup = new Option<double>("--warmup")
{
    Description = "Seconds of calls before each measurement: until the code is compiled as it will be, and the journal is full.",
    DefaultValueFactory = _ => 30,
};
var runs = new Option<int>("--runs") { Description = "Times everything is measured; medians count.", DefaultValueFactory = _ => 3 };
var connections = new Option<int>("--connections") { Description = "Over HTTP, at the same time.", DefaultValueFactory = _ => 8 };
var results = new Option<string>("--results") { Description = "Where the report goes.", DefaultValueFactory = _ => "bench/results" };
var root = new RootCommand("What a call of a tool costs: over HTTP and stdio, in both eras, journaled and not, and with the plain SDK.")
{
    seconds, warmup, runs, connections, results,
};
root.SetAction((parsed, cancellation) => Comparison.RunAsync(
    new ComparisonSettings(
        TimeSpan.FromSeconds(parsed.GetValue(warmup)), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(runs),
        parsed.GetValue(connections), parsed.GetValue(results)!),
    string.Join(' ', args), cancellation));
root.Add(StartupCommand.Create());
root.Add(GatewayCommand.Create());
root.Add(BenchServer.CreateCommand());
return await root.Parse(args).InvokeAsync();
