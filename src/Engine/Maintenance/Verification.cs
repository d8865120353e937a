using System.Diagnostics;
using Varve.Diagnostics;
using Varve.Levels;
using Varve.Recovery;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>Reads all tables of one view and checks what can be checked.</summary>
internal static class Verification
{
    public static VerifyReport Run(Store store, IProgress<VerifyProgress>? progress, CancellationToken cancellation)
    {
        using Activity? activity = EngineActivities.Start("varve.verify", store.Setup.Directory);
        long started = store.Events.Clock.GetTimestamp();
        Reading.ReadView view = store.Views.Pin();
        try
        {
            VerifyReport report = Run(view.Levels, progress, cancellation);
            TimeSpan duration = store.Events.Clock.GetElapsedTime(started);
            activity?.SetTag("varve.tables", report.Tables);
            activity?.SetTag("varve.read_bytes", report.Bytes);
            activity?.SetTag("varve.damaged_tables", report.Damages.Count);
            store.Events.Post(new VerificationCompletedEvent
            {
                Duration = duration,
                Tables = report.Tables,
                Bytes = report.Bytes,
                DamagedTables = report.Damages.Count,
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

    private static VerifyReport Run(LevelMap levels, IProgress<VerifyProgress>? progress, CancellationToken cancellation)
    {
        var damages = new List<CorruptDataException>();
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

        return new VerifyReport { Tables = tables, Bytes = bytes, Entries = entries, Damages = damages };
    }

    private sealed class TableProgress(IProgress<VerifyProgress>? whole, long bytesBefore, long totalBytes) : IProgress<long>
    {
        public void Report(long value) => whole?.Report(new VerifyProgress(bytesBefore + value, totalBytes));
    }
}
