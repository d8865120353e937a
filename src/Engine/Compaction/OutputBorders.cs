using Varve.Tables;

namespace Varve.Compaction;

/// <summary>
/// Says where a compaction ends one output table and begins the next: when the table is full, when it would overlap so much of the level
/// below that its own compaction would be dear, or a little early where a table of that level ends, so that borders fall together.
/// </summary>
internal struct OutputBorders
{
    private readonly IReadOnlyList<Table> _grandparents;
    private readonly long _tableBytes;
    private readonly long _grandparentBytesMax;
    private int _next;
    private long _passedBytes;

    public OutputBorders(IReadOnlyList<Table> grandparents, CompactionOptions options)
    {
        _grandparents = grandparents;
        _tableBytes = options.TableBytes;
        _grandparentBytesMax = options.GrandparentBytesMax;
    }

    /// <summary>
    /// Asked once before each new user key (never between two versions of one), in ascending order.
    /// </summary>
    /// <param name="key">The key that comes next.</param>
    /// <param name="outputBytes">Bytes of the table being written; 0 when it is empty.</param>
    public bool ShouldCutBefore(ReadOnlySpan<byte> key, long outputBytes)
    {
        bool passesBorder = false;
        while (_next < _grandparents.Count && _grandparents[_next].Info.EndsBefore(key))
        {
            _passedBytes += _grandparents[_next].Info.FileBytes;
            _next++;
            passesBorder = true;
        }

        if (outputBytes == 0)
        {
            _passedBytes = 0;
            return false;
        }

        bool cuts = outputBytes >= _tableBytes
            || _passedBytes > _grandparentBytesMax
            || passesBorder && outputBytes >= _tableBytes - _tableBytes / 4;
        if (cuts) _passedBytes = 0;
        return cuts;
    }
}
