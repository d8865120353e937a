using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Varve.Tests.House;

/// <summary>Writes the public types and members of a library with their doc comments as one Markdown page.</summary>
internal sealed partial class ApiReference
{
    private const string RootNamespace = "Varve";

    private readonly Dictionary<string, XElement> _comments;
    private readonly StringBuilder _page = new();

    private ApiReference(XDocument comments)
    {
        _comments = comments.Descendants("member").ToDictionary(member => member.Attribute("name")!.Value);
    }

    /// <summary>The page of a library whose doc comments lie beside it.</summary>
    public static string Describe(Assembly assembly)
    {
        var reference = new ApiReference(XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")));
        Type[] types = [.. assembly.GetExportedTypes().OrderBy(ApiSurface.Name, StringComparer.Ordinal)];
        reference.WriteContents(assembly, types);
        foreach (Type type in types) reference.WriteType(type);
        return reference._page.ToString().TrimEnd() + "\n";
    }

    private void WriteContents(Assembly assembly, Type[] types)
    {
        _page.Append($"# {assembly.GetName().Name}: API reference\n\n");
        _page.Append("Made from the doc comments by the tests, which fail when it is not up to date.\n\n");
        foreach (Type type in types)
        {
            string name = ApiSurface.Name(type);
            _page.Append($"- [{name}](#{Anchor(name)}): {FirstSentence(TextOf(IdOf(type), "summary"))}\n");
        }
    }

    private void WriteType(Type type)
    {
        _page.Append($"\n## {ApiSurface.Name(type)}\n\n```csharp\n{ApiSurface.Header(type)}\n```\n");
        if (type.Namespace != RootNamespace) _page.Append($"\nIn the namespace `{type.Namespace}`.\n");
        WriteComment(IdOf(type));
        foreach (ApiMember member in ApiSurface.Members(type).OrderBy(member => member.Info.Name, StringComparer.Ordinal)
            .ThenBy(member => member.Declaration, StringComparer.Ordinal))
        {
            _page.Append($"\n### `{member.Declaration}`\n");
            WriteComment(IdOf(member.Info));
        }
    }

    private void WriteComment(string id)
    {
        if (!_comments.TryGetValue(id, out XElement? comment)) return;
        WriteParagraph(TextOf(id, "summary"));
        foreach (XElement parameter in comment.Elements("param"))
            _page.Append($"\n- `{parameter.Attribute("name")!.Value}`: {Inline(parameter)}");
        if (comment.Elements("param").Any()) _page.Append('\n');
        if (comment.Element("returns") is { } returns) WriteParagraph("Returns: " + Inline(returns));
        foreach (XElement thrown in comment.Elements("exception"))
            _page.Append($"\n- throws {Cref(thrown.Attribute("cref")!.Value)}: {Inline(thrown)}");
        if (comment.Elements("exception").Any()) _page.Append('\n');
        WriteParagraph(TextOf(id, "remarks"));
    }

    private void WriteParagraph(string text)
    {
        if (text.Length > 0) _page.Append($"\n{text}\n");
    }

    private string TextOf(string id, string tag) =>
        _comments.TryGetValue(id, out XElement? comment) && comment.Element(tag) is { } element ? Inline(element) : "";

    private static string Inline(XElement element)
    {
        var text = new StringBuilder();
        foreach (XNode node in element.Nodes())
        {
            text.Append(node switch
            {
                XText plain => Whitespace().Replace(plain.Value, " "),
                XElement { Name.LocalName: "see" } see => Cref((see.Attribute("cref") ?? see.Attribute("langword"))!.Value),
                XElement { Name.LocalName: "paramref" or "typeparamref" } named => $"`{named.Attribute("name")!.Value}`",
                XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
                XElement { Name.LocalName: "code" } block => $"\n\n```\n{block.Value.Trim('\n')}\n```\n\n",
                XElement { Name.LocalName: "para" } paragraph => Inline(paragraph) + "\n\n",
                XElement other => Inline(other),
                _ => "",
            });
        }

        return text.ToString().Trim();
    }

    /// <summary>A reference as its last name: <c>M:Varve.Database.Write(…)</c> is <c>Write</c>, a type its own name.</summary>
    private static string Cref(string id)
    {
        string name = id.Split('(')[0];
        if (name.Length > 2 && name[1] == ':') name = name[2..];
        string[] parts = name.Split('.');
        string last = parts[^1].Split('`')[0];
        bool isMember = id.Length > 2 && id[1] == ':' && id[0] != 'T' && parts.Length > 1;
        return $"`{(isMember ? parts[^2].Split('`')[0] + "." : "")}{last}`";
    }

    private static string FirstSentence(string text)
    {
        int end = text.IndexOf(". ", StringComparison.Ordinal);
        return (end < 0 ? text : text[..(end + 1)]).ReplaceLineEndings(" ");
    }

    private static string Anchor(string heading) =>
        string.Concat(heading.ToLowerInvariant().Where(letter => char.IsLetterOrDigit(letter) || letter is '-' or '_' or ' '))
            .Replace(' ', '-');

    /// <summary>The name under which the compiler files a member's comment.</summary>
    private static string IdOf(MemberInfo member) => member switch
    {
        Type type => "T:" + FullName(type),
        FieldInfo field => $"F:{FullName(field.DeclaringType!)}.{field.Name}",
        PropertyInfo property => $"P:{FullName(property.DeclaringType!)}.{property.Name}{Signature(property.GetIndexParameters())}",
        ConstructorInfo constructor => $"M:{FullName(constructor.DeclaringType!)}.#ctor{Signature(constructor.GetParameters())}",
        MethodInfo method => $"M:{FullName(method.DeclaringType!)}.{method.Name}{Arity(method)}{Signature(method.GetParameters())}",
        _ => throw new NotSupportedException($"{member.MemberType} {member.Name}"),
    };

    private static string Arity(MethodInfo method) => method.IsGenericMethod ? "``" + method.GetGenericArguments().Length : "";

    private static string Signature(ParameterInfo[] parameters) =>
        parameters.Length == 0 ? "" : "(" + string.Join(",", parameters.Select(parameter => ParameterName(parameter.ParameterType))) + ")";

    private static string FullName(Type type) => type.FullName!.Replace('+', '.');

    private static string ParameterName(Type type)
    {
        if (type.IsByRef) return ParameterName(type.GetElementType()!) + "@";
        if (type.IsArray) return ParameterName(type.GetElementType()!) + "[]";
        if (type.IsGenericMethodParameter) return "``" + type.GenericParameterPosition;
        if (type.IsGenericParameter) return "`" + type.GenericParameterPosition;
        if (!type.IsGenericType) return FullName(type);
        string name = FullName(type.GetGenericTypeDefinition()).Split('`')[0];
        return name + "{" + string.Join(",", type.GetGenericArguments().Select(ParameterName)) + "}";
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();
}
