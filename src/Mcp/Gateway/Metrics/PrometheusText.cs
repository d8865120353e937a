using System.Globalization;
using System.Text;

namespace Varve.Mcp.Gateway.Metrics;

/// <summary>Writes metrics in Prometheus' text format 0.0.4.</summary>
internal sealed class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();

    /// <summary>Begins a metric; its samples follow.</summary>
    public PrometheusText Begin(string name, string type, string help)
    {
        _text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");
        return this;
    }

    public PrometheusText Sample(string name, double value, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        _text.Append(name);
        for (int label = 0; label < labels.Length; label++)
            _text.Append(label == 0 ? '{' : ',').Append(labels[label].Name).Append("=\"").Append(Escape(labels[label].Value)).Append('"');
        if (labels.Length > 0) _text.Append('}');
        _text.Append(' ').Append(NumberOf(value)).Append('\n');
        return this;
    }

    /// <summary>A metric of one sample.</summary>
    public PrometheusText Single(string name, string type, string help, double value) => Begin(name, type, help).Sample(name, value);

    /// <summary>A name made of another one, in the letters that a name may have.</summary>
    public static string NameOf(string name) =>
        string.Concat(name.Select(character => char.IsAsciiLetterOrDigit(character) ? char.ToLowerInvariant(character) : '_'));

    public static string NumberOf(double value) => double.IsPositiveInfinity(value) ? "+Inf" : value.ToString(CultureInfo.InvariantCulture);

    public override string ToString() => _text.ToString();

    private static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);
}
