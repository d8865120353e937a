using Microsoft.Extensions.Options;

namespace Varve.Mcp;

/// <summary>Options that cannot work fail the start.</summary>
internal sealed class OptionsCheck : IValidateOptions<VarveMcpOptions>
{
    private const int MessageBytesLeast = 1 << 10;

    public ValidateOptionsResult Validate(string? name, VarveMcpOptions options)
    {
        McpHttpOptions http = options.Http;
        List<string> problems = [];
        void Require(bool holds, string problem)
        {
            if (!holds) problems.Add(problem);
        }
        Require(options.MessageBytesMax >= MessageBytesLeast, $"{nameof(options.MessageBytesMax)} is at least {MessageBytesLeast}.");
        Require(options.CallsMax >= 1, $"{nameof(options.CallsMax)} is at least 1.");
        Require(options.CallsQueuedMax >= 0, $"{nameof(options.CallsQueuedMax)} is at least 0.");
        Require(options.CallTimeout is null || options.CallTimeout > TimeSpan.Zero, $"{nameof(options.CallTimeout)} is more than zero.");
        Require(http.Heartbeat > TimeSpan.Zero, $"{nameof(http.Heartbeat)} is more than zero.");
        Require(http.SessionsMax >= 1 && http.StreamsMax >= 1, $"{nameof(http.SessionsMax)} and {nameof(http.StreamsMax)} are at least 1.");
        Require(http.ApiKeys.All(key => key.Key.Length > 0 && key.Value.Length > 0), "An API key has a name and a secret.");
        Require(!http.AllowedOrigins.Contains("*") && !http.AllowedHosts.Contains("*"), "Origins and hosts are named one by one.");
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
