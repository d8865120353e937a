using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Varve.Mcp.Cli.Commands;

/// <summary>One thing that can be said of a gateway, in up to three places.</summary>
/// <param name="Key">Its name in the settings file's section.</param>
/// <param name="Variable">Its environment variable; null: none.</param>
/// <param name="Option">Its flag.</param>
/// <param name="IsList">Whether it may have several values.</param>
internal sealed record GatewayInput(string Key, string? Variable, Option<string[]> Option, bool IsList)
{
    public static GatewayInput Of(
        string flag, string? variable, string key, string helpName, string description, bool isList = false) => new(
        key,
        variable,
        new Option<string[]>(flag)
        {
            Description = variable is null ? description : $"{description} Environment: {variable}.",
            HelpName = helpName,
        },
        isList);
}

/// <summary>What the command line, the environment and a settings file say, in this order; errors name the place.</summary>
internal sealed class GatewaySource(ParseResult parsed, IConfiguration file, Func<string, string?> environment)
{
    /// <summary>The section of the settings file.</summary>
    public const string Section = "Gateway";

    public string? Text(GatewayInput input) => Find(input) is ([.., var last], _) ? last : null;

    /// <summary>All values: of the flag given several times, parted by commas in the variable, an array in the file.</summary>
    public IReadOnlyList<string> List(GatewayInput input) => Find(input)?.Values ?? [];

    public int Number(GatewayInput input, int usual, int least, int most = int.MaxValue)
    {
        if (Find(input) is not { } found) return usual;
        string range = most == int.MaxValue ? $"of {least} or more" : $"from {least} to {most}";
        return int.TryParse(found.Values[^1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            && number >= least && number <= most
                ? number
                : throw Wrong(found, $"a number {range}");
    }

    public TimeSpan Seconds(GatewayInput input, TimeSpan usual)
    {
        if (Find(input) is not { } found) return usual;
        return double.TryParse(found.Values[^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
            && seconds is > 0 and < 1e6
                ? TimeSpan.FromSeconds(seconds)
                : throw Wrong(found, "a number of seconds above zero");
    }

    public T Choice<T>(GatewayInput input, T usual, IReadOnlyDictionary<string, T> choices)
    {
        if (Find(input) is not { } found) return usual;
        return choices.TryGetValue(found.Values[^1], out T? chosen)
            ? chosen
            : throw Wrong(found, $"one of {string.Join(", ", choices.Keys)}");
    }

    /// <summary>A flag without a value, or true in the file.</summary>
    public bool Is(Option<bool> option, string key)
    {
        if (parsed.GetValue(option)) return true;
        string? said = file[$"{Section}:{key}"];
        if (said is null) return false;
        return bool.TryParse(said, out bool value) ? value : throw Wrong(([said], $"{Section}:{key}"), "true or false");
    }

    private static CommandFailureException Wrong((string[] Values, string Place) found, string expected) =>
        CommandFailureException.Usage($"{found.Place} is {expected}, not '{found.Values[^1]}'.");

    private (string[] Values, string Place)? Find(GatewayInput input)
    {
        if (parsed.GetValue(input.Option) is { Length: > 0 } given)
        {
            return given.Length == 1 || input.IsList
                ? (given, input.Option.Name)
                : throw CommandFailureException.Usage($"{input.Option.Name} is given more than once.");
        }

        if (input.Variable is not null && environment(input.Variable) is { Length: > 0 } variable)
            return (Parts(variable, input), input.Variable);
        IConfigurationSection section = file.GetSection($"{Section}:{input.Key}");
        string[] values = section.Value is { Length: > 0 } one
            ? [one]
            : [.. section.GetChildren().Select(child => child.Value).OfType<string>()];
        return values.Length > 0 ? (values, section.Path) : null;
    }

    private static string[] Parts(string variable, GatewayInput input) => input.IsList
        ? variable.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        : [variable];
}
