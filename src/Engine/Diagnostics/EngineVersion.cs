using System.Reflection;

namespace Varve.Diagnostics;

/// <summary>The version of the library, as listeners are told it.</summary>
internal static class EngineVersion
{
    public static string Text { get; } = typeof(EngineVersion).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";
}
