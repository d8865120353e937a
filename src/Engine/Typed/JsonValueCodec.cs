using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Varve.Typed;

/// <summary>JSON in UTF-8, by System.Text.Json.</summary>
internal sealed class JsonValueCodec<T>(JsonTypeInfo<T> type) : ValueCodec<T>
{
    private readonly JsonWriterOptions _writerOptions = new()
    {
        Encoder = type.Options.Encoder,
        Indented = type.Options.WriteIndented,
        IndentCharacter = type.Options.IndentCharacter,
        IndentSize = type.Options.IndentSize,
        NewLine = type.Options.NewLine,
        MaxDepth = type.Options.MaxDepth,
        SkipValidation = true,
    };

    /// <summary>The writer of the last value, for the next.</summary>
    private Utf8JsonWriter? _spareWriter;

    public override void Write(T value, IBufferWriter<byte> destination)
    {
        Utf8JsonWriter writer = TakeWriter(destination);
        JsonSerializer.Serialize(writer, value, type);
        writer.Flush();

        // One that threw is not kept: it may hold half a value.
        Volatile.Write(ref _spareWriter, writer);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, [MaybeNullWhen(false)] out T value)
    {
        try
        {
            value = JsonSerializer.Deserialize(bytes, type)!;
            return true;
        }
        catch (JsonException)
        {
            // The serializer has no other way to say that bytes are no JSON, or another type's.
            value = default;
            return false;
        }
    }

    internal override string Explain(ReadOnlySpan<byte> bytes)
    {
        try
        {
            JsonSerializer.Deserialize(bytes, type);
            return base.Explain(bytes);
        }
        catch (JsonException failure)
        {
            return failure.Message;
        }
    }

    private Utf8JsonWriter TakeWriter(IBufferWriter<byte> destination)
    {
        if (Interlocked.Exchange(ref _spareWriter, null) is not { } writer) return new Utf8JsonWriter(destination, _writerOptions);
        writer.Reset(destination);
        return writer;
    }
}
