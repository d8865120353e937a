namespace Varve.Simulation;

/// <summary>What the change feed must show of one operation.</summary>
internal readonly record struct ExpectedChange(ChangeKind Kind, string MapName, byte[] Key, byte[] EndKey, byte[] Value, long Expiry = 0)
{
    public bool IsShownBy(Change change) =>
        change.Kind == Kind && change.MapName == MapName && change.Key.Span.SequenceEqual(Key)
        && change.EndKey.Span.SequenceEqual(EndKey) && change.Value.Span.SequenceEqual(Value)
        && (change.Expiry?.ToUnixTimeMilliseconds() ?? 0) == Expiry;
}
