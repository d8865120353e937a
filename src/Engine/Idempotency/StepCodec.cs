using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Varve.Idempotency;

/// <summary>
/// The name under which results of a type are stored, instead of the type's full name: so that the type may be renamed or moved.
/// </summary>
/// <param name="name">Not empty.</param>
[AttributeUsage(
    AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Enum | AttributeTargets.Interface, Inherited = false)]
public sealed class StepTypeAttribute(string name) : Attribute
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;
}

/// <summary>Turns the results of steps into JSON and back. Safe for concurrent use.</summary>
internal sealed class StepCodecs(JsonSerializerOptions json)
{
    private readonly ConcurrentDictionary<Type, object> _codecs = new();

    /// <summary>For steps without a result.</summary>
    public static StepCodec<bool> Nothing { get; } = new("void", null);

    /// <exception cref="NotSupportedException">The options do not know the type.</exception>
    public StepCodec<T> Get<T>() => (StepCodec<T>)_codecs.GetOrAdd(
        typeof(T), static (type, options) => new StepCodec<T>(NameOf(type), (JsonTypeInfo<T>)options.GetTypeInfo(type)), json);

    /// <summary>The full name without assembly, so that moving a type between assemblies does no harm.</summary>
    internal static string NameOf(Type type)
    {
        if (type.GetCustomAttribute<StepTypeAttribute>(inherit: false) is { } given) return given.Name;
        if (type.IsArray) return $"{NameOf(type.GetElementType()!)}[{new string(',', type.GetArrayRank() - 1)}]";
        if (!type.IsGenericType) return type.FullName ?? type.Name;
        string definition = type.GetGenericTypeDefinition().FullName!;
        return $"{definition}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>";
    }
}

/// <summary>Turns results of one type into JSON and back.</summary>
/// <param name="name">The name that is stored with them.</param>
/// <param name="type">How they become JSON; null: there is no result.</param>
internal sealed class StepCodec<T>(string name, JsonTypeInfo<T>? type)
{
    public string Name => name;

    public byte[] Write(T value) => type is null ? "null"u8.ToArray() : JsonSerializer.SerializeToUtf8Bytes(value, type);

    /// <exception cref="StepTypeMismatchException">It is another type's, or cannot be read.</exception>
    public T Read(string alias, StepRow step)
    {
        if (step.Type != name) throw new StepTypeMismatchException(alias, step.Type, name);
        if (type is null) return default!;
        try
        {
            return JsonSerializer.Deserialize(step.Json.Span, type)!;
        }
        catch (JsonException failure)
        {
            throw new StepTypeMismatchException(alias, step.Type, name, failure);
        }
    }

    /// <exception cref="StepNotRepeatableException">Two runs of a step gave two results.</exception>
    public static void CheckEqual(string alias, byte[] first, byte[] second)
    {
        if (first.AsSpan().SequenceEqual(second)) return;
        throw new StepNotRepeatableException(alias, Encoding.UTF8.GetString(first), Encoding.UTF8.GetString(second));
    }
}

/// <summary>What a step that is asked again and again answers: a value, which ends it, or not yet.</summary>
/// <typeparam name="T">The value's type.</typeparam>
public readonly struct UntilResult<T>
{
    private UntilResult(T value)
    {
        HasValue = true;
        Value = value;
    }

    /// <summary>To be asked again later.</summary>
    public static UntilResult<T> NotYet => default;

    /// <summary>Whether there is a value.</summary>
    public bool HasValue { get; }

    /// <summary>The value; the default one when there is none.</summary>
    public T Value { get; }

    /// <summary>A value is an answer.</summary>
    /// <param name="value">The value; null is one.</param>
    public static implicit operator UntilResult<T>(T value) => new(value);
}
