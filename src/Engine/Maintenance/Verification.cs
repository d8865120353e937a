using System.Diagnostics;
using Varve.Diagnostics;
using Varve.Files;
using Varve.Levels;
using Varve.Recovery;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>Reads manifest, log and all tables of an open store and checks what can be checked.</summary>
internal static class Verification
{
    public static VerifyReport Run(Store store, IProgress<VerifyProgress>? progress, CancellationToken cancellation)
    {
        using Activity? activity = EngineActivities.Start("varve.verify", store.Setup.Directory);
        long started = store.Events.Clock.GetTimestamp();
        Reading.ReadView view = store.Views.Pin();
        try
        {
            VerifyReport report = Run(store, view.Levels, progress, cancellation);
            TimeSpan duration = store.Events.Clock.GetElapsedTime(started);
            activity?.SetTag("varve.tables", report.Tables);
            activity?.SetTag("varve.read_bytes", report.Bytes);
            int damagedTables = report.Damages.Count(damage => FileNames.TryParseTable(Path.GetFileName(damage.Path), out _));
            activity?.SetTag("varve.damaged_tables", damagedTables);
            store.Events.Post(new VerificationCompletedEvent
            {
                Duration = duration,
                Tables = report.Tables,
                Bytes = report.Bytes,
                DamagedTables = damagedTables,
            });
            return report;
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            activity.Fail(failure);
            throw;
        }
        finally
        {
            view.Release();
        }
    }

    private static VerifyReport Run(
        Store store, LevelMap levels, IProgress<VerifyProgress>? progress, CancellationToken cancellation)
    {
        var damages = new List<CorruptDataException>();
        long logRecords = LiveFiles.Verify(store, damages, cancellation);
        int tables = 0;
        long bytes = 0;
        long entries = 0;
        for (int level = 0; level < LevelMap.LevelCount; level++)
        {
            foreach (Table table in levels.Tables(level).ToArray())
            {
                var inTable = new TableProgress(progress, bytes, levels.FileBytes);
                try
                {
                    table.Verify(inTable, cancellation);
                    entries += table.Info.EntryCount;
                }
                catch (CorruptDataException damage)
                {
                    damages.Add(damage);
                }

                tables++;
                bytes += table.Info.FileBytes;
                progress?.Report(new VerifyProgress(bytes, levels.FileBytes));
            }
        }

        return new VerifyReport { Tables = tables, Bytes = bytes, Entries = entries, LogRecords = logRecords, Damages = damages };
    }

    private sealed class TableProgress(IProgress<VerifyProgress>? whole, long bytesBefore, long totalBytes) : IProgress<long>
    {
        public void Report(long value) => whole?.Report(new VerifyProgress(bytesBefore + value, totalBytes));
    }
}
