using System.Net;
using System.Security.Authentication;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Varve.Mcp.Http;

/// <summary>
/// Bounds what a client can hold: time, bytes and connections. Kestrel's own default stands in brackets. What the program sets itself wins.
/// </summary>
internal sealed class KestrelLimits(IOptions<VarveMcpOptions> options) : IConfigureOptions<KestrelServerOptions>
{
    public void Configure(KestrelServerOptions kestrel)
    {
        if (!options.Value.Http.LimitKestrel) return;
        KestrelServerLimits limits = kestrel.Limits;
        limits.MaxRequestBodySize = options.Value.MessageBytesMax;                          // [30,000,000]
        limits.MaxRequestLineSize = 8 << 10;                                                // [8 KiB]
        limits.MaxRequestHeadersTotalSize = 32 << 10;                                       // [32 KiB]
        limits.MaxRequestHeaderCount = 100;                                                 // [100]
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);                            // [30 s]
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(60);                                 // [130 s]
        limits.MinRequestBodyDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));      // [the same]
        limits.MinResponseDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));         // [the same] who stops reading is cut off
        limits.MaxConcurrentConnections = 512;                                              // [no limit]
        limits.Http2.MaxStreamsPerConnection = 100;                                         // [100]
        kestrel.AddServerHeader = false;                                                    // [true]
        kestrel.ConfigureHttpsDefaults(https => https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13);  // [what the system allows]
    }
}

/// <summary>
/// Stops the start where an address is bound that must not be: loopback needs nothing, every other one a key, a switch, and TLS.
/// </summary>
internal sealed partial class BindingCheck(IOptions<VarveMcpOptions> options, IServiceProvider services) : IHostedLifecycleService
{
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        IServerAddressesFeature? bound = (services.GetService(typeof(IServer)) as IServer)?.Features.Get<IServerAddressesFeature>();
        foreach (string address in bound?.Addresses ?? [])
        {
            // A socket of the file system: only programs of this machine reach it.
            if (address.Contains("://unix:", StringComparison.Ordinal)) continue;
            // Kestrel writes "http://[::]:80" and "http://+:80" for every address; neither is loopback.
            Uri uri = new(AnyName().Replace(address, "://0.0.0.0"));
            if (uri.IsLoopback) continue;
            IPAddress local = IPAddress.TryParse(uri.Host.Trim('[', ']'), out IPAddress? parsed) ? parsed : IPAddress.Any;
            if (!RequestGuard.MayServe(options.Value.Http, local, uri.Scheme == "https"))
            {
                throw new InvalidOperationException(
                    $"{address} is not loopback. Serving it needs {nameof(McpHttpOptions.AllowRemote)}, an API key, and TLS "
                    + $"or {nameof(McpHttpOptions.BehindProxy)}.");
            }
        }
        return Task.CompletedTask;
    }

    [GeneratedRegex(@"://[+*]")]
    private static partial Regex AnyName();

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
