using Varve.Tables;

namespace Varve.Compaction;

/// <summary>Deletes the files of tables that no map holds and nobody reads any more.</summary>
internal static class ObsoleteTables
{
    public static void Delete(TableStore store)
    {
        foreach (long number in store.TakeDeletable())
        {
            try
            {
                store.Delete(number);
            }
            catch (StorageException)
            {
                // No manifest names the file: the next open deletes it.
            }
        }
    }
}
