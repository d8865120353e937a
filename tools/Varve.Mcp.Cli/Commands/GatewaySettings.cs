using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Varve.Mcp.Gateway;

namespace Varve.Mcp.Cli.Commands;

/// <summary>A gateway, as the command line, the environment and the settings file describe it.</summary>
internal sealed record GatewaySettings
{
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0: any that is free.</summary>
    public int Port { get; init; } = 8_000;

    public required string Data { get; init; }

    /// <summary>Which of the example servers the workers are; null where they are a program of somebody else's.</summary>
    public string? Server { get; init; }

    public required WorkerCommand Worker { get; init; }

    public Action<GatewayOptions> Configure { get; init; } = static _ => { };

    /// <summary>Names and secrets; there is at least one.</summary>
    public required IReadOnlyDictionary<string, string> Keys { get; init; }

    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    public bool AllowsRemote { get; init; }

    public bool IsBehindProxy { get; init; }

    public OfferedTools OfferedTools { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>The program of the workers, which is watched; null: it is not.</summary>
    public string? Watched { get; init; }

    public Durability Durability { get; init; } = Durability.Synced;

    /// <summary>Certificates and addresses of Kestrel's own section; null: none.</summary>
    public IConfiguration? Kestrel { get; init; }
}
