using System.CommandLine;
using System.Text.Json;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve maps</c></summary>
internal static class MapsCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        var count = new Option<bool>("--count", "-c") { Description = "Count each map's entries too, by reading them all." };
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "maps",
            "List the maps that have been written to, one a line, in the order of their names.",
            "varve maps",
            "varve maps --count --json")
        {
            data,
            count,
            json,
        };
        command.Run((parsed, cancellation) =>
        {
            using Database database = Inputs.OpenForReading(parsed.GetRequiredValue(data));
            foreach (string name in database.ListMaps())
            {
                long? entries = parsed.GetValue(count) ? Count(database.GetMap(name), cancellation) : null;
                if (parsed.GetValue(json)) WriteJson(terminal, name, entries);
                else terminal.Writer.WriteLine(entries is null ? ByteText.Escape(name) : $"{ByteText.Escape(name)}\t{entries}");
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static long Count(SortedMap map, CancellationToken cancellation)
    {
        long count = 0;
        foreach (Entry _ in map.All())
        {
            count++;
            cancellation.ThrowIfCancellationRequested();
        }

        return count;
    }

    private static void WriteJson(Terminal terminal, string name, long? entries)
    {
        using var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line, LineBuffer.JsonOptions))
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            if (entries is { } known) json.WriteNumber("entries", known);
            json.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        terminal.Write(line.ToArray());
    }
}
