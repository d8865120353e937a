using System.Globalization;

namespace Varve.Simulation;

/// <summary>Makes a history that breaks a promise smaller: the same seed with less of everything, as long as it still breaks one.</summary>
internal sealed class HistoryShrinker(Func<HistoryOptions, HistoryResult> run)
{
    private static readonly HistoryFeatures[] Features =
        [.. Enum.GetValues<HistoryFeatures>().Where(feature => feature != HistoryFeatures.None)];

    /// <summary>What the smallest history so far has broken.</summary>
    public HistoryViolationException? Violation { get; private set; }

    /// <summary>Histories that were run.</summary>
    public int Runs { get; private set; }

    /// <summary>
    /// Leaves features away, then writers, then cuts the number of operations by bisection, and begins again until nothing goes. Returns
    /// the options as they are when the history breaks nothing.
    /// </summary>
    public HistoryOptions Shrink(HistoryOptions options)
    {
        if (!Fails(options)) return options;
        HistoryOptions before;
        do
        {
            before = options;
            foreach (HistoryFeatures feature in Features)
            {
                if (options.Has(feature)) Try(ref options, options with { Without = options.Without | feature });
            }

            if (options.Writers > 1) Try(ref options, options with { Writers = 1 });
            CutSteps(ref options);
        }
        while (options != before);
        return options;
    }

    /// <summary>The arguments of the command that run just this: empty for a history as it was drawn.</summary>
    public static string Arguments(HistoryOptions options, HistoryOptions drawn)
    {
        string arguments = "";
        if (options.StepsMax != drawn.StepsMax) arguments += string.Create(CultureInfo.InvariantCulture, $" --steps {options.StepsMax}");
        if (options.Writers != drawn.Writers) arguments += string.Create(CultureInfo.InvariantCulture, $" --writers {options.Writers}");
        string without = options.Without.ToString().Replace(" ", "", StringComparison.Ordinal);
        if (options.Without != drawn.Without) arguments += $" --without {without}";
        return arguments;
    }

    // Fewer steps need not fail where more do; what is kept always did.
    private void CutSteps(ref HistoryOptions options)
    {
        int passing = -1;
        int failing = (int)Math.Min(options.StepsMax, (long)options.Generations * options.Operations);
        while (failing - passing > 1)
        {
            int middle = passing + (failing - passing) / 2;
            if (Try(ref options, options with { StepsMax = middle })) failing = middle;
            else passing = middle;
        }
    }

    private bool Try(ref HistoryOptions options, HistoryOptions smaller)
    {
        if (!Fails(smaller)) return false;
        options = smaller;
        return true;
    }

    private bool Fails(HistoryOptions options)
    {
        Runs++;
        try
        {
            run(options);
            return false;
        }
        catch (HistoryViolationException violation)
        {
            Violation = violation;
            return true;
        }
    }
}
