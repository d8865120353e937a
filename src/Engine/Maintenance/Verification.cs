using Varve.Levels;
using Varve.Recovery;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>Reads all tables of one view and checks what can be checked.</summary>
internal static class Verification
{
    public static VerifyReport Run(Store store, IProgress<VerifyProgress>? progress, CancellationToken cancellation)
    {
        Reading.ReadView view = store.Views.Pin();
        try
        {
            return Run(view.Levels, progress, cancellation);
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
