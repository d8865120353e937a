namespace Varve.Mcp;

/// <summary>
/// On a parameter of a tool that is a list or an object: how much of what it holds. Part of the tool's schema, and checked before the tool
/// runs. A text has <see cref="System.ComponentModel.DataAnnotations.MaxLengthAttribute"/> for that, which does not reach inside.
/// </summary>
/// <remarks>
/// Items whose schema names no type are texts, numbers, truth values or null from then on: what is nested would have no limit.
/// </remarks>
/// <param name="count">Items, or members, at most.</param>
/// <param name="length">Characters of a text at most.</param>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class ItemLimitsAttribute(int count, int length) : Attribute
{
    /// <summary>Items, or members, at most.</summary>
    public int Count { get; } = count;

    /// <summary>Characters of a text at most.</summary>
    public int Length { get; } = length;

    /// <summary>Characters of a member's name at most; the default is <see cref="Length"/>.</summary>
    public int NameLength { get; init; } = length;
}
