using Varve.Native;

namespace Varve.Simulation;

/// <summary>All decoders of the engine.</summary>
/// <param name="pool">Memory for the targets that open databases.</param>
internal sealed class FuzzTargets(RegionPool pool)
{
    private const int ImageSeed = 1;

    private readonly Lazy<DamageImage[]> _images = new(
        () => [DamageImage.Make(ImageSeed, closes: true, pool), DamageImage.Make(ImageSeed, closes: false, pool)]);

    /// <summary>Each with a state of its own, for one thread; what takes long to make they share with those made before.</summary>
    public FuzzTarget[] Make() =>
    [
        new VarintTarget(), new OrderedVarintTarget(), new Lz4Target(), new BatchTarget(), new TypedTarget(),
        new DataBlockTarget(), new IndexTarget(), new TableMetaTarget(), new LogHeaderTarget(), new EditTarget(), new CurrentTarget(),
        new JournalRowTarget(), new SharingBodyTarget(), new FrameTarget(),
        new ImageTarget("log", _images, static name => name.EndsWith(".log", StringComparison.Ordinal), pool),
        new ImageTarget("table", _images, static name => name.EndsWith(".table", StringComparison.Ordinal), pool),
        new ImageTarget("manifest", _images, static name => name.StartsWith("MANIFEST", StringComparison.Ordinal), pool),
    ];
}
