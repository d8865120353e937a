namespace Varve.Simulation;

/// <summary>One decoder with what the fuzzer must know of it.</summary>
internal abstract class FuzzTarget(string name)
{
    public string Name => name;

    /// <summary>Bytes behind the input that the decoder may read, as its contract says.</summary>
    public virtual int SlackBytes => 0;

    /// <summary>Makes what takes long, before the first input.</summary>
    public virtual void Prepare()
    {
    }

    /// <summary>Inputs that the decoder takes: where mutations begin.</summary>
    public abstract IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>Another input from a valid one.</summary>
    public virtual byte[] Mutate(byte[] input, Random random) => FuzzMutator.Mutate(input, Seeds, random);

    /// <summary>The same with checksums that hold, so that what is behind them is reached.</summary>
    public virtual void Seal(Span<byte> input)
    {
    }

    /// <summary>
    /// Decodes. Throws <see cref="HistoryViolationException"/> when the answer is wrong; any other exception is a violation, too, so that a
    /// target passes over those that are documented.
    /// </summary>
    public abstract void Check(ReadOnlySpan<byte> input);
}
