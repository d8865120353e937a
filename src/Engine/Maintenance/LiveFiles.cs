using Varve.Levels;
using Varve.Log;
using Varve.Recovery;

namespace Varve.Maintenance;

/// <summary>Checks the files of an open store that are written to while they are read: CURRENT, manifest, log.</summary>
internal static class LiveFiles
{
    /// <summary>Slots and manifests are replaced as the store goes on; so often in a row that is bad luck no more.</summary>
    private const int AttemptsMax = 100;

    /// <summary>Adds what is damaged; returns the log's records that were read.</summary>
    public static long Verify(Store store, List<CorruptDataException> damages, CancellationToken cancellation)
    {
        if (FindManifestDamage(store, cancellation) is { } damage) Report(store, damages, damage);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return ReadLog(store, cancellation);
            }
            catch (ChangeHistoryLostException lost)
            {
                // Flushed and recycled while it was read: the entries are in tables.
                if (attempt < AttemptsMax) continue;
                Report(store, damages, new CorruptDataException(store.Setup.Directory, 0, "the log cannot be read: " + lost.Message));
                return 0;
            }
            catch (CorruptDataException found)
            {
                Report(store, damages, found);
                return 0;
            }
        }
    }

    private static void Report(Store store, List<CorruptDataException> damages, CorruptDataException damage)
    {
        store.Events.ReportDamage(damage);
        damages.Add(damage);
    }

    /// <summary>
    /// Damage that an open would refuse. What is read in the middle of a change is read again; only what two readings show alike counts.
    /// </summary>
    private static CorruptDataException? FindManifestDamage(Store store, CancellationToken cancellation)
    {
        string before = "";
        for (int attempt = 0; attempt < AttemptsMax; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                Manifest.Load(store.Setup.Files, store.Setup.Directory);
                return null;
            }
            catch (CorruptDataException damage)
            {
                if (damage.Message == before) return damage;
                before = damage.Message;
            }
            catch (StorageException) when (attempt + 1 < AttemptsMax)
            {
                // A manifest that was replaced and deleted between two calls.
            }
        }

        return null;
    }

    private static long ReadLog(Store store, CancellationToken cancellation)
    {
        // First the limit: what it covers had been handed to the system before.
        ulong limit = store.Changes.GetLimit(durableOnly: false);
        ulong flushed = store.Levels.FlushedSequence;
        if (store.Log is null || limit <= flushed) return 0;
        long records = 0;
        using var follower = new LogFollower(store.Changes.Segments, store.Setup.Files, flushed);
        while (follower.TryRead(limit, out LogFrame frame))
        {
            cancellation.ThrowIfCancellationRequested();
            if (frame.Type is LogFrameType.Full or LogFrameType.Last) records++;
        }

        return records;
    }
}
