using System.Diagnostics;
using Varve.Diagnostics;

namespace Varve.Recovery;

/// <summary>Opens a store within an activity.</summary>
internal static class ObservedOpening
{
    public static Store Open(EngineSetup setup, bool isReadOnly)
    {
        using Activity? activity = EngineActivities.Start("varve.open", setup.Directory);
        try
        {
            Store store = isReadOnly ? StoreOpener.OpenForReading(setup) : StoreOpener.Open(setup);
            activity?.SetTag("varve.records", store.Recovery?.RecordCount ?? 0);
            activity?.SetTag("varve.closed_cleanly", !store.WasUnclean);
            return store;
        }
        catch (Exception failure)
        {
            activity.Fail(failure);
            throw;
        }
    }
}
