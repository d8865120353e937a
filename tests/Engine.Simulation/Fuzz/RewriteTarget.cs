namespace Varve.Simulation;

/// <summary>A kind of row or body.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Seed">A valid one.</param>
/// <param name="Rewrite">Reads one and writes it again; null where it is refused.</param>
internal sealed record RewrittenKind(string Name, byte[] Seed, Func<byte[], byte[]?> Rewrite);

/// <summary>
/// Rows or bodies of several kinds, of which the first byte of the input chooses one: what is read means the same when it is written again,
/// and takes no more bytes; what was written by today's code is the same byte for byte, and is refused with a byte behind it.
/// </summary>
internal abstract class RewriteTarget : FuzzTarget
{
    private readonly RewrittenKind[] _kinds;

    protected RewriteTarget(string name, RewrittenKind[] kinds)
        : base(name)
    {
        _kinds = kinds;
        Seeds = [.. kinds.Select(static (kind, index) => (byte[])[(byte)index, .. kind.Seed])];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>Whether something may grow when it is written again: by words that are added.</summary>
    protected virtual bool MayGrow(string kind) => false;

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        RewrittenKind kind = _kinds[input[0] % _kinds.Length];
        byte[] row = input[1..].ToArray();
        byte[]? written = kind.Rewrite(row);
        if (row.AsSpan().SequenceEqual(kind.Seed) && (written is null || !written.AsSpan().SequenceEqual(row)))
            throw new HistoryViolationException($"a {kind.Name} is not read as it was written");
        if (written is null) return;
        if (written.Length > input.Length - 1 && !MayGrow(kind.Name))
            throw new HistoryViolationException($"a {kind.Name} of {row.Length} bytes takes {written.Length} when it is written again");
        if (kind.Rewrite(written) is not { } again || !again.AsSpan().SequenceEqual(written))
            throw new HistoryViolationException($"a {kind.Name} is another when it is written again");
        if (kind.Rewrite([.. written, 0]) is { } longer && longer.AsSpan().SequenceEqual(written))
            throw new HistoryViolationException($"what stands behind a {kind.Name} is passed over");
    }
}
