using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Varve.Diagnostics;

/// <summary>Checks that stay on in Release: what they state is true unless the engine has a bug.</summary>
internal static class Invariant
{
    /// <summary>Throws <see cref="InvariantViolatedException"/> when <paramref name="condition"/> is false.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Holds(
        [DoesNotReturnIf(false)] bool condition, [CallerArgumentExpression(nameof(condition))] string? statement = null)
    {
        if (!condition) Throw(statement);
    }

    [DoesNotReturn]
    private static void Throw(string? statement) =>
        throw new InvariantViolatedException($"The engine's invariant does not hold: {statement}");
}
