using System.Diagnostics.Metrics;

namespace Varve.Tests.Diagnostics;

/// <summary>Listens to the meter as a monitoring system does, and keeps what is said of the directories asked for.</summary>
internal sealed class MeterReader : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _guard = new();
    private readonly Dictionary<(string Instrument, string Directory, int? Level), double> _last = [];
    private readonly Dictionary<(string Instrument, string Directory), int> _counts = [];

    public MeterReader()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name != VarveDiagnostics.MeterName) return;
            lock (_guard) Instruments.Add(instrument);
            listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
        _listener.Start();
    }

    public List<Instrument> Instruments { get; } = [];

    public void Ask() => _listener.RecordObservableInstruments();

    /// <summary>The last value; null where there was none.</summary>
    public double? Last(string instrument, string directory, int? level = null)
    {
        lock (_guard) return _last.TryGetValue((instrument, directory, level), out double value) ? value : null;
    }

    public int Count(string instrument, string directory)
    {
        lock (_guard) return _counts.GetValueOrDefault((instrument, directory));
    }

    public void Forget()
    {
        lock (_guard) _last.Clear();
    }

    public void Dispose() => _listener.Dispose();

    private void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string directory = "";
        int? level = null;
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            if (tag.Key == VarveDiagnostics.DirectoryTag) directory = (string)tag.Value!;
            else if (tag.Key == "varve.level") level = (int)tag.Value!;
        }

        lock (_guard)
        {
            _last[(instrument.Name, directory, level)] = value;
            _counts[(instrument.Name, directory)] = _counts.GetValueOrDefault((instrument.Name, directory)) + 1;
        }
    }
}
