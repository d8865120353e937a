namespace Varve.Mcp.Gateway.Front;

/// <summary>Why there is no result, for people and for programs.</summary>
/// <param name="Status">As an HTTP status.</param>
/// <param name="Code">As a word that does not change.</param>
/// <param name="Detail">As a sentence.</param>
internal sealed record Problem(int Status, string Code, string Detail)
{
    /// <summary>The argument of the tool that is wrong.</summary>
    public string? Argument { get; init; }

    /// <summary>The member of the request's own envelope that is wrong.</summary>
    public string? Field { get; init; }

    /// <summary>Where the log has the details.</summary>
    public string? Reference { get; init; }

    /// <summary>Seconds after which it may be tried again.</summary>
    public int? RetryAfter { get; init; }

    public static Problem BadField(string? field, string detail) => new(400, "invalid_request", detail) { Field = field };

    public static Problem NotFound(string detail) => new(404, "not_found", detail);

    public static Problem Overload(string detail, int retryAfter = 1) => new(503, "overload", detail) { RetryAfter = retryAfter };

    public static Problem Cancelled { get; } = new(499, "cancelled", "The call was cancelled.");
}
