using System.Diagnostics.CodeAnalysis;

namespace Varve.Tables;

/// <summary>The tables of one database: makes and finds them, keeps open files under a cap, deletes obsolete ones.</summary>
internal sealed class TableStore
{
    [SuppressMessage("Performance", "CA1822", Justification = "Will use its fields.")]
    internal void OnUnreferenced(Table table) => throw new InvalidOperationException(table.Info.Number.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
