using System.ComponentModel;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Varve.Mcp.Conformance.Fixtures;

/// <summary>The suite's prompts.</summary>
internal sealed class Prompts
{
    private static readonly string[] Known = ["paris", "park", "party"];

    [McpServerPrompt(Name = "test_simple_prompt"), Description("A prompt without arguments")]
    public static string Simple() => "This is a simple prompt for testing.";

    [McpServerPrompt(Name = "test_prompt_with_arguments"), Description("A prompt with two arguments")]
    public static string WithArguments([Description("The first")] string arg1, [Description("The second")] string arg2) =>
        $"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'";

    [McpServerPrompt(Name = "test_prompt_with_embedded_resource"), Description("A prompt with a resource")]
    public static PromptMessage[] WithResource([Description("The resource's URI")] string resourceUri) =>
    [
        Message(ContentTools.Resource(resourceUri, "text/plain", "Embedded resource content for testing.")),
        Message(new TextContentBlock { Text = "Please process the embedded resource above." }),
    ];

    [McpServerPrompt(Name = "test_prompt_with_image"), Description("A prompt with an image")]
    public static PromptMessage[] WithImage() =>
    [
        Message(ImageContentBlock.FromBytes(ContentTools.Png, "image/png")),
        Message(new TextContentBlock { Text = "Please analyze the image above." }),
    ];

    [McpServerPrompt(Name = "test_input_required_result_prompt"), Description("A prompt that asks first")]
    public static PromptMessage[] Asking(RequestContext<GetPromptRequestParams> request) =>
        InputTools.AnswerTo(request.Params, "user_context") is { } answer
            ? [Message(new TextContentBlock { Text = $"Use this context: {InputTools.Text(answer, "context")}" })]
            : throw InputTools.Ask(("user_context", InputTools.Question("What context should the prompt use?", "context")));

    public static ValueTask<IEnumerable<string>> CompleteAsync(string typed, CancellationToken cancellation) =>
        new(Known.Where(value => value.StartsWith(typed, StringComparison.Ordinal)));

    private static PromptMessage Message(ContentBlock content) => new() { Role = Role.User, Content = content };
}
