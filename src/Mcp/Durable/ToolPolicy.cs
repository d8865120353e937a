using System.Reflection;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using ModelContextProtocol.Server;
using Varve.Idempotency;

namespace Varve.Mcp.Durable;

/// <summary>How the journal treats a tool, from its annotations, its attribute and its parameters.</summary>
/// <param name="IsReadOnly">Whether it says that it changes nothing.</param>
/// <param name="Recovery">What happens to a call that a crash has cut short.</param>
/// <param name="KeepsArguments">Whether its arguments are kept.</param>
/// <param name="Deduplication">How long equal calls without key are one; zero: never.</param>
/// <param name="Schema">A digest of what it takes; empty where that is not known.</param>
internal sealed record ToolPolicy(
    bool IsReadOnly, RecoveryMode Recovery, bool KeepsArguments, TimeSpan Deduplication, string Schema)
{
    private const int DigestBytes = 8;

    /// <summary>The <see cref="CallOrigin"/> of a call that is not run again and has no stream.</summary>
    public byte[] Origin { get; } = CallOrigin.Write(Schema);

    private static readonly ConditionalWeakTable<McpServerTool, ToolPolicy> s_known = new();

    /// <summary>Of a tool that is not known: nothing is assumed of it.</summary>
    private static readonly ToolPolicy s_unknown = new(IsReadOnly: false, RecoveryMode.Fail, KeepsArguments: true, TimeSpan.Zero, "");

    public static ToolPolicy Of(McpServerTool? tool) => tool is null ? s_unknown : s_known.GetValue(tool, Read);

    private static ToolPolicy Read(McpServerTool tool)
    {
        DurableToolAttribute said = tool.Metadata.OfType<DurableToolAttribute>().FirstOrDefault() ?? new DurableToolAttribute();
        MethodInfo? method = tool.Metadata.OfType<MethodInfo>().FirstOrDefault();
        bool isReadOnly = tool.ProtocolTool.Annotations?.ReadOnlyHint == true;
        bool mayRunAgain = isReadOnly
            || tool.ProtocolTool.Annotations?.IdempotentHint == true
            || method?.GetParameters().Any(parameter => parameter.ParameterType == typeof(DurableContext)) == true;
        RecoveryMode byNature = mayRunAgain ? RecoveryMode.Resume : RecoveryMode.Fail;
        RecoveryMode recovery = said.JournalArguments ? said.RecoverySet ?? byNature : RecoveryMode.Fail;
        return new ToolPolicy(
            isReadOnly, recovery, said.JournalArguments, TimeSpan.FromSeconds(said.DeduplicateSeconds), DigestOf(tool));
    }

    private static string DigestOf(McpServerTool tool)
    {
        byte[] schema = CanonicalJson.Write(tool.ProtocolTool.InputSchema.EnumerateObject()
            .Select(member => KeyValuePair.Create(member.Name, member.Value)));
        return Convert.ToHexStringLower(SHA256.HashData(schema).AsSpan(0, DigestBytes));
    }
}
