using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Varve.Extensions.Hosting;

/// <summary>Sends the events of every database of the host to its log.</summary>
internal sealed class VarveEventLogging(ILogger<Database> logger) : IPostConfigureOptions<VarveOptions>
{
    public void PostConfigure(string? name, VarveOptions options)
    {
        if (options.LogEvents) options.Database.LogTo(logger);
    }
}
