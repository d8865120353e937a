using Varve.Typed;

namespace Varve;

/// <summary>The built-in key codecs. Safe for concurrent use; each can be shared by any number of maps.</summary>
/// <remarks>The bytes of each are in docs/typed-maps.md.</remarks>
public static class KeyCodec
{
    /// <summary>
    /// Texts as UTF-8, in the order of their code points. The same bytes as the string overloads on <see cref="SortedMap"/> use. Null and
    /// half a surrogate pair are an <see cref="ArgumentException"/>.
    /// </summary>
    public static KeyCodec<string> Text { get; } = new TextKeyCodec();

    /// <summary>Bytes as they are. Null is an <see cref="ArgumentNullException"/>.</summary>
    public static KeyCodec<byte[]> Bytes { get; } = new BytesKeyCodec();

    /// <summary>The codec for a type.</summary>
    /// <typeparam name="T">
    /// <see cref="string"/>, <c>byte[]</c>, <see cref="bool"/>, <see cref="char"/>, integers of 8 to 128 bits, <see cref="float"/>,
    /// <see cref="double"/>, <see cref="decimal"/>, <see cref="Guid"/> (UUIDv7: by time), <see cref="DateTime"/>,
    /// <see cref="DateTimeOffset"/>, <see cref="DateOnly"/>, <see cref="TimeOnly"/>, <see cref="TimeSpan"/>, or an enum.
    /// </typeparam>
    /// <remarks>
    /// Keys that are equal are one key: -0.0 is read back as 0.0, 1.50m as 1.5m, and a <see cref="DateTimeOffset"/> with the offset zero.
    /// A <see cref="DateTime"/> is read back as UTC; one of kind <see cref="DateTimeKind.Local"/> is an <see cref="ArgumentException"/>.
    /// </remarks>
    /// <exception cref="NotSupportedException">There is no built-in codec; for tuples see <c>Tuple</c>.</exception>
    public static KeyCodec<T> For<T>() => BuiltInKeyCodecs.Of<T>.Codec ?? throw new NotSupportedException(
        $"There is no built-in key codec for {typeof(T)}. Give one: KeyCodec.Tuple for tuples, Convert of another, "
        + "or a class of your own.");

    /// <summary>Tuples, ordered by their elements from the first on.</summary>
    /// <param name="first">Default: <see cref="For"/>.</param>
    /// <param name="second">Default: <see cref="For"/>.</param>
    /// <exception cref="NotSupportedException">An element has no built-in codec, and none was given.</exception>
    public static KeyCodec<(T1, T2)> Tuple<T1, T2>(KeyCodec<T1>? first = null, KeyCodec<T2>? second = null) =>
        new TupleKeyCodec<T1, T2, (T1, T2)>(
            first ?? For<T1>(), second ?? For<T2>(), static key => key, static (head, last) => (head, last));

    /// <summary>Tuples, ordered by their elements from the first on. Parameters and errors as with two.</summary>
    /// <param name="first">Default: <see cref="For"/>.</param>
    /// <param name="second">Default: <see cref="For"/>.</param>
    /// <param name="third">Default: <see cref="For"/>.</param>
    public static KeyCodec<(T1, T2, T3)> Tuple<T1, T2, T3>(
        KeyCodec<T1>? first = null, KeyCodec<T2>? second = null, KeyCodec<T3>? third = null) =>
        new TupleKeyCodec<(T1, T2), T3, (T1, T2, T3)>(
            Tuple(first, second),
            third ?? For<T3>(),
            static key => ((key.Item1, key.Item2), key.Item3),
            static (head, last) => (head.Item1, head.Item2, last));

    /// <summary>Tuples, ordered by their elements from the first on. Parameters and errors as with two.</summary>
    /// <param name="first">Default: <see cref="For"/>.</param>
    /// <param name="second">Default: <see cref="For"/>.</param>
    /// <param name="third">Default: <see cref="For"/>.</param>
    /// <param name="fourth">Default: <see cref="For"/>.</param>
    public static KeyCodec<(T1, T2, T3, T4)> Tuple<T1, T2, T3, T4>(
        KeyCodec<T1>? first = null, KeyCodec<T2>? second = null, KeyCodec<T3>? third = null, KeyCodec<T4>? fourth = null) =>
        new TupleKeyCodec<(T1, T2, T3), T4, (T1, T2, T3, T4)>(
            Tuple(first, second, third),
            fourth ?? For<T4>(),
            static key => ((key.Item1, key.Item2, key.Item3), key.Item4),
            static (head, last) => (head.Item1, head.Item2, head.Item3, last));

