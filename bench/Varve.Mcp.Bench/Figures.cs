namespace Varve.Mcp.Bench;

/// <summary>What was measured, by name: a figure for each run.</summary>
internal sealed class Figures
{
    private readonly Dictionary<string, List<double>> _figures = [];

    public void Add(string name, double figure)
    {
        if (!_figures.TryGetValue(name, out List<double>? all)) _figures.Add(name, all = []);
        all.Add(figure);
    }

    public double Median(string name)
    {
        List<double> sorted = [.. _figures[name].Order()];
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}
