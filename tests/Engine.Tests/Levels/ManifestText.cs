using System.Globalization;
using System.Text;
using Varve.Levels;
using Varve.Tables;

namespace Varve.Tests.Levels;

/// <summary>States and edits as text, so that a test can compare them and a failure shows the difference.</summary>
internal static class ManifestText
{
    public static string Of(ManifestState state) => $"{state.DatabaseId}\n{Of(state.ToEdit())}";

    public static string Of(LevelEdit edit)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"flushed {edit.FlushedSequence}, next file {edit.NextFileNumber}, ");
        text.Append(CultureInfo.InvariantCulture, $"{edit.LogEra}, {edit.CleanEnd}, bound {edit.SequenceBound}, ");
        text.Append(CultureInfo.InvariantCulture, $"clock {edit.ClockMarkMilliseconds}\n");
        if (edit.LogPast is { } past)
            text.Append(CultureInfo.InvariantCulture, $"past {past.PrecedingSequence}: {string.Join(", ", past.PastEras)}\n");
        foreach (LeveledNumber gone in edit.Removed) text.Append(CultureInfo.InvariantCulture, $"- {gone.Level}:{gone.Number}\n");
        foreach (LeveledTable added in edit.Added) text.Append(CultureInfo.InvariantCulture, $"+ {added.Level}: {Of(added.Info)}\n");
        return text.ToString();
    }

    private static string Of(TableInfo info) =>
        $"{info with { SmallestKey = [], LargestKey = [] }} {Convert.ToHexString(info.SmallestKey)} {Convert.ToHexString(info.LargestKey)}"
            .Replace("System.Byte[]", "", StringComparison.Ordinal);
}
