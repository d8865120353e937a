using System.Globalization;

namespace Varve.Cli.Torture;

/// <summary>What a writer said was acknowledged, over the whole life of a directory. Safe for concurrent use.</summary>
internal sealed class TortureLedger(int streams)
{
    private readonly Lock _guard = new();
    private readonly long[] _synced = new long[streams];
    private readonly long[] _kept = new long[streams];
    private readonly long[] _greatest = new long[streams];

    /// <summary>Acknowledgements of the last process since the last check, in whatever order the threads told them.</summary>
    private readonly List<Acknowledgement> _fresh = [];

    public int Streams { get; } = streams;

    public long Count { get; private set; }

    /// <summary>A process begins to write: numbers that an earlier one told, and that a kill has lost, may be told again.</summary>
    public void BeginProcess()
    {
        lock (_guard) _fresh.Clear();
    }

    /// <summary>Takes a line of the writer's; false when it is none of an acknowledgement.</summary>
    public bool TryTake(ReadOnlySpan<char> line)
    {
        Span<Range> parts = stackalloc Range[6];
        if (line.Split(parts, ' ') != 5 || !line[parts[0]].SequenceEqual("ack")) return false;
        int stream = int.Parse(line[parts[1]], NumberStyles.None, CultureInfo.InvariantCulture);
        long number = long.Parse(line[parts[2]], NumberStyles.None, CultureInfo.InvariantCulture);
        ulong sequence = ulong.Parse(line[parts[3]], NumberStyles.None, CultureInfo.InvariantCulture);
        var level = (Durability)int.Parse(line[parts[4]], NumberStyles.None, CultureInfo.InvariantCulture);
        lock (_guard)
        {
            Count++;
            _fresh.Add(new Acknowledgement(stream, number, sequence));
            _greatest[stream] = Math.Max(_greatest[stream], number);

            // What a sync covers lies before it in the order, and so does what left the process.
            if (level != Durability.None) _kept[stream] = Math.Max(_kept[stream], number);
            if (level == Durability.Synced) _synced[stream] = Math.Max(_synced[stream], number);
        }

        return true;
    }

    /// <summary>After a clean close everything acknowledged must be there.</summary>
    public void KeepAll()
    {
        lock (_guard)
        {
            _greatest.CopyTo(_kept, 0);
            _greatest.CopyTo(_synced, 0);
        }
    }

    /// <summary>
    /// Compares with a database that was opened again after its process died, or its disk as well. Returns the faults; what is there is
    /// on record from now on.
    /// </summary>
    public List<string> Check(Database database, bool diedWithDisk = false)
    {
        var faults = new List<string>();
        SortedMap byNumber = database.GetMap(TortureStream.ByNumberName);
        SortedMap byContent = database.GetMap(TortureStream.ByContentName);
        using Snapshot snapshot = database.CreateSnapshot();
        lock (_guard)
        {
            ulong survivedThrough = 0;
            for (int stream = 0; stream < Streams; stream++)
            {
                if (TortureStream.FindFault(byNumber, byContent, stream, snapshot) is { } fault) faults.Add(fault);
                long found = TortureStream.GreatestOf(byNumber, stream);
                long promised = diedWithDisk ? _synced[stream] : _kept[stream];
                if (found < promised) faults.Add($"stream {stream}: {promised} was acknowledged to stay, {found} is the greatest");
                if (found > _greatest[stream] + 1) faults.Add($"stream {stream}: {found} is there, {_greatest[stream]} was the last told");
                foreach (Acknowledgement told in _fresh)
                {
                    if (told.Stream == stream && told.Number <= found) survivedThrough = Math.Max(survivedThrough, told.Sequence);
                }

                _synced[stream] = _kept[stream] = _greatest[stream] = found;
            }

            foreach (Acknowledgement told in _fresh)
            {
                if (told.Sequence <= survivedThrough && told.Number > _kept[told.Stream])
                {
                    faults.Add($"stream {told.Stream}: {told.Number} is lost, a later write survived");
                }
            }

            _fresh.Clear();
        }

        return faults;
    }

    private readonly record struct Acknowledgement(int Stream, long Number, ulong Sequence);
}
