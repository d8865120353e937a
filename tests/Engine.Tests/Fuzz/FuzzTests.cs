using System.Buffers.Binary;
using Varve.Bytes;
using Varve.Native;

namespace Varve.Tests.Fuzz;

/// <summary>
/// A short round of <c>tools/Varve.Simulate fuzz</c> (docs/damage.md) over all decoders, the kept inputs, and decoders with planted errors,
/// which must be found.
/// </summary>
public sealed class FuzzTests : IDisposable
{
    private const int Inputs = 1_500;

    /// <summary>Each opens a database.</summary>
    private const int ImageInputs = 12;

    private static readonly RegionPool Pool = new();
    private static readonly FuzzTargets Targets = new(Pool);

    public FuzzTests() => Pool.AddUser();

    public static TheoryData<string> Names => [.. Targets.Make().Select(target => target.Name)];

    public static TheoryData<string> RowSlips => [.. Enum.GetNames<RowSlip>()];

    public static TheoryData<string> Slips => [.. Enum.GetNames<Slip>()];

    public void Dispose() => Pool.RemoveUser();

    [Theory]
    [MemberData(nameof(Names))]
    public void A_decoder_answers_or_refuses_whatever_it_is_given(string name)
    {
        FuzzTarget target = Targets.Make().Single(target => target.Name == name);
        using var run = new FuzzRun(target, seed: 1);
        for (int number = 0; number < (target is ImageTarget ? ImageInputs : Inputs); number++) run.Check(number);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Kept_inputs_pass(string name)
    {
        FuzzTarget target = Targets.Make().Single(target => target.Name == name);
        using var run = new FuzzRun(target, seed: 1);
        string[] files = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Corpus", name));
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            byte[] input = File.ReadAllBytes(file);
            run.CheckInput(input, atEnd: true);
            run.CheckInput(input, atEnd: false);
        }
    }

    [Theory]
    [MemberData(nameof(Slips))]
    public void A_planted_error_is_found(string slip) => CheckIsFound(new SlippingTarget(Enum.Parse<Slip>(slip)), slip);

    [Theory]
    [MemberData(nameof(RowSlips))]
    public void A_planted_error_in_rows_is_found(string slip) => CheckIsFound(SlippingRowTarget.Make(Enum.Parse<RowSlip>(slip)), slip);

    [Fact]
    public void Frames_that_are_lost_between_two_pieces_are_missed() => CheckIsFound(new LosingFrameTarget(), "frames are lost");

    private static void CheckIsFound(FuzzTarget target, string slip)
    {
        using var run = new FuzzRun(target, seed: 1);
        for (int number = 0; number < 20_000; number++)
        {
            try
            {
                run.Check(number);
            }
            catch (HistoryViolationException violation)
            {
                Assert.Contains($"input {number}", violation.Message, StringComparison.Ordinal);
                return;
            }
        }

        Assert.Fail($"20,000 inputs did not find that {slip}");
    }

    private enum Slip
    {
        LengthIsNotChecked,
        LengthIsCheckedAgainstTheWhole,
        AllocatesTheLength,
        LosesTheHighBit,
    }

    /// <summary>Decodes <c>(length:u32 | bytes)*</c>, wrongly.</summary>
    private sealed class SlippingTarget(Slip slip) : FuzzTarget("slipping")
    {
        public override IReadOnlyList<byte[]> Seeds { get; } = [[3, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 1, 0, 0, 0, 9], [0, 0, 0, 0]];

        public override void Check(ReadOnlySpan<byte> input)
        {
            for (ReadOnlySpan<byte> rest = input; rest.Length >= sizeof(uint);)
            {
                uint length = BinaryPrimitives.ReadUInt32LittleEndian(rest);
                rest = rest[sizeof(uint)..];
                int room = slip == Slip.LengthIsCheckedAgainstTheWhole ? input.Length : rest.Length;
                if (slip == Slip.AllocatesTheLength) _ = new byte[Math.Min(length, 1 << 28)];
                if (slip != Slip.LengthIsNotChecked && length > (uint)room) return;
                ReadOnlySpan<byte> bytes = rest[..(int)length];
                rest = rest[(int)length..];
                if (bytes is not [var wanted, ..]) continue;
                int read = slip == Slip.LosesTheHighBit && bytes.Length == 2 ? wanted & 0x7F : wanted;
                if (read != wanted) throw new HistoryViolationException($"{read} is read, {wanted} was written");
            }
        }
    }

    private enum RowSlip
    {
        PassesOverTheRest,
        LosesTheHighBit,
        GrowsEachTime,
        ThrowsWhatIsNotExpected,
    }

    /// <summary>Decodes <c>number:varint | count:u8</c>, wrongly.</summary>
    private sealed class SlippingRowTarget : RewriteTarget
    {
        private SlippingRowTarget(RewrittenKind kind)
            : base("slipping-row", [kind])
        {
        }

        public static SlippingRowTarget Make(RowSlip slip) => new(new RewrittenKind("row", [0xAC, 2, 7], row => Rewrite(row, slip)));

        private static byte[]? Rewrite(byte[] row, RowSlip slip)
        {
            var reader = new SpanReader(row);
            if (!reader.TryReadVarint(out ulong number) || !reader.TryReadByte(out byte count))
                return slip == RowSlip.ThrowsWhatIsNotExpected ? throw new ArgumentException("too short") : null;
            if (!reader.IsAtEnd && slip != RowSlip.PassesOverTheRest) return null;
            if (slip == RowSlip.LosesTheHighBit) number &= 0x7F;
            if (slip == RowSlip.GrowsEachTime) number <<= 7;
            byte[] written = new byte[Varint.BytesMax + 1];
            int bytes = Varint.Write(written, number);
            written[bytes] = count;
            return written[..(bytes + 1)];
        }
    }

    /// <summary>Takes the frames of each piece for itself.</summary>
    private sealed class LosingFrameTarget : FrameTarget
    {
        protected override void Take(ReadOnlySpan<byte> input, List<byte[]> taken)
        {
            int half = input.Length / 2;
            base.Take(input[..half], taken);
            base.Take(input[half..], taken);
        }
    }
}
