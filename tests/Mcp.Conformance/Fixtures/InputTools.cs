using System.ComponentModel;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

// Sampling and roots are deprecated; the suite asks for them.
#pragma warning disable MCP9005

namespace Varve.Mcp.Conformance.Fixtures;

/// <summary>Tools that end with a question and are called again with the answer (revision 2026-07-28).</summary>
internal sealed class InputTools
{
    private static readonly byte[] StateKey = RandomNumberGenerator.GetBytes(32);

    [McpServerTool(Name = "test_input_required_result_elicitation"), Description("Asks for a name")]
    public static string Elicitation(RequestContext<CallToolRequestParams> request) =>
        AnswerTo(request.Params, "user_name") is { } answer
            ? $"Hello, {Text(answer, "name")}!"
            : throw Ask(("user_name", Question("What is your name?", "name")));

    [McpServerTool(Name = "test_input_required_result_sampling"), Description("Asks the client's model")]
    public static string Sampling(RequestContext<CallToolRequestParams> request) =>
        AnswerTo(request.Params, "capital_question") is not null
            ? "The model answered."
            : throw Ask(("capital_question", Sample("What is the capital of France?")));

    [McpServerTool(Name = "test_input_required_result_list_roots"), Description("Asks for the client's roots")]
    public static string Roots(RequestContext<CallToolRequestParams> request) =>
        AnswerTo(request.Params, "client_roots") is not null ? "The client has roots." : throw Ask(("client_roots", AskRoots()));

    [McpServerTool(Name = "test_input_required_result_request_state"), Description("Gets its state back")]
    public static string State(RequestContext<CallToolRequestParams> request) => request.Params.RequestState switch
    {
        null => throw Ask("state-of-the-first-round", ("confirm", Confirm())),
        "state-of-the-first-round" => "state-ok",
        _ => throw new McpProtocolException("The state is not one of this tool's.", McpErrorCode.InvalidParams),
    };

    [McpServerTool(Name = "test_input_required_result_multiple_inputs"), Description("Asks three things at once")]
    public static string Several(RequestContext<CallToolRequestParams> request) =>
        request.Params.InputResponses is { Count: >= 3 }
            ? "All three answers came."
            : throw Ask(
                "several", ("user_name", Question("What is your name?", "name")), ("greeting", Sample("Generate a greeting")),
                ("client_roots", AskRoots()));

    [McpServerTool(Name = "test_input_required_result_multi_round"), Description("Asks twice")]
    public static string Rounds(RequestContext<CallToolRequestParams> request) => request.Params.RequestState switch
    {
        null => throw Ask("round-1", ("step1", Question("Step 1: What is your name?", "name"))),
        "round-1" => throw Ask("round-2", ("step2", Question("Step 2: What is your favorite color?", "color"))),
        _ => "Both answers came.",
    };

    [McpServerTool(Name = "test_input_required_result_tampered_state"), Description("Knows its own state by a signature")]
    public static string Signed(RequestContext<CallToolRequestParams> request)
    {
        if (request.Params.RequestState is not { } state) throw Ask(Sign(Guid.NewGuid().ToString("N")), ("confirm", Confirm()));
        string payload = state.Split('.')[0];
        bool isOwn = CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(state), Encoding.UTF8.GetBytes(Sign(payload)));
        if (!isOwn) throw new McpProtocolException("The state was changed.", McpErrorCode.InvalidParams);
        return "The state is the server's own.";
    }

    [McpServerTool(Name = "test_input_required_result_capabilities"), Description("Asks what the client can answer")]
    public static string Capabilities(RequestContext<CallToolRequestParams> request)
    {
        if (request.Params.InputResponses is { Count: > 0 }) return "An answer came.";
        ClientCapabilities? client = request.JsonRpcRequest.Context?.ClientCapabilities;
        List<(string, InputRequest)> questions = [];
        if (client?.Sampling is not null) questions.Add(("capital_question", Sample("What is the capital of France?")));
        if (client?.Elicitation is not null) questions.Add(("user_name", Question("What is your name?", "name")));
        if (client?.Roots is not null) questions.Add(("client_roots", AskRoots()));
        return questions.Count == 0 ? "There is nothing that the client could answer." : throw Ask([.. questions]);
    }

    /// <summary>An answer that is an object; anything else is no answer, and the question is asked again.</summary>
    public static JsonObject? AnswerTo(RequestParams parameters, string name) =>
        parameters.InputResponses?.TryGetValue(name, out InputResponse? answer) == true && answer.RawValue.ValueKind == JsonValueKind.Object
            ? JsonObject.Create(answer.RawValue)
            : null;

    public static string? Text(JsonObject answer, string name) => (string?)answer["content"]?[name];

    public static InputRequiredException Ask(params (string Name, InputRequest Request)[] questions) =>
        new(questions.ToDictionary(question => question.Name, question => question.Request));

    public static InputRequest Question(string message, string property) => Form(message, property, new ElicitRequestParams.StringSchema());

    private static InputRequiredException Ask(string state, params (string Name, InputRequest Request)[] questions) =>
        new(questions.ToDictionary(question => question.Name, question => question.Request), state);

    private static InputRequest Confirm() => Form("Please confirm", "ok", new ElicitRequestParams.BooleanSchema());

    private static InputRequest Form(string message, string property, ElicitRequestParams.PrimitiveSchemaDefinition schema) =>
        InputRequest.ForElicitation(new ElicitRequestParams
        {
            Message = message,
            RequestedSchema = new ElicitRequestParams.RequestSchema
            {
                Properties = new Dictionary<string, ElicitRequestParams.PrimitiveSchemaDefinition> { [property] = schema },
                Required = [property],
            },
        });

    private static InputRequest Sample(string text) => InputRequest.ForSampling(new CreateMessageRequestParams
    {
        Messages = [new SamplingMessage { Role = Role.User, Content = [new TextContentBlock { Text = text }] }],
        MaxTokens = 100,
    });

    private static InputRequest AskRoots() => InputRequest.ForRootsList(new ListRootsRequestParams());

    private static string Sign(string payload) =>
        $"{payload}.{Convert.ToHexString(HMACSHA256.HashData(StateKey, Encoding.UTF8.GetBytes(payload)))}";
}
