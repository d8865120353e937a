using System.Text.Json;
using Varve.Mcp.Arguments;

namespace Varve.Mcp.Tests.Arguments;

/// <summary>Arguments against a schema: what is wrong is said of the argument, by name.</summary>
public sealed class ArgumentCheckTests
{
    private const string Schema = """
        {
            "type": "object",
            "$defs": { "color": { "type": "string", "enum": ["red", "blue"] } },
            "properties": {
                "name": { "type": "string", "minLength": 1, "maxLength": 5 },
                "age": { "type": "integer", "minimum": 1, "maximum": 150 },
                "share": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 },
                "note": { "type": ["string", "null"] },
                "agreed": { "const": true },
                "color": { "$ref": "#/$defs/color" },
                "entries": {
                    "type": "array", "minItems": 1, "maxItems": 2,
                    "items": { "type": "object", "required": ["key"], "properties": { "key": { "type": "string" } } }
                },
                "labels": {
                    "type": "object", "maxProperties": 2, "propertyNames": { "minLength": 1, "maxLength": 3 },
                    "additionalProperties": { "type": "string" }
                },
                "free": {},
                "mixed": { "properties": { "a": {} }, "anyOf": [{ "properties": { "b": {} } }] }
            },
            "required": ["name"]
        }
        """;

    [Theory]
    [InlineData("""{"name":"ada"}""", null)]
    [InlineData("""{"name":"ada","age":36,"share":0.5,"note":null,"agreed":true,"color":"red"}""", null)]
    [InlineData("""{"name":"ada","age":36.0}""", null)]
    [InlineData("""{"name":"ada","labels":{"x":"y"},"free":[1,{"z":null}],"mixed":{"b":1}}""", null)]
    [InlineData("""{"name":"😀😀😀😀😀"}""", null)]
    [InlineData("{}", "Argument 'name' is required.")]
    [InlineData("""{"name":7}""", "Argument 'name' must be string, not integer.")]
    [InlineData("""{"name":null}""", "Argument 'name' must be string, not null.")]
    [InlineData("""{"name":""}""", "Argument 'name' must have at least 1 characters.")]
    [InlineData("""{"name":"augusta"}""", "Argument 'name' must have at most 5 characters.")]
    [InlineData("""{"name":"ada","age":"36"}""", "Argument 'age' must be integer, not string.")]
    [InlineData("""{"name":"ada","age":3.5}""", "Argument 'age' must be integer, not number.")]
    [InlineData("""{"name":"ada","age":0}""", "Argument 'age' must be at least 1.")]
    [InlineData("""{"name":"ada","age":151}""", "Argument 'age' must be at most 150.")]
    [InlineData("""{"name":"ada","share":0}""", "Argument 'share' must be more than 0.")]
    [InlineData("""{"name":"ada","share":1e400}""", "Argument 'share' must be less than 1.")]
    [InlineData("""{"name":"ada","note":true}""", "Argument 'note' must be string or null, not boolean.")]
    [InlineData("""{"name":"ada","agreed":false}""", "Argument 'agreed' must be true.")]
    [InlineData("""{"name":"ada","color":"green"}""", "Argument 'color' must be one of \"red\", \"blue\".")]
    [InlineData("""{"name":"ada","entries":[]}""", "Argument 'entries' must have at least 1 items.")]
    [InlineData("""{"name":"ada","entries":[{"key":"a"},{}]}""", "Argument 'entries[1].key' is required.")]
    [InlineData("""{"name":"ada","entries":[{"key":"a","value":"b"}]}""", "Argument 'entries[0].value' is unknown.")]
    [InlineData("""{"name":"ada","labels":{"x":1}}""", "Argument 'labels.x' must be string, not integer.")]
    [InlineData("""{"name":"ada","labels":{"x":"","y":"","z":""}}""", "Argument 'labels' must have at most 2 members.")]
    [InlineData("""{"name":"ada","labels":{"long":""}}""", "Argument 'labels.long' must have at most 3 characters in its name.")]
    [InlineData("""{"name":"ada","labels":{"":""}}""", "Argument 'labels.' must have at least 1 characters in its name.")]
    [InlineData("""{"name":"ada","nmae":"bob"}""", "Argument 'nmae' is unknown.")]
    public void The_first_thing_that_is_wrong_is_named(string arguments, string? problem) => Assert.Equal(problem, Find(Schema, arguments));

    [Theory]
    [InlineData("""{"type":"object"}""")]
    [InlineData("true")]
    [InlineData("""{"type":"object","properties":{},"additionalProperties":true}""")]
    [InlineData("""{"type":"object","properties":{},"patternProperties":{".":{}}}""")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#/nowhere"}}}""")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#/properties/a"}}}""")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"https://elsewhere.example/schema"}}}""")]
    public void What_the_check_does_not_know_is_not_held_against_an_argument(string schema) => Assert.Null(Find(schema, """{"a":[1,2]}"""));

    [Fact]
    public void A_long_name_is_cut_in_what_is_said_of_it()
    {
        string name = new('x', 101);
        Assert.Equal($"Argument '{name[..100]}...' is unknown.", Find(Schema, $$"""{"name":"ada","{{name}}":1}"""));
    }

    [Fact]
    public void No_arguments_are_none() =>
        Assert.Equal("Argument 'name' is required.", ArgumentCheck.Find(JsonElement.Parse(Schema), null)?.Text);

    private static string? Find(string schema, string arguments) =>
        ArgumentCheck.Find(JsonElement.Parse(schema), JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(arguments))?.Text;
}
