using System.Buffers;
using System.Text.Json;

namespace Varve.Mcp.Durable;

/// <summary>A buffer that each thread keeps for the next few bytes it has to write.</summary>
internal static class IdleBuffer
{
    private const int BytesAtFirst = 512;

    /// <summary>A buffer that has grown beyond it is not kept.</summary>
    private const int BytesMax = 16 << 10;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_bytes;

    [ThreadStatic]
    private static Utf8JsonWriter? t_json;

    /// <summary>An empty buffer; <see cref="ToArray"/> gives it back.</summary>
    public static ArrayBufferWriter<byte> Take()
    {
        ArrayBufferWriter<byte> bytes = t_bytes ?? new ArrayBufferWriter<byte>(BytesAtFirst);
        t_bytes = null;
        return bytes;
    }

    /// <summary>What is in a buffer, which is the thread's from here on.</summary>
    public static byte[] ToArray(ArrayBufferWriter<byte> bytes)
    {
        byte[] written = bytes.WrittenSpan.ToArray();
        bytes.ResetWrittenCount();
        if (bytes.Capacity <= BytesMax) t_bytes = bytes;
        return written;
    }

    /// <summary>JSON as bytes.</summary>
    /// <param name="value">Given to <paramref name="write"/>.</param>
    /// <param name="write">Writes it.</param>
    public static byte[] WriteJson<T>(T value, Action<Utf8JsonWriter, T> write)
    {
        ArrayBufferWriter<byte> bytes = Take();
        Utf8JsonWriter json = t_json ?? new Utf8JsonWriter(bytes);
        t_json = null;
        json.Reset(bytes);
        write(json, value);
        json.Flush();
        if (bytes.Capacity <= BytesMax) t_json = json;
        return ToArray(bytes);
    }
}
