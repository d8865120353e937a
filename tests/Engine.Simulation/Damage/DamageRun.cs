using Varve.Levels;
using Varve.Native;

namespace Varve.Simulation;

/// <summary>
/// Both images of a seed, one closed in order and one killed, and every damage to them by number. Safe for concurrent use.
/// </summary>
internal sealed class DamageRun
{
    private readonly (DamageImage Image, DamageSpace Space)[] _images;
    private readonly RegionPool _pool;
    private readonly int _seed;

    public DamageRun(int seed, RegionPool pool)
    {
        _seed = seed;
        _pool = pool;
        _images =
        [
            .. from closes in new[] { true, false }
               let image = DamageImage.Make(seed, closes, pool)
               select (image, new DamageSpace(image)),
        ];
        Count = _images.Sum(made => made.Space.Count);
    }

    /// <summary>How many damages there are.</summary>
    public long Count { get; }

    /// <summary>What the images consist of.</summary>
    public IEnumerable<string> Describe() => _images.Select(made =>
        $"{(made.Image.WasClosed ? "closed" : "killed")}: {made.Image.Commits.Count} commits, {made.Space.Count:N0} damages of " +
        string.Join(", ", DamageImage.ReadFiles(made.Image.Disk).Select(file => $"{file.Name} ({file.Content.Length:N0})")) +
        "; tables by level: " + string.Join(", ", Manifest.Load(made.Image.Disk, DamageImage.Directory)!.Tables
            .GroupBy(table => table.Level).OrderBy(level => level.Key).Select(level => $"{level.Key}: {level.Count()}")));

    /// <summary>A damage drawn from a number: the same for the same one.</summary>
    public long Draw(int number)
    {
        var random = new Random(unchecked(_seed * 1_000_003 + number));
        return random.Next(2) == 0 ? _images[0].Space.Draw(random) : _images[0].Space.Count + _images[1].Space.Draw(random);
    }

    /// <exception cref="HistoryViolationException">A promise was broken.</exception>
    public (string Kind, DamageOutcome Outcome) Check(long damage)
    {
        bool isFirst = damage < _images[0].Space.Count;
        (DamageImage image, DamageSpace space) = _images[isFirst ? 0 : 1];
        DamagedFile damaged = space[isFirst ? damage : damage - _images[0].Space.Count];
        string kind = $"{(image.WasClosed ? "closed" : "killed")} {DamageSpace.KindOf(damaged.Name)}";
        return (kind, new DamageCheck(image, _pool).Run(damaged, (int)(damage % int.MaxValue)));
    }
}
