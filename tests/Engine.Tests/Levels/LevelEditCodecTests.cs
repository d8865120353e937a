using System.Buffers;
using Varve.Levels;
using Varve.Log;

namespace Varve.Tests.Levels;

public class LevelEditCodecTests
{
    [Fact]
    public void An_edit_comes_back_as_it_was()
    {
        LevelEdit edit = FullEdit();
        Assert.True(LevelEditCodec.TryDecode(Encode(edit), out LevelEdit? decoded));
        Assert.Equal(ManifestText.Of(edit), ManifestText.Of(decoded));
    }

    [Fact]
    public void An_empty_edit_leaves_everything_as_it_is()
    {
        Assert.True(LevelEditCodec.TryDecode(Encode(new LevelEdit()), out LevelEdit? decoded));
        Assert.Equal(ManifestText.Of(new LevelEdit()), ManifestText.Of(decoded));
    }

    [Fact]
    public void Malformed_bytes_are_refused_without_an_exception()
    {
        byte[] whole = Encode(FullEdit());
        for (int seed = 1; seed <= 8_000; seed++)
        {
            var random = new Random(seed);
            byte[] bytes = whole[..random.Next(whole.Length + 1)];
            for (int i = random.Next(4); i > 0 && bytes.Length > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (!LevelEditCodec.TryDecode(bytes, out LevelEdit? edit)) continue;
            var state = new ManifestState(default);
            state.TryApply(edit, out _);
            state.FindProblem();
        }
    }

    [Fact]
    public void A_field_that_is_unknown_or_too_long_is_refused()
    {
        Assert.True(LevelEditCodec.TryDecode([3, 1, 5], out _));
        Assert.False(LevelEditCodec.TryDecode([3, 2, 5, 0], out _));
        Assert.False(LevelEditCodec.TryDecode([99, 1, 5], out _));
        Assert.False(LevelEditCodec.TryDecode([2, 2, 7, 1], out _));
        Assert.True(LevelEditCodec.TryDecode([2, 2, 6, 1], out _));
    }

    private static LevelEdit FullEdit()
    {
        var edit = new LevelEdit
        {
            FlushedSequence = (1UL << 56) - 1,
            NextFileNumber = 77,
            LogEra = new LogEra(ulong.MaxValue - 5, 12),
            CleanEnd = new LogEnd(14, 4_096, 900),
            SequenceBound = 1UL << 40,
            LogPast = new LogPast(
                899,
                [
                    new LogPastEra(new LogEra(3, 1), new LogEnd(4, 8_200, 70), 0),
                    new LogPastEra(new LogEra(ulong.MaxValue, 6), new LogEnd(11, 1L << 40, 899), 71),
                ]),
            ClockMarkMilliseconds = 1_790_000_000_000,
        };
        edit.Add(0, TestTables.Info(70, "", "", 0, 0));
        edit.Add(6, TestTables.Info(71, "\0", new string('k', 20_000), 5, 1UL << 50));
        edit.Remove(3, 66);
        edit.Remove(0, 70);
        return edit;
    }

    private static byte[] Encode(LevelEdit edit)
    {
        var bytes = new ArrayBufferWriter<byte>();
        LevelEditCodec.Encode(edit, bytes);
        return bytes.WrittenSpan.ToArray();
    }
}
