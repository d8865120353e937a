namespace Varve.Mcp.Calls;

/// <summary>
/// The process that ran a tool ended meanwhile; this one goes on. Thrown by tools that run elsewhere; the journal then does what it does
/// for a call that the end of its own process has cut short.
/// </summary>
internal sealed class CallInterruptedException(string message) : Exception(message);
