using System.CommandLine;
using Varve.Workloads;
using Varve.Workloads.Bulk;
using Varve.Workloads.Expiring;
using Varve.Workloads.Large;
using Varve.Workloads.Loads;
using Varve.Workloads.Sharing;
using Varve.Workloads.Soak;
using Varve.Workloads.Sweep;

var options = new WorkloadOptions();
var suite = new SuiteCommand(options);
RootCommand root = suite.CreateRoot(args);
root.Add(suite.CreateOne());
root.Add(suite.CreateReport());
root.Add(KilledWriter.CreateCommand(options));
foreach (Command command in BulkCommands.Create(options.Number, options.Budget, options.Seed, options.Data, options.Results))
    root.Add(command);
root.Add(LargeValues.CreateCommand(options.Data));
root.Add(LargeDelete.CreateCommand(options.Data, options.Results, options.Budget));
root.Add(SweepCommand.Create(options.Data, options.Results, options.Budget));
root.Add(ExpiringCommand.Create(options.Number, options.Budget, options.Seed, options.Data, options.Results));
foreach (Command command in SharingCommand.Create(options.Data, options.Results)) root.Add(command);
root.Add(SoakCommand.Create(options.Seed, options.Data, options.Results));
try
{
    return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception failure) when (failure
    is ArgumentException or FormatException or IOException or InvalidOperationException or InvalidDataException or NotSupportedException)
{
    Console.Error.WriteLine(failure.Message);
    return 2;
}
