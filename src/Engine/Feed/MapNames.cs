using System.Text;
using Varve.Log;

namespace Varve.Feed;

/// <summary>
/// The names of the maps that a feed meets, by id. A map that is not in the catalogue has been dropped since, and the record of the drop,
/// which names it, stands further on in the log: it is looked for once. One thread at a time.
/// </summary>
internal sealed class MapNames(ChangeSource source)
{
    private readonly Dictionary<ulong, string> _names = [];

    /// <summary>What a record of the log says.</summary>
    public void Learn(ulong id, ReadOnlySpan<byte> name) => _names[id] = Encoding.UTF8.GetString(name);

    /// <summary>The name of a map that a record behind a position uses; null where nothing names it.</summary>
    public string? Find(ulong id, ulong position)
    {
        if (_names.TryGetValue(id, out string? name)) return name;
        name = source.Catalog.FindName(id);
        if (name is null)
        {
            LearnDrops(position);
            return _names.GetValueOrDefault(id);
        }

        _names.Add(id, name);
        return name;
    }

    /// <summary>Reads to the end of what is written: the drop may stand behind what the feed may show.</summary>
    private void LearnDrops(ulong position)
    {
        // After the catalogue was asked: a drop that it has forgotten is in the files.
        ulong limit = source.GetLimit(durableOnly: false);
        using var follower = new LogFollower(source.Segments, source.Files, position);
        var decoder = new BatchDecoder(this);
        while (follower.TryRead(limit, out LogFrame frame))
        {
            if (frame.Type is LogFrameType.Full or LogFrameType.First) decoder.Begin();
            if (decoder.Bytes > LogFormat.FramePayloadBytesMax) continue;

            // A drop is a small batch; of larger ones the beginning is enough to see that they are none.
            decoder.TryTake(follower.Payload);
        }
    }
}
