using System.CommandLine;
using Varve.Mcp.Cli.Servers;

namespace Varve.Mcp.Cli.Commands;

/// <summary>Options that several commands have.</summary>
internal static class Inputs
{
    public const string StdioName = "stdio";
    public const string HttpName = "http";
    public const int PortDefault = 9991;

    /// <summary>Where the servers keep their data when nobody says otherwise: with the user's other local data.</summary>
    public static string DataDefault => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "varve",
        "mcp");

    public static Option<string> Data() => new("--data", "-d")
    {
        Description = "The directory of the database.",
        HelpName = "DIR",
        DefaultValueFactory = _ => DataDefault,
    };

    public static Option<string> Server(string description)
    {
        var server = new Option<string>("--server", "-s")
        {
            Description = description,
            HelpName = string.Join('|', ServerCatalog.Names),
            DefaultValueFactory = _ => ServerCatalog.AllName,
        };
        server.AcceptOnlyFromAmong([.. ServerCatalog.Names]);
        return server;
    }

    public static Option<string> Transport(string description, string usual)
    {
        var transport = new Option<string>("--transport", "-t")
        {
            Description = description,
            HelpName = "stdio|http",
            DefaultValueFactory = _ => usual,
        };
        transport.AcceptOnlyFromAmong(StdioName, HttpName);
        return transport;
    }

    public static Option<int> Port() => new("--port", "-p")
    {
        Description = "The port of http://localhost:PORT/mcp.",
        HelpName = "PORT",
        DefaultValueFactory = _ => PortDefault,
    };

    public const string AllToolsName = "all";
    public const string NonDestructiveName = "non-destructive";
    public const string ReadOnlyName = "read-only";

    /// <summary>What <c>--offer</c> may say.</summary>
    public static IReadOnlyDictionary<string, OfferedTools> Offers { get; } = new Dictionary<string, OfferedTools>
    {
        [AllToolsName] = OfferedTools.All,
        [NonDestructiveName] = OfferedTools.NonDestructive,
        [ReadOnlyName] = OfferedTools.ReadOnly,
    };

    public const string OfferDescription = "Which tools clients see and may call: all, those that destroy nothing, those that only read.";

    public static Option<bool> Json(string what) => new("--json") { Description = what };
}
