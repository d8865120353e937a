using System.Reflection;

namespace Varve.Tests.House;

/// <summary>Reads a library's public types and members as its users see them.</summary>
internal static class ApiSurface
{
    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(bool)] = "bool",
        [typeof(byte)] = "byte",
        [typeof(int)] = "int",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(double)] = "double",
        [typeof(string)] = "string",
        [typeof(object)] = "object",
    };

    public static string Header(Type type)
    {
        string kind = type switch
        {
            { IsEnum: true } => "enum",
            { IsInterface: true } => "interface",
            { IsValueType: true } => (IsReadOnly(type) ? "readonly " : "") + (type.IsByRefLike ? "ref struct" : "struct"),
            { IsAbstract: true, IsSealed: true } => "static class",
            { IsSealed: true } => "sealed class",
            _ => "class",
        };
        IEnumerable<string> bases = type.GetInterfaces().Where(contract => contract.IsPublic).Select(Name).Order(StringComparer.Ordinal);
        if (type is { IsClass: true, BaseType: { } above } && above != typeof(object)) bases = bases.Prepend(Name(above));
        if (type.IsEnum) bases = [Name(type.GetEnumUnderlyingType())];
        string list = string.Join(", ", bases);
        return $"{kind} {Name(type)}{(list.Length > 0 ? " : " + list : "")}";
    }

    private static bool IsReadOnly(Type type) => type.IsDefined(typeof(System.Runtime.CompilerServices.IsReadOnlyAttribute));

    /// <summary>What a type declares for its users, without what the compiler gives every record.</summary>
    public static IEnumerable<ApiMember> Members(Type type)
    {
        const BindingFlags Own = BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic
            | BindingFlags.Instance | BindingFlags.Static;
        if (type.IsEnum)
        {
            return Enum.GetValues(type).Cast<object>()
                .Select(value => new ApiMember(type.GetField($"{value}")!, $"{value} = {Convert.ToInt64(value)}"));
        }

        List<ApiMember> members = [];
        foreach (ConstructorInfo constructor in type.GetConstructors(Own).Where(IsVisible))
            members.Add(new ApiMember(constructor, $"new({Parameters(constructor)})"));
        foreach (FieldInfo field in type.GetFields(Own).Where(field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly))
        {
            string value = field.IsLiteral ? " = " + field.GetRawConstantValue() : "";
            string modifier = field.IsLiteral ? "const " : field.IsStatic ? "static " : "";
            members.Add(new ApiMember(field, $"{modifier}{Name(field.FieldType)} {field.Name}{value}"));
        }

        foreach (PropertyInfo property in type.GetProperties(Own))
        {
            string accessors = Accessor(property.GetMethod, "get") + Accessor(property.SetMethod, IsInit(property) ? "init" : "set");
            if (accessors.Length == 0) continue;
            string head = Static(property.GetMethod ?? property.SetMethod!) + Name(property.PropertyType);
            members.Add(new ApiMember(property, $"{head} {property.Name} {{ {accessors}}}"));
        }

        foreach (MethodInfo method in type.GetMethods(Own))
        {
            bool isOperator = method.Name.StartsWith("op_", StringComparison.Ordinal);
            if (!IsVisible(method) || (method.IsSpecialName && !isOperator) || IsOfRecord(type, method)) continue;
            members.Add(new ApiMember(method, $"{Static(method)}{Name(method.ReturnType)} {NameOf(method)}({Parameters(method)})"));
        }

        return members;
    }

    /// <summary>Equality, printing and copying, which the compiler gives every record.</summary>
    private static bool IsOfRecord(Type type, MethodInfo method) =>
        type.GetMethod("PrintMembers", BindingFlags.Instance | BindingFlags.NonPublic) is not null
        && method.Name is "op_Equality" or "op_Inequality" or "Equals" or "GetHashCode" or "ToString" or "PrintMembers" or "<Clone>$"
            or "Deconstruct";

    private static bool IsVisible(MethodBase? method) => method is { IsPublic: true } or { IsFamily: true } or { IsFamilyOrAssembly: true };

    private static bool IsInit(PropertyInfo property) =>
        property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Any(modifier => modifier.Name == "IsExternalInit") == true;

    private static string Accessor(MethodInfo? method, string word) => IsVisible(method) ? word + "; " : "";

    private static string Static(MethodBase method) => method.IsStatic ? "static " : "";

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
    {
        bool isExtended = parameter.Position == 0 && method.IsDefined(typeof(System.Runtime.CompilerServices.ExtensionAttribute));
        string passing = parameter switch
        {
            { IsOut: true } => "out ",
            { IsIn: true, ParameterType.IsByRef: true } => "in ",
            { ParameterType.IsByRef: true } => "ref ",
            _ => isExtended ? "this " : "",
        };
        string value = parameter.HasDefaultValue ? " = " + (parameter.DefaultValue ?? "default") : "";
        return $"{passing}{Name(parameter.ParameterType)} {parameter.Name}{value}";
    }));

    private static string NameOf(MethodInfo method) =>
        method.IsGenericMethod ? $"{method.Name}<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : method.Name;

    public static string Name(Type type)
    {
        if (type.IsGenericParameter) return type.Name;
        if (type.IsByRef) return Name(type.GetElementType()!);
        if (type.IsArray) return Name(type.GetElementType()!) + "[]";
        if (Nullable.GetUnderlyingType(type) is { } inner) return Name(inner) + "?";
        if (Keywords.TryGetValue(type, out string? keyword)) return keyword;
        string name = type.IsNested ? Name(type.DeclaringType!) + "." + type.Name : type.Name;
        if (!type.IsGenericType) return name;
        return name.Split('`')[0] + "<" + string.Join(", ", type.GetGenericArguments().Select(Name)) + ">";
    }
}

/// <summary>A public member and how its declaration reads.</summary>
internal sealed record ApiMember(MemberInfo Info, string Declaration);
