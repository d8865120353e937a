using System.Collections;

namespace Varve.Extensions.Hosting;

/// <summary>An event as a structured log entry: text, and the properties that filters ask for.</summary>
internal sealed class EventLogEntry(DatabaseEvent happened) : IReadOnlyList<KeyValuePair<string, object?>>
{
    public int Count => 3;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        0 => new("Directory", happened.Directory),
        1 => new("Event", happened),
        2 => new("{OriginalFormat}", "{Directory}: {Event}"),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (int i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => $"{happened.Directory}: {happened}";
}
