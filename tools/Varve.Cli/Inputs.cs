using System.CommandLine;
using System.CommandLine.Completions;
using System.Text;
using Varve.Cli.Transfer;

namespace Varve.Cli;

/// <summary>Options and arguments that several commands have, and what is made of them.</summary>
internal static class Inputs
{
    public const string DirectoryVariable = "VARVE_DATA";
    public const string DirectoryDefault = "varve-data";
    public const string MapDefault = "default";

    public static Option<string> Data() => new("--data", "-d")
    {
        Description = $"The database's directory; when not given, what the environment variable {DirectoryVariable} names, "
            + $"else ./{DirectoryDefault}.",
        HelpName = "DIR",
        DefaultValueFactory = _ => DirectoryWhenNotGiven(),
    };

    public static Option<string> Map()
    {
        var map = new Option<string>("--map", "-m")
        {
            Description = "The map's name.",
            HelpName = "NAME",
            DefaultValueFactory = _ => MapDefault,
        };
        map.CompletionSources.Add(NamesOfMaps);
        return map;
    }

    /// <summary>A map by its place instead of an option, where there is nothing else to name.</summary>
    public static Argument<string> MapName()
    {
        // Without a name of its own the help would list the maps instead.
        var map = new Argument<string>("map") { Description = "The map's name.", HelpName = "map" };
        map.CompletionSources.Add(NamesOfMaps);
        return map;
    }

    /// <summary>One map or, when not given, all of them.</summary>
    public static Option<string?> MapFilter(string description)
    {
        var map = new Option<string?>("--map", "-m") { Description = description, HelpName = "NAME" };
        map.CompletionSources.Add(NamesOfMaps);
        return map;
    }

    public static Option<bool> Hex(string what) => new("--hex", "-x") { Description = $"{what} given in hexadecimal." };

    public static Option<bool> Json() => new("--json") { Description = "Print JSON." };

    public static Option<RowFormat?> Format()
    {
        var format = new Option<RowFormat?>("--format", "-f")
        {
            Description = "tsv: key, tab, value, escaped as scan does; "
                + "ndjson: an object a line, with keyBase64 and valueBase64 for what is no UTF-8. "
                + "When not given: ndjson where the file's name ends with .ndjson, .jsonl or .json, else tsv.",
            HelpName = "tsv|ndjson",
        };
        format.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "tsv", "ndjson");
        return format;
    }

    public static Argument<string> Key() => new("key") { Description = "The key; put -- before it where it begins with a dash." };

    /// <summary>The bytes an argument stands for: its UTF-8, or what its hexadecimal digits say.</summary>
    public static byte[] Bytes(string argument, bool isHex, string name)
    {
        if (!isHex) return Encoding.UTF8.GetBytes(argument);
        try
        {
            return Convert.FromHexString(argument);
        }
        catch (FormatException)
        {
            throw CommandFailureException.Usage($"The {name} '{argument}' is not hexadecimal: two digits 0-9, a-f for each byte.");
        }
    }

    public static Database OpenForReading(string directory) =>
        Database.Open(RequireDirectory(directory), new DatabaseOptions { Mode = OpenMode.ReadOnly });

    public static Database OpenForWriting(string directory, bool createIfMissing) =>
        Database.Open(
            RequireDirectory(directory),
            new DatabaseOptions { Mode = createIfMissing ? OpenMode.CreateOrOpen : OpenMode.OpenExisting });

    /// <summary>A map that has been written to.</summary>
    public static SortedMap RequireMap(Database database, string name)
    {
        SortedMap map = database.GetMap(name);
        if (database.ListMaps().Contains(name)) return map;
        throw CommandFailureException.NotFound($"There is no map '{name}' in '{database.Directory}'.");
    }

    /// <summary>A directory that was named.</summary>
    public static string RequireDirectory(string directory) =>
        directory.Length > 0 ? directory : throw CommandFailureException.Usage("The database's directory (--data) is empty.");

    /// <summary>For a shell that completes; it wants to hear of no error.</summary>
    private static IEnumerable<CompletionItem> NamesOfMaps(CompletionContext context)
    {
        try
        {
            using Database database = OpenForReading(context.ParseResult.GetValue<string>("--data") ?? DirectoryWhenNotGiven());
            return [.. database.ListMaps().Select(name => new CompletionItem(name))];
        }
        catch (Exception failure)
            when (failure is IOException or UnauthorizedAccessException or InvalidOperationException or ArgumentException)
        {
            return [];
        }
    }

    private static string DirectoryWhenNotGiven()
    {
        string? named = Environment.GetEnvironmentVariable(DirectoryVariable);
        return string.IsNullOrEmpty(named) ? DirectoryDefault : named;
    }
}
