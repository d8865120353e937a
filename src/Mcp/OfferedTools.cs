using ModelContextProtocol.Protocol;

namespace Varve.Mcp;

/// <summary>Which of a server's tools clients may see and call, by what the tools say of themselves.</summary>
public enum OfferedTools
{
    /// <summary>All of them.</summary>
    All = 0,

    /// <summary>Those that only read, and those that say that they destroy nothing. A tool that says nothing may.</summary>
    NonDestructive = 1,

    /// <summary>Those that only read.</summary>
    ReadOnly = 2,
}

/// <summary>What tools say of themselves.</summary>
internal static class OfferedToolsExtensions
{
    public static bool Has(this OfferedTools offered, Tool tool) => offered switch
    {
        OfferedTools.ReadOnly => tool.Annotations?.ReadOnlyHint == true,
        OfferedTools.NonDestructive => tool.Annotations?.ReadOnlyHint == true || tool.Annotations?.DestructiveHint == false,
        _ => true,
    };
}
