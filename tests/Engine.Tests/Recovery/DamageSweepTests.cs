using Varve.Files;
using Varve.Levels;
using Varve.Native;

namespace Varve.Tests.Recovery;

/// <summary>
/// A short round of <c>tools/Varve.Simulate damage</c> (docs/damage.md), and canaries: wrong bytes under checksums that hold, as if nobody
/// had looked at them, must be noticed.
/// </summary>
public sealed class DamageSweepTests : IDisposable
{
    private const int Damages = 400;

    private static readonly RegionPool Pool = new();

    public DamageSweepTests() => Pool.AddUser();

    public void Dispose() => Pool.RemoveUser();

    [Fact]
    public void Damage_is_found_with_file_and_offset_or_harmless()
    {
        var run = new DamageRun(seed: 2, Pool);
        int[] outcomes = new int[Enum.GetValues<DamageOutcome>().Length];
        Parallel.For(0, Damages, number => Interlocked.Increment(ref outcomes[(int)run.Check(run.Draw(number)).Outcome]));
        Assert.True(run.Count > 500_000, $"{run.Count} damages");
        DamageOutcome[] expected =
        [
            DamageOutcome.FoundByOpen,
            DamageOutcome.FoundByReads,
            DamageOutcome.FoundByVerify,
            DamageOutcome.Harmless,
            DamageOutcome.TailLost,
        ];
        foreach (DamageOutcome outcome in expected) Assert.True(outcomes[(int)outcome] > 0, $"{Damages} damages, none {outcome}");
    }

    /// <summary>What is not in the databases cannot be damaged.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_databases_have_all_that_there_is_to_damage(bool closes)
    {
        DamageImage image = DamageImage.Make(seed: 2, closes, Pool);
        ManifestState state = Manifest.Load(image.Disk, DamageImage.Directory)!;
        Assert.Equal(closes, state.CleanEnd is not null);
        Assert.True(state.Tables.Select(table => table.Level).Distinct().Count() >= 3);
        Assert.Equal(2, state.Tables.Select(table => table.Info.IsCompressed).Distinct().Count());
        Assert.Contains(state.Tables, table => table.Info.RangeTombstoneCount > 0);
        Assert.Contains(state.Tables, table => table.Info.Expiries.Count > 0);
        Assert.Contains(state.Tables, table => TableLayout.Read(image.Disk.ReadAll(DamageImage.PathOf(NameOf(table)))).Values.Count > 0);
        Assert.NotEmpty(state.LogPast.PastEras);
        Assert.InRange((long)(image.Commits[^1].Sequence - state.FlushedSequence), 10, 200);
        Assert.NotEmpty(image.Older);
        Assert.NotEmpty(image.Foreign);
    }

    [Theory]
    [InlineData(".table")]
    [InlineData(".log")]
    public void Wrong_content_under_a_right_checksum_is_noticed(string kind)
    {
        DamageImage image = DamageImage.Make(seed: 1, closes: true, Pool);
        var check = new DamageCheck(image, Pool);
        int noticed = 0;
        foreach ((string name, byte[] sound) in DamageImage.ReadFiles(image.Disk))
        {
            if (!name.EndsWith(kind, StringComparison.Ordinal)) continue;

            // Values say so; the last one that does is the newest of its file.
            int at = sound.AsSpan().LastIndexOf("value "u8);
            if (at < 0) continue;
            byte[] changed = [.. sound];
            changed[at] ^= 1;
            if (kind == ".log") Sealing.SealLog(changed);
            else Sealing.SealTable(changed, TableLayout.Read(sound));
            var damaged = new DamagedFile(name, $"byte {at} changed and sealed", changed);
            Exception? violation = Record.Exception(() => check.Run(damaged, seed: 1));
            if (violation is null) continue;
            Assert.IsType<HistoryViolationException>(violation);
            Assert.Matches("expected|otherwise", violation.Message);
            noticed++;
        }

        Assert.True(noticed > 0, "no file with changed values was noticed");
    }

    private static string NameOf(LeveledTable table) => FileNames.Table(table.Info.Number);
}
