using ModelContextProtocol.Protocol;
using Varve.Mcp;
using Varve.Mcp.Conformance.Fixtures;

// The server that the official conformance suite calls. Its tools, prompts and resources are those that the suite asks for by name.
if (args.Contains("--stdio"))
{
    HostApplicationBuilder program = Host.CreateApplicationBuilder();
    program.Services.Configure<VarveMcpOptions>(options => options.Stdio.DrainTimeout = TimeSpan.FromMilliseconds(500));
    AddFixtures(program.Services).WithTools<StdioTools>().WithVarveStdio();
    await program.Build().RunAsync();
    return;
}

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Warning);
AddFixtures(builder.Services);
WebApplication app = builder.Build();
app.MapVarveMcp("/mcp");
await app.StartAsync();
Console.WriteLine($"listening {app.Urls.First()}/mcp");
await app.WaitForShutdownAsync();

static IMcpServerBuilder AddFixtures(IServiceCollection services) => services
    .AddVarveMcp(options => options.CacheTimeToLive = TimeSpan.FromMinutes(5))
    .WithTools<ContentTools>()
    .WithTools<ClientTools>()
    .WithTools<InputTools>()
    .WithTools<RevisionTools>()
    .WithTools([SchemaTool.Create()])
    .WithPrompts<Prompts>()
    .WithResources<Resources>()
    .WithCompletion("test_prompt_with_arguments", "arg1", Prompts.CompleteAsync)
    .WithRequestFilters(filters => filters.AddCallToolFilter(next => async (request, cancellation) =>
    {
        CallToolResult result = await next(request, cancellation);
        // The client is to come back for this one's result.
        if (request.Params.Name == "test_reconnection") await request.EnablePollingAsync(TimeSpan.FromMilliseconds(500), cancellation);
        return result;
    }));
