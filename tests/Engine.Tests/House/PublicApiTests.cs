using System.Reflection;
using System.Text;
using System.Xml.Linq;

namespace Varve.Tests.House;

/// <summary>The public surface is a reviewed file: what changes it shows in a diff.</summary>
public sealed class PublicApiTests
{
    private const string WriteVariable = "VARVE_WRITE_PUBLIC_API";

    [Fact]
    public void The_public_surface_is_the_reviewed_one()
    {
        string path = Repository.PathOf("tests", "Engine.Tests", "House", "PublicApi.txt");
        string actual = Describe(typeof(Database).Assembly);
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1") File.WriteAllText(path, actual);
        string reviewed = File.ReadAllText(path).ReplaceLineEndings("\n");
        string[] gone = [.. reviewed.Split('\n').Except(actual.Split('\n'))];
        string[] added = [.. actual.Split('\n').Except(reviewed.Split('\n'))];
        Assert.True(
            reviewed == actual,
            $"The public API differs from PublicApi.txt. Run this test with {WriteVariable}=1 and review the difference.\n"
            + $"gone:\n{string.Join('\n', gone)}\nadded:\n{string.Join('\n', added)}");
    }

    [Fact]
    public void The_API_reference_is_what_the_doc_comments_say()
    {
        string path = Repository.PathOf("docs", "api.md");
        string actual = ApiReference.Describe(typeof(Database).Assembly);
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1") File.WriteAllText(path, actual);
        Assert.True(
            File.ReadAllText(path).ReplaceLineEndings("\n") == actual,
            $"docs/api.md is not up to date. Run this test with {WriteVariable}=1.");
    }

    [Fact]
    public void A_type_in_several_files_has_one_summary()
    {
        XDocument comments = XDocument.Load(Path.ChangeExtension(typeof(Database).Assembly.Location, ".xml"));
        Assert.Empty(comments.Descendants("member").Where(member => member.Elements("summary").Count() > 1)
            .Select(member => member.Attribute("name")!.Value));
    }

    private static string Describe(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(ApiSurface.Name, StringComparer.Ordinal))
        {
            text.Append(ApiSurface.Header(type)).Append('\n');
            IEnumerable<string> members = ApiSurface.Members(type).Select(member => member.Declaration);
            foreach (string member in members.Order(StringComparer.Ordinal)) text.Append("    ").Append(member).Append('\n');
            text.Append('\n');
        }

        return text.ToString();
    }
}
