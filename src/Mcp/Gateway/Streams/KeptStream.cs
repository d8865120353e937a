using Varve.Mcp.Calls;
using Varve.Mcp.Gateway.Front;

namespace Varve.Mcp.Gateway.Streams;

/// <summary>
/// A call whose events somebody listens to, or may come back to. Its fields are under the gate of <see cref="KeptStreams"/>.
/// </summary>
internal sealed class KeptStream(GatewayCall call)
{
    public GatewayCall Call => call;

    public string Caller { get; } = ToolCall.PrincipalOf(call.Start.User);

    public int Listeners { get; set; }

    /// <summary>Cancels the call that nobody listens to, or forgets the one that has ended.</summary>
    public ITimer? Timer { get; set; }
}
