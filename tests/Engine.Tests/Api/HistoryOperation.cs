using FsCheck;
using FsCheck.Fluent;

namespace Varve.Tests.Api;

internal enum HistoryAction
{
    Put,
    Delete,
    Batch,
    DeleteRange,
    DropMap,
    Fill,
    Get,
    Scan,
    Range,
    Walk,
    HoldCursor,
    MoveCursors,
    DropCursor,
    TakeSnapshot,
    ReadSnapshot,
    DropSnapshot,
    Sync,
    Flush,
    Compact,
    WaitForUpkeep,
    Reopen,
    Kill,
}

/// <summary>A step of a history; keys, values and moves are drawn from its seed.</summary>
internal sealed record HistoryOperation(HistoryAction Action, int Seed)
{
    public static Gen<HistoryOperation> Generator { get; } = Gen.Frequency(
            (6, Gen.Constant(HistoryAction.Put)),
            (4, Gen.Constant(HistoryAction.Delete)),
            (4, Gen.Constant(HistoryAction.Batch)),
            (4, Gen.Constant(HistoryAction.DeleteRange)),
            (1, Gen.Constant(HistoryAction.DropMap)),
            (10, Gen.Constant(HistoryAction.Fill)),
            (4, Gen.Constant(HistoryAction.Get)),
            (2, Gen.Constant(HistoryAction.Scan)),
            (4, Gen.Constant(HistoryAction.Range)),
            (4, Gen.Constant(HistoryAction.Walk)),
            (3, Gen.Constant(HistoryAction.HoldCursor)),
            (4, Gen.Constant(HistoryAction.MoveCursors)),
            (1, Gen.Constant(HistoryAction.DropCursor)),
            (3, Gen.Constant(HistoryAction.TakeSnapshot)),
            (3, Gen.Constant(HistoryAction.ReadSnapshot)),
            (2, Gen.Constant(HistoryAction.DropSnapshot)),
            (1, Gen.Constant(HistoryAction.Sync)),
            (3, Gen.Constant(HistoryAction.Flush)),
            (1, Gen.Constant(HistoryAction.Compact)),
            (1, Gen.Constant(HistoryAction.WaitForUpkeep)),
            (1, Gen.Constant(HistoryAction.Reopen)),
            (1, Gen.Constant(HistoryAction.Kill)))
        .SelectMany(_ => Gen.Choose(0, int.MaxValue), (action, seed) => new HistoryOperation(action, seed));

    /// <summary>Histories of one length; a failing one is cut down to the steps that it needs.</summary>
    public static Arbitrary<HistoryOperation[]> Histories(int length) => Arb.From(Gen.ArrayOf(Generator, length), Shrink);

    public override string ToString() => $"{Action}({Seed})";

    private static IEnumerable<HistoryOperation[]> Shrink(HistoryOperation[] history)
    {
        for (int removed = history.Length / 2; removed > 0; removed /= 2)
        {
            for (int start = 0; start + removed <= history.Length; start += removed)
            {
                yield return [.. history[..start], .. history[(start + removed)..]];
            }
        }
    }
}
