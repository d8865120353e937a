namespace Varve.Simulation;

/// <summary>
/// Gives a decoder one input after the other, each from the seed and its number: random bytes, mutations of valid inputs, most of them with
/// checksums that hold. What it decodes lies between guard pages. One thread.
/// </summary>
internal sealed class FuzzRun : IDisposable
{
    private const int InputBytesMax = 1 << 17;

    /// <summary>A decoder may allocate what its input's length explains, and what it needs anyway.</summary>
    private const long AllocatedBytesAtLeast = 32L << 20;
    private const long AllocatedBytesPerByte = 64;

    private readonly FuzzTarget _target;
    private readonly int _seed;
    private readonly GuardedBytes _memory = new(InputBytesMax + 4096);

    public FuzzRun(FuzzTarget target, int seed)
    {
        _target = target;
        _seed = seed;
        target.Prepare();
    }

    /// <summary>The input of a number: the same for the same seed.</summary>
    public byte[] MakeInput(int number)
    {
        var random = new Random(unchecked(_seed * 7_368_787 + number));
        byte[] input;
        if (random.Next(10) == 0)
        {
            input = FuzzMutator.DrawBytes(random);
        }
        else
        {
            byte[] valid = _target.Seeds[random.Next(_target.Seeds.Count)];
            input = random.Next(20) == 0 ? valid : _target.Mutate(valid, random);
        }

        if (input.Length > InputBytesMax) input = input[..InputBytesMax];
        if (random.Next(5) != 0) _target.Seal(input);
        return input;
    }

    public void Check(int number)
    {
        try
        {
            CheckInput(MakeInput(number), number % 2 == 0);
        }
        catch (HistoryViolationException violation)
        {
            throw HistoryViolationException.At($"{_target.Name}, seed {_seed}, input {number}", violation);
        }
    }

    /// <param name="input">To be decoded.</param>
    /// <param name="atEnd">Whether it lies at the end of the guarded memory or at its beginning.</param>
    /// <exception cref="HistoryViolationException">The decoder answers wrongly, throws, or allocates beyond reason.</exception>
    public void CheckInput(byte[] input, bool atEnd)
    {
        atEnd |= _target.SlackBytes > 0;
        Span<byte> placed = atEnd ? _memory.PlaceAtEnd(input, _target.SlackBytes) : _memory.PlaceAtStart(input);
        long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            _target.Check(placed);
        }
        catch (Exception violation)
        {
            string shown = Convert.ToHexString(input.AsSpan(0, Math.Min(input.Length, 200)));
            throw HistoryViolationException.At($"input of {input.Length} bytes {shown}", violation);
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
        if (allocated > AllocatedBytesAtLeast + AllocatedBytesPerByte * input.Length)
            throw new HistoryViolationException($"{allocated} bytes were allocated for an input of {input.Length}");
    }

    public void Dispose() => _memory.Dispose();
}
