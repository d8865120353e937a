using System.Diagnostics;
using Varve.Diagnostics;

namespace Varve.Recovery;

/// <summary>Opens a store, and tells activities and events how that went.</summary>
internal static class ObservedOpening
{
    public static Store Open(EngineSetup setup, bool isReadOnly)
    {
        using Activity? activity = EngineActivities.Start("varve.open", setup.Directory);
        long started = setup.Scheduler.Clock.GetTimestamp();
        Store store;
        try
        {
            store = isReadOnly ? StoreOpener.OpenForReading(setup) : StoreOpener.Open(setup);
        }
        catch (Exception failure)
        {
            activity.Fail(failure);
            throw;
        }

        long records = store.Recovery?.RecordCount ?? 0;
        activity?.SetTag("varve.records", records);
        activity?.SetTag("varve.closed_cleanly", !store.WasUnclean);
        store.Events.Post(new DatabaseOpenedEvent
        {
            Duration = setup.Scheduler.Clock.GetElapsedTime(started),
            IsReadOnly = isReadOnly,
            WasClosedCleanly = !store.WasUnclean,
            RecoveredRecords = records,
            RecoveredBytes = store.Recovery?.BytesRead ?? 0,
            LatestSequence = store.Views.VisibleSequence,
        });
        return store;
    }
}
