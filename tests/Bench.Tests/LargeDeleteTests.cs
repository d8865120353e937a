using Varve.Workloads;
using Varve.Workloads.Large;

namespace Varve.Bench.Tests;

public sealed class LargeDeleteTests
{
    [Fact]
    public void The_range_is_gone_and_the_others_are_there()
    {
        string directory = Directory.CreateTempSubdirectory("varve-largedelete-").FullName;
        try
        {
            using Database database = Database.Open(directory, new DatabaseOptions { Durability = Durability.None });
            string report = new LargeDelete(database, new KeySpace(2_000, valueBytes: 100, seed: 1), deletedCount: 1_000).Run();
            Assert.StartsWith("1,000 of 2,000 keys deleted by one call", report, StringComparison.Ordinal);
            int left = 0;
            foreach (Entry _ in database.GetMap("m").All()) left++;
            Assert.Equal(1_000, left);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
