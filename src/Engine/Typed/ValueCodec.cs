using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Varve.Typed;

namespace Varve;

/// <summary>The built-in value codecs. Safe for concurrent use; each can be shared by any number of maps.</summary>
/// <remarks>The bytes of each are in docs/typed-maps.md.</remarks>
public static class ValueCodec
{
    private const string ReflectionNote =
        "JSON without a JsonTypeInfo looks at types while it runs. Give one, by a JsonSerializerContext, in trimmed and native programs.";

    /// <summary>Texts as UTF-8. Null and half a surrogate pair are an <see cref="ArgumentException"/>.</summary>
    public static ValueCodec<string> Text { get; } = new TextValueCodec();

    /// <summary>Bytes as they are. Null is an <see cref="ArgumentNullException"/>.</summary>
    public static ValueCodec<byte[]> Bytes { get; } = new BytesValueCodec();

    /// <summary>The codec for a type; every value is read back exactly as it was written.</summary>
    /// <typeparam name="T">
    /// <see cref="string"/>, <c>byte[]</c>, <see cref="bool"/>, <see cref="char"/>, integers of 8 to 128 bits, <see cref="float"/>,
    /// <see cref="double"/>, <see cref="decimal"/>, <see cref="Guid"/>, <see cref="DateTime"/>, <see cref="DateTimeOffset"/>,
    /// <see cref="DateOnly"/>, <see cref="TimeOnly"/>, <see cref="TimeSpan"/>, or an enum.
    /// </typeparam>
    /// <remarks>A <see cref="DateTime"/> keeps its ticks and its kind; a local time is not converted when the time zone changes.</remarks>
    /// <exception cref="NotSupportedException">There is no built-in codec: see <c>Json</c> and <c>Convert</c>.</exception>
    public static ValueCodec<T> For<T>() => BuiltInValueCodecs.Of<T>.Codec ?? throw new NotSupportedException(
        $"There is no built-in value codec for {typeof(T)}. Give one: ValueCodec.Json with the type's JsonTypeInfo, Convert of another, or "
        + "a class of your own.");

    /// <summary>JSON by System.Text.Json, as the type's source-generated context says. Works trimmed and compiled natively.</summary>
    /// <param name="type">From a <c>JsonSerializerContext</c>: <c>MyContext.Default.Order</c>.</param>
    public static ValueCodec<T> Json<T>(JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return new JsonValueCodec<T>(type);
    }

    /// <summary>JSON by System.Text.Json and reflection.</summary>
    /// <param name="options">Default: <see cref="JsonSerializerOptions.Default"/>. Not to be changed from here on.</param>
    [RequiresUnreferencedCode(ReflectionNote)]
    [RequiresDynamicCode(ReflectionNote)]
    public static ValueCodec<T> Json<T>(JsonSerializerOptions? options = null)
    {
        options ??= JsonSerializerOptions.Default;

        // As the serializer itself does at the first use.
        options.MakeReadOnly(populateMissingResolver: true);
        return new JsonValueCodec<T>((JsonTypeInfo<T>)options.GetTypeInfo(typeof(T)));
    }
}
