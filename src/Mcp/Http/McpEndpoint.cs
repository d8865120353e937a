using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Calls;
using Varve.Mcp.Messages;
using Varve.Mcp.Sessions;

namespace Varve.Mcp.Http;

/// <summary>Streamable HTTP, both eras on one URL: POST takes a message, GET listens to a session, DELETE ends it.</summary>
internal sealed class McpEndpoint(
    IOptions<VarveMcpOptions> options, IOptions<McpServerOptions> serverOptions, RequestGuard guard, SessionRegistry sessions,
    IEventLog events, TimeProvider time, IHostApplicationLifetime lifetime, ILoggerFactory loggers, IServiceProvider services)
{
    private int _listeners;

    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            if (await guard.AdmitAsync(context)) await HandleAdmittedAsync(context);
        }
        catch (Exception exception) when (context.RequestAborted.IsCancellationRequested
            && exception is OperationCanceledException or IOException)
        {
            // The client is gone; there is nobody to answer.
        }
    }

    /// <summary>Serves a request whose address, origin and key are known to be right.</summary>
    public async Task HandleAdmittedAsync(HttpContext context)
    {
        string method = context.Request.Method;
        if (HttpMethods.IsPost(method))
        {
            await PostAsync(context);
            return;
        }
        bool isGet = HttpMethods.IsGet(method);
        if (!isGet && !HttpMethods.IsDelete(method))
        {
            await RefuseMethodAsync(context, "POST, GET, DELETE, OPTIONS");
            return;
        }
        if (!Envelope.HasKnownRevision(context.Request, null, out JsonRpcError? refusal))
            await JsonRpcReply.WriteAsync(context, StatusCodes.Status400BadRequest, refusal);
        else if (ProtocolRevisions.IsModern(Envelope.RevisionOf(context.Request))) await RefuseMethodAsync(context, "POST");
        else if (isGet) await GetAsync(context);
        else await DeleteAsync(context);
    }

    private async Task PostAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (!request.Accepts("application/json") || !request.Accepts(SseBody.ContentType))
        {
            await RefuseAsync(context, StatusCodes.Status406NotAcceptable, $"Accept must have application/json and {SseBody.ContentType}.");
            return;
        }
        if (!request.HasJsonContentType())
        {
            await RefuseAsync(context, StatusCodes.Status415UnsupportedMediaType, "Content-Type must be application/json.");
            return;
        }
        if (await ReadBodyAsync(context) is not { } body) return;
        if (!JsonRpcReader.TryRead(body, out JsonRpcMessage? message, out JsonRpcError? refusal)
            || !Envelope.HasKnownRevision(request, message, out refusal))
        {
            await JsonRpcReply.WriteAsync(context, StatusCodes.Status400BadRequest, refusal);
            return;
        }
        if (Envelope.Check(request, message, serverOptions.Value) is { } refused)
        {
            await JsonRpcReply.WriteAsync(context, refused.Status, refused.Refusal);
            return;
        }
        SetContext(context, message);
        if (ProtocolRevisions.IsModern(Envelope.RevisionOf(request))) await AnswerAloneAsync(context, message);
        else await AnswerInSessionAsync(context, message);
    }

    /// <summary>Modern: a server of its own for each request; its client gone, its work ends.</summary>
    private async Task AnswerAloneAsync(HttpContext context, JsonRpcMessage message)
    {
        await using StreamableHttpServerTransport transport = new(loggers) { Stateless = true };
        await using McpServer server = McpServer.Create(transport, serverOptions.Value, loggers, services);
        using CancellationTokenSource ending =
            CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        // A call under way is let finish when the host stops; a stream that would never end is not.
        bool endsByItself = message is not JsonRpcRequest { Method: RequestMethods.SubscriptionsListen };
        CancellationToken cancellation = endsByItself ? context.RequestAborted : ending.Token;
        Task running = server.RunAsync(cancellation);
        try
        {
            await WriteAnswerAsync(context, transport, message, first => SetStatus(context, first), cancellation);
        }
        finally
        {
            await transport.DisposeAsync();
            await running;
        }
    }

    /// <summary>Legacy: the session's server answers; its client gone, its work goes on and the answer is kept.</summary>
    private async Task AnswerInSessionAsync(HttpContext context, JsonRpcMessage message)
    {
        string id = context.Request.Headers[HeaderNames.SessionId].ToString();
        bool isInitialize = message is JsonRpcRequest { Method: RequestMethods.Initialize };
        if (id.Length == 0 && !isInitialize)
        {
            await RefuseAsync(
                context, StatusCodes.Status400BadRequest, $"Without {HeaderNames.SessionId} only initialize is answered.",
                Envelope.IdOf(message));
            return;
        }
        HttpSession? session = id.Length == 0
            ? await sessions.CreateAsync(ToolCall.PrincipalOf(context.User), context.RequestAborted)
            : await EnterSessionAsync(context, id, Envelope.IdOf(message));
        if (session is null) return;
        try
        {
            context.Response.Headers[HeaderNames.SessionId] = session.Id;
            await WriteAnswerAsync(context, session.Transport, message, null, context.RequestAborted);
        }
        finally
        {
            sessions.Leave(session);
            if (session.Record is null) await sessions.RemoveAsync(session);
        }
    }

    private async Task WriteAnswerAsync(
        HttpContext context, StreamableHttpServerTransport transport, JsonRpcMessage message, Func<JsonRpcMessage?, ValueTask>? starting,
        CancellationToken cancellation)
    {
        SseBody.Begin(context);
        await using SseBody body = new(context.Response.Body, () => context.Response.HasStarted, options.Value.Http.Heartbeat, time);
        try
        {
            if (await ResumableStreams.PostAsync(transport, message, body, starting, cancellation)) return;
            context.Response.Headers.ContentType = default;
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        }
        catch (OperationCanceledException)
        {
            // The client left, the host stops, or the session ended.
        }
        catch (ChannelClosedException) when (!context.Response.HasStarted)
        {
            // The session ended just now.
            await RefuseSessionAsync(context, Envelope.IdOf(message));
        }
        catch (JsonException) when (!context.Response.HasStarted)
        {
            context.Response.Headers.Remove(HeaderNames.SessionId);
            await JsonRpcReply.WriteAsync(
                context, StatusCodes.Status400BadRequest, (int)McpErrorCode.InvalidParams, "The parameters of the request are not valid.",
                Envelope.IdOf(message));
        }
    }

    private async Task GetAsync(HttpContext context)
    {
        if (!context.Request.Accepts(SseBody.ContentType))
        {
            await RefuseAsync(context, StatusCodes.Status406NotAcceptable, $"Accept must have {SseBody.ContentType}.");
            return;
        }
        string id = context.Request.Headers[HeaderNames.SessionId].ToString();
        if (await EnterSessionAsync(context, id, default) is not { } session) return;
        try
        {
            if (Interlocked.Increment(ref _listeners) <= options.Value.Http.StreamsMax) await ListenAsync(context, session);
            else await RefuseOverloadAsync(context);
        }
        finally
        {
            Interlocked.Decrement(ref _listeners);
            sessions.Leave(session);
        }
    }

    private async Task ListenAsync(HttpContext context, HttpSession session)
    {
        string lastEventId = context.Request.Headers[HeaderNames.LastEventId].ToString();
        string stream = EventIds.UnsolicitedStream;
        uint after = 0;
        if (lastEventId.Length > 0)
        {
            bool isId = EventIds.TryParse(lastEventId, out stream, out after);
            uint? last = isId ? await events.FindLastAsync(session.Id, stream, after, context.RequestAborted) : null;
            if (last is null)
            {
                await RefuseAsync(
                    context, StatusCodes.Status400BadRequest, $"{HeaderNames.LastEventId} is not, or no longer, an event of this session.");
                return;
            }
            after = Math.Min(after, last.Value);
        }
        bool isUnsolicited = stream == EventIds.UnsolicitedStream;
        using CancellationTokenSource either =
            CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping, session.Ending);
        using CancellationTokenSource? listening = isUnsolicited ? session.Listen(either.Token) : null;
        CancellationToken cancellation = listening?.Token ?? either.Token;
        if (lastEventId.Length == 0) after = session.Delivered;
        context.Response.Headers[HeaderNames.SessionId] = session.Id;
        SseBody.Begin(context);
        try
        {
            await context.Response.Body.FlushAsync(cancellation);
            await using SseBody body = new(context.Response.Body, () => true, options.Value.Http.Heartbeat, time);
            ArrayBufferWriter<byte> buffer = new();
            await foreach (LoggedEvent entry in events.ReadAsync(session.Id, stream, after, cancellation))
            {
                if (entry.Message.IsEmpty) continue;
                Format(buffer, EventIds.Format(stream, entry.Number), entry.Message.Span);
                await body.WriteAsync(buffer.WrittenMemory, cancellation);
                await body.FlushAsync(cancellation);
                if (isUnsolicited) session.Delivered = entry.Number;
                buffer.ResetWrittenCount();
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // How such a stream ends: the client left, another of its streams took over, the session ended, or the host stops.
        }
    }

    private async Task DeleteAsync(HttpContext context)
    {
        string id = context.Request.Headers[HeaderNames.SessionId].ToString();
        if (await EnterSessionAsync(context, id, default) is not { } session) return;
        sessions.Leave(session);
        await sessions.RemoveAsync(session);
    }

    /// <summary>A session that is somebody else's is answered like one that is not there.</summary>
    private async ValueTask<HttpSession?> EnterSessionAsync(HttpContext context, string id, RequestId request)
    {
        if (id.Length == 0)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, $"The header {HeaderNames.SessionId} is missing.", request);
            return null;
        }
        HttpSession? session = await sessions.EnterAsync(id, ToolCall.PrincipalOf(context.User), context.RequestAborted);
        if (session is null) await RefuseSessionAsync(context, request);
        return session;
    }

    private static Task RefuseSessionAsync(HttpContext context, RequestId request) =>
        JsonRpcReply.WriteAsync(context, StatusCodes.Status404NotFound, ErrorCodes.SessionNotFound, "Session not found.", request);

    private async ValueTask<ReadOnlyMemory<byte>?> ReadBodyAsync(HttpContext context)
    {
        RequestBody body = await RequestBody.ReadAsync(context, options.Value.MessageBytesMax);
        if (body.Refusal is null) return body.Bytes;
        await RefuseAsync(context, body.Status, body.Refusal);
        return null;
    }

    private static void SetContext(HttpContext context, JsonRpcMessage message)
    {
        message.Context ??= new JsonRpcMessageContext();
        message.Context.User = context.User;
        string revision = Envelope.RevisionOf(context.Request);
        if (revision.Length > 0) message.Context.ProtocolVersion = revision;
        string key = context.Request.Headers[IdempotencyKeys.HeaderName].ToString();
        if (key.Length > 0) (message.Context.Items ??= new Dictionary<string, object?>())[IdempotencyKeys.HeaderName] = key;
    }

    /// <summary>Modern clients read some errors from the status too; it can be chosen only before the first byte.</summary>
    private static ValueTask SetStatus(HttpContext context, JsonRpcMessage? first)
    {
        if (first is not JsonRpcError { Error.Code: var code }) return default;
        int? status = code switch
        {
            (int)McpErrorCode.MethodNotFound => StatusCodes.Status404NotFound,
            (int)McpErrorCode.MissingRequiredClientCapability => StatusCodes.Status400BadRequest,
            (int)McpErrorCode.UnsupportedProtocolVersion or (int)McpErrorCode.HeaderMismatch => StatusCodes.Status400BadRequest,
            ErrorCodes.Refused => StatusCodes.Status503ServiceUnavailable,
            _ => null,
        };
        if (status is { } chosen) context.Response.StatusCode = chosen;
        if (status == StatusCodes.Status503ServiceUnavailable) context.Response.Headers.RetryAfter = "1";
        return default;
    }

    /// <summary>event := "event: message" | "id: " id | "data: " message, one line each; JSON of the SDK has no line breaks.</summary>
    private static void Format(ArrayBufferWriter<byte> buffer, string id, ReadOnlySpan<byte> message)
    {
        buffer.Write("event: message\nid: "u8);
        Encoding.ASCII.GetBytes(id, buffer);
        buffer.Write("\ndata: "u8);
        buffer.Write(message);
        buffer.Write("\n\n"u8);
    }

    private static Task RefuseMethodAsync(HttpContext context, string allowed)
    {
        context.Response.Headers.Allow = allowed;
        return RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, $"{LogText.Of(context.Request.Method)} is not allowed here.");
    }

    private static Task RefuseOverloadAsync(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "5";
        return RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, "Too many open streams: try again later.");
    }

    private static Task RefuseAsync(HttpContext context, int status, string why, RequestId id = default) =>
        JsonRpcReply.WriteAsync(context, status, ErrorCodes.Refused, why, id);
}
