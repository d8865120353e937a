using Content = System.Collections.Immutable.ImmutableSortedDictionary<byte[], byte[]>;

namespace Varve.Tests.Api;

/// <summary>
/// A cursor that is sought and moved in any order, while its place in the sorted keys of its moment is followed beside it.
/// </summary>
internal sealed class WalkedCursor : IDisposable
{
    private readonly Cursor _cursor;
    private readonly Content _model;
    private readonly byte[][] _keys;
    private int _place = -1;

    public WalkedCursor(SortedMap map, Content model, Snapshot? snapshot)
    {
        _cursor = map.CreateCursor(snapshot);
        _model = model;
        _keys = [.. model.Keys];
        Assert.False(_cursor.IsValid);
    }

    private bool Stands => _place >= 0 && _place < _keys.Length;

    public void Walk(Random random, int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            (string move, bool result) = Move(random, step);
            CheckPlace(result, $"step {step}, {move}");
        }
    }

    public void Dispose() => _cursor.Dispose();

    private (string Move, bool Result) Move(Random random, int step)
    {
        byte[] target = MapReader.Bound(random);
        switch (random.Next(Stands ? 12 : 4))
        {
            case 0 when step % 4 == 0:
                _place = 0;
                return ("first", _cursor.SeekToFirst());
            case 1 when step % 4 == 0:
                _place = _keys.Length - 1;
                return ("last", _cursor.SeekToLast());
            case 0 or 2:
                _place = CountBefore(target, countEqual: false);
                return ($"seek {HistoryKeys.Show(target)}", _cursor.Seek(target));
            case 1 or 3:
                _place = CountBefore(target, countEqual: true) - 1;
                return ($"seek for previous {HistoryKeys.Show(target)}", _cursor.SeekForPrevious(target));
            case < 8:
                _place++;
                return ("next", _cursor.Next());
            default:
                _place--;
                return ("previous", _cursor.Previous());
        }
    }

    private void CheckPlace(bool result, string where)
    {
        Assert.True(result == Stands && _cursor.IsValid == Stands, $"{where}: stands is {result}, should be {Stands}");
        if (!Stands) return;
        byte[] key = _keys[_place];
        Assert.True(_cursor.Key.SequenceEqual(key), $"{where}: {HistoryKeys.Show(_cursor.Key)} should be {HistoryKeys.Show(key)}");
        Assert.True(_cursor.Value.SequenceEqual(_model[key]), $"{where}: the value of {HistoryKeys.Show(key)} differs");
    }

    private int CountBefore(byte[] target, bool countEqual)
    {
        int place = Array.BinarySearch(_keys, target, HistoryKeys.Order);
        return place < 0 ? ~place : countEqual ? place + 1 : place;
    }
}
