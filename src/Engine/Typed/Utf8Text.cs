using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Varve.Typed;

/// <summary>Texts as UTF-8, one form in bytes for each text and back: what is no valid text is refused, never replaced.</summary>
internal static class Utf8Text
{
    private const int BytesPerCharMax = 3;
    private const int UncountedCharsMax = 1 << 10;

    /// <exception cref="ArgumentException">The text holds half a surrogate pair.</exception>
    public static void Write(ReadOnlySpan<char> text, IBufferWriter<byte> destination)
    {
        int bytesMax = text.Length <= UncountedCharsMax ? BytesPerCharMax * text.Length : Encoding.UTF8.GetByteCount(text);
        Span<byte> bytes = destination.GetSpan(bytesMax);
        OperationStatus status = Utf8.FromUtf16(text, bytes, out int read, out int written, replaceInvalidSequences: false);
        if (status != OperationStatus.Done)
            throw new ArgumentException($"No valid text: it holds half a surrogate pair at character {read}.", nameof(text));
        destination.Advance(written);
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out string? text)
    {
        text = Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;
        return text is not null;
    }
}
