using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Varve.Cli.Transfer;

/// <summary>
/// How far an import has come, kept in the database: written by the same batch as the rows up to it, removed by the last batch. So it is
/// right whenever the process ends.
/// </summary>
/// <param name="Bytes">Of the input, up to the end of a line.</param>
/// <param name="Lines">Lines in them.</param>
/// <param name="Entries">Rows in them.</param>
/// <param name="Format">How they were read.</param>
/// <param name="Sha256">Of those bytes, in hexadecimal.</param>
internal sealed partial record ImportPosition(long Bytes, long Lines, long Entries, RowFormat Format, string Sha256)
{
    /// <summary>The map that holds the positions of unfinished imports.</summary>
    public const string MapName = "varve/imports";

    /// <summary>Target map, tab, name of the import.</summary>
    public static byte[] KeyOf(string map, string name) => Encoding.UTF8.GetBytes($"{map}\t{name}");

    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, PositionShape.Default.ImportPosition);

    /// <summary>Null when the record cannot be read.</summary>
    public static ImportPosition? Decode(byte[] record)
    {
        try
        {
            return JsonSerializer.Deserialize(record, PositionShape.Default.ImportPosition);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
    [JsonSerializable(typeof(ImportPosition))]
    private sealed partial class PositionShape : JsonSerializerContext;
}
