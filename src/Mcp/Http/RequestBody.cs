using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Varve.Mcp.Http;

/// <summary>A request's body, or why it is refused.</summary>
/// <param name="Bytes">The whole body.</param>
/// <param name="Status">The HTTP status of a refusal.</param>
/// <param name="Refusal">Null: it was read.</param>
internal readonly record struct RequestBody(ReadOnlyMemory<byte> Bytes, int Status, string? Refusal)
{
    private const int ReadBytes = 16 << 10;

    /// <summary>Reads a body of bounded length that is not encoded.</summary>
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, int bytesMax)
    {
        // The limit is kept here. Kestrel's own would close the connection at once, and the client would lose the answer with it; now
        // Kestrel reads and drops what is still coming, for at most 5 s.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = null;
        if (context.Request.Headers.ContentEncoding.Count > 0)
            return new RequestBody(default, StatusCodes.Status415UnsupportedMediaType, "Encoded bodies are not read.");
        RequestBody tooLong = new(default, StatusCodes.Status413PayloadTooLarge, $"A message has at most {bytesMax} bytes.");
        if (context.Request.ContentLength > bytesMax) return tooLong;
        try
        {
            return await ReadAllAsync(context, bytesMax) is { } body ? new RequestBody(body, StatusCodes.Status200OK, null) : tooLong;
        }
        catch (BadHttpRequestException exception)
        {
            return new RequestBody(default, exception.StatusCode, "The body could not be read.");
        }
    }

    /// <summary>The whole body; null where it is longer than allowed, whatever its announced length was.</summary>
    private static async ValueTask<ReadOnlyMemory<byte>?> ReadAllAsync(HttpContext context, int bytesMax)
    {
        using MemoryStream body = new((int)Math.Min(context.Request.ContentLength ?? 0, ReadBytes));
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ReadBytes);
        try
        {
            int read;
            while ((read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0)
            {
                if (body.Length + read > bytesMax) return null;
                body.Write(buffer, 0, read);
            }
            return body.GetBuffer().AsMemory(0, (int)body.Length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