    /// <summary>Tuples, ordered by their elements from the first on. Parameters and errors as with two.</summary>
    /// <param name="first">Default: <see cref="For"/>.</param>
    /// <param name="second">Default: <see cref="For"/>.</param>
    /// <param name="third">Default: <see cref="For"/>.</param>
    /// <param name="fourth">Default: <see cref="For"/>.</param>
    /// <param name="fifth">Default: <see cref="For"/>.</param>
    public static KeyCodec<(T1, T2, T3, T4, T5)> Tuple<T1, T2, T3, T4, T5>(
        KeyCodec<T1>? first = null, KeyCodec<T2>? second = null, KeyCodec<T3>? third = null, KeyCodec<T4>? fourth = null,
        KeyCodec<T5>? fifth = null) =>
        new TupleKeyCodec<(T1, T2, T3, T4), T5, (T1, T2, T3, T4, T5)>(
            Tuple(first, second, third, fourth),
            fifth ?? For<T5>(),
            static key => ((key.Item1, key.Item2, key.Item3, key.Item4), key.Item5),
            static (head, last) => (head.Item1, head.Item2, head.Item3, head.Item4, last));

    /// <summary>Tuples, ordered by their elements from the first on. Parameters and errors as with two.</summary>
    /// <param name="first">Default: <see cref="For"/>.</param>
    /// <param name="second">Default: <see cref="For"/>.</param>
    /// <param name="third">Default: <see cref="For"/>.</param>
    /// <param name="fourth">Default: <see cref="For"/>.</param>
    /// <param name="fifth">Default: <see cref="For"/>.</param>
    /// <param name="sixth">Default: <see cref="For"/>.</param>
    public static KeyCodec<(T1, T2, T3, T4, T5, T6)> Tuple<T1, T2, T3, T4, T5, T6>(
        KeyCodec<T1>? first = null, KeyCodec<T2>? second = null, KeyCodec<T3>? third = null, KeyCodec<T4>? fourth = null,
        KeyCodec<T5>? fifth = null, KeyCodec<T6>? sixth = null) =>
        new TupleKeyCodec<(T1, T2, T3, T4, T5), T6, (T1, T2, T3, T4, T5, T6)>(
            Tuple(first, second, third, fourth, fifth),
            sixth ?? For<T6>(),
            static key => ((key.Item1, key.Item2, key.Item3, key.Item4, key.Item5), key.Item6),
            static (head, last) => (head.Item1, head.Item2, head.Item3, head.Item4, head.Item5, last));

    /// <summary>Tuples, ordered by their elements from the first on. Parameters and errors as with two.</summary>
    /// <param name="first">Default: <see cref="For"/>.</param>
    /// <param name="second">Default: <see cref="For"/>.</param>
    /// <param name="third">Default: <see cref="For"/>.</param>
    /// <param name="fourth">Default: <see cref="For"/>.</param>
    /// <param name="fifth">Default: <see cref="For"/>.</param>
    /// <param name="sixth">Default: <see cref="For"/>.</param>
    /// <param name="seventh">Default: <see cref="For"/>.</param>
    public static KeyCodec<(T1, T2, T3, T4, T5, T6, T7)> Tuple<T1, T2, T3, T4, T5, T6, T7>(
        KeyCodec<T1>? first = null, KeyCodec<T2>? second = null, KeyCodec<T3>? third = null, KeyCodec<T4>? fourth = null,
        KeyCodec<T5>? fifth = null, KeyCodec<T6>? sixth = null, KeyCodec<T7>? seventh = null) =>
        new TupleKeyCodec<(T1, T2, T3, T4, T5, T6), T7, (T1, T2, T3, T4, T5, T6, T7)>(
            Tuple(first, second, third, fourth, fifth, sixth),
            seventh ?? For<T7>(),
            static key => ((key.Item1, key.Item2, key.Item3, key.Item4, key.Item5, key.Item6), key.Item7),
            static (head, last) => (head.Item1, head.Item2, head.Item3, head.Item4, head.Item5, head.Item6, last));
}
