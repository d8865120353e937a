namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>Tests that keep a machine busy with processes: one of them runs at a time, beside any others.</summary>
[CollectionDefinition(Name)]
public sealed class HeavyTests
{
    public const string Name = "heavy";
}
