using System.Text;
using System.Text.Json;
using Varve.Mcp.Durable;

namespace Varve.Mcp.Tests.Durable;

public sealed class CanonicalJsonTests
{
    [Theory]
    [InlineData("""{ "b": [ 1, {"y":2,"x":3} ], "a": null }""", """{"a":null,"b":[1,{"x":3,"y":2}]}""")]
    [InlineData("""{"a":1.0,"B":"ü\u00fc"}""", """{"B":"üü","a":1.0}""")]
    [InlineData("{}", "{}")]
    public void Equal_arguments_have_one_form(string arguments, string canonical)
    {
        Dictionary<string, JsonElement> members = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(arguments)!;
        string written = Encoding.UTF8.GetString(CanonicalJson.Write(members));
        Assert.Equal(canonical.Replace("ü", "\\u00FC", StringComparison.Ordinal), written);
    }

    [Fact]
    public void No_arguments_are_an_empty_object() => Assert.Equal("{}"u8.ToArray(), CanonicalJson.Write(null));
}
