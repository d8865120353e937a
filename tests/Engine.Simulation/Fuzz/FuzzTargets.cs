using Varve.Native;

namespace Varve.Simulation;

/// <summary>All decoders of the engine.</summary>
internal static class FuzzTargets
{
    private const int ImageSeed = 1;

    /// <param name="pool">Memory for the targets that open databases.</param>
    public static FuzzTarget[] Make(RegionPool pool)
    {
        var images = new Lazy<DamageImage[]>(
            () => [DamageImage.Make(ImageSeed, closes: true, pool), DamageImage.Make(ImageSeed, closes: false, pool)]);
        return
        [
            new VarintTarget(), new OrderedVarintTarget(), new Lz4Target(), new BatchTarget(), new TypedTarget(),
            new DataBlockTarget(), new IndexTarget(), new TableMetaTarget(), new LogHeaderTarget(), new EditTarget(), new CurrentTarget(),
            new ImageTarget("log", images, static name => name.EndsWith(".log", StringComparison.Ordinal), pool),
            new ImageTarget("table", images, static name => name.EndsWith(".table", StringComparison.Ordinal), pool),
            new ImageTarget("manifest", images, static name => name.StartsWith("MANIFEST", StringComparison.Ordinal), pool),
        ];
    }
}
