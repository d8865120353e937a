using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Varve.Mcp.Calls;
using Varve.Mcp.Gateway.Front;

namespace Varve.Mcp.Gateway.Rest;

/// <summary><c>/calls</c>: the caller's own calls in the journal, and what runs now.</summary>
/// <param name="calls">Calls that came by HTTP or a WebSocket and run now.</param>
/// <param name="active">Calls of every way in that run now.</param>
/// <param name="histories">The journal, where there is one.</param>
internal sealed class CallEndpoints(GatewayCalls calls, ActiveCalls active, IEnumerable<ICallHistory> histories)
{
    private const int LimitDefault = 50;
    private const int LimitMax = 1_000;

    private static readonly Problem s_notFound = Problem.NotFound("There is no such call.");
    private static readonly Problem s_finished = new(409, "finished", "The call has ended.");

    private readonly ICallHistory? _history = histories.FirstOrDefault();

    public async Task ListAsync(HttpContext context)
    {
        string asked = context.Request.Query["limit"].ToString();
        int limit = LimitDefault;
        bool isNumber = asked.Length == 0 || int.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out limit);
        if (!isNumber || limit is 0 or > LimitMax)
        {
            await context.WriteProblemAsync(Problem.BadField("limit", $"'limit' is 1 to {LimitMax}."));
            return;
        }
        IReadOnlyList<CallRecord> calls =
            _history is null ? [] : await _history.ListAsync(CallerOf(context), limit, context.RequestAborted);
        await context.WriteJsonAsync(new JsonObject { ["calls"] = new JsonArray([.. calls.Select(Summarize)]) });
    }

    public Task ListActiveAsync(HttpContext context)
    {
        string viewer = CallerOf(context);
        return context.WriteJsonAsync(new JsonObject { ["calls"] = new JsonArray([.. active.All.Select(call => call.ToJson(viewer))]) });
    }

    public async Task GetAsync(HttpContext context)
    {
        if (await FindAsync(context) is not { } call)
        {
            await context.WriteProblemAsync(s_notFound);
            return;
        }
        JsonObject body = Summarize(call);
        body["arguments"] = call.Arguments?.DeepClone();
        body["result"] = call.Result is null ? null : ResultOf(CallAnswer.Of(call.Result));
        await context.WriteJsonAsync(body);
    }

    /// <summary>By the journal's id, or that of a call that runs now.</summary>
    public async Task CancelAsync(HttpContext context)
    {
        if (calls.Find(IdOf(context), CallerOf(context)) is { } running)
        {
            // With a key only the journal ends it.
            if (running.Invocation is { IsCompletedSuccessfully: true, Result: { } id } && _history is not null)
                await _history.AbortAsync(CallerOf(context), id, context.RequestAborted);
            running.Cancel();
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        CallRecord? call = await FindAsync(context);
        if (call is null) await context.WriteProblemAsync(s_notFound);
        else if (call.IsFinished || !await _history!.AbortAsync(CallerOf(context), call.Id, context.RequestAborted))
            await context.WriteProblemAsync(s_finished);
        else context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    public async Task ReplayAsync(HttpContext context)
    {
        try
        {
            string? id = _history is null ? null : await _history.ReplayAsync(CallerOf(context), IdOf(context), context.RequestAborted);
            if (id is null) await context.WriteProblemAsync(s_notFound);
            else await context.WriteAcceptedAsync(id);
        }
        catch (InvalidOperationException)
        {
            await context.WriteProblemAsync(new Problem(409, "arguments_not_kept", "The call's arguments were not kept."));
        }
    }

    private ValueTask<CallRecord?> FindAsync(HttpContext context) =>
        _history?.FindAsync(CallerOf(context), IdOf(context), context.RequestAborted) ?? default;

    private static string IdOf(HttpContext context) => (string)context.Request.RouteValues["id"]!;

    private static string CallerOf(HttpContext context) => ToolCall.PrincipalOf(context.User);

    private static JsonObject Summarize(CallRecord call) => new()
    {
        ["id"] = call.Id,
        ["tool"] = call.Tool,
        ["state"] = call.State,
        ["created_at"] = call.CreatedAt,
        ["finished_at"] = call.FinishedAt,
        ["attempts"] = call.Attempts,
    };

    private static JsonObject ResultOf(CallAnswer answer) => answer.Problem is { } problem
        ? new JsonObject { ["status"] = "error", ["data"] = problem.Detail, ["code"] = problem.Code }
        : answer.Body!;
}
