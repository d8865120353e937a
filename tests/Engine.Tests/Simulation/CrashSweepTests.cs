using System.Text;
using Varve.Files;
using Xunit.Sdk;

namespace Varve.Tests.Simulation;

/// <summary>The canary of all crash tests: a protocol that is known to be right passes, and each known slip is caught.</summary>
public class CrashSweepTests
{
    private const int Seeds = 40;

    public static TheoryData<string> Slips => ["no sync of the new file", "no sync of the directory", "written in place"];

    [Fact]
    public void A_careful_replacement_of_a_file_survives_every_power_cut() => Sweep(slip: "");

    [Theory]
    [MemberData(nameof(Slips))]
    public void A_careless_replacement_is_caught(string slip) => Assert.ThrowsAny<XunitException>(() => Sweep(slip));

    [Fact]
    public void A_careful_replacement_survives_every_failing_call()
    {
        foreach (bool forEver in new[] { false, true })
        {
            int runs = 0;
            CrashSweep.FailEveryCall(WithOldFile, Fault.Error(Errors.NoSpace), forEver, (disk, where) =>
            {
                runs++;
                bool failed = false;
                try
                {
                    Replace(disk, slip: "");
                }
                catch (StorageException)
                {
                    failed = true;
                }

                disk.Faults = null;
                string found = Text(disk);
                Assert.True(found == "new" || (failed && found == "old"), $"{where}: found '{found}'");
            });
            Assert.Equal(6, runs);
        }
    }

    private static void Sweep(string slip)
    {
        CrashSweep.CutPowerAtEveryCall(
            WithOldFile,
            () => new List<string>(),
            (disk, acknowledged) =>
            {
                Replace(disk, slip);
                acknowledged.Add("new");
            },
            (found, acknowledged, where) =>
            {
                string text = found.FileExists("file") ? Text(found) : "absent";
                Assert.True(text == "new" || (acknowledged.Count == 0 && text == "old"), $"{where}: found '{text}'");
            },
            Seeds);
    }

    private static SimulatedDisk WithOldFile()
    {
        var disk = new SimulatedDisk();
        disk.WriteAll("file", "old"u8);
        return disk;
    }

    private static void Replace(SimulatedDisk disk, string slip)
    {
        bool isInPlace = slip == "written in place";
        using (IFile file = isInPlace ? disk.Open("file", FileOpening.ReadWrite) : disk.Open("file.tmp", FileOpening.CreateNew))
        {
            if (isInPlace) file.SetLength(0);
            file.Write("new"u8, 0);
            if (slip != "no sync of the new file") file.Sync();
        }

        if (!isInPlace) disk.Rename("file.tmp", "file");
        if (slip != "no sync of the directory") disk.SyncDirectory("");
    }

    private static string Text(SimulatedDisk disk) => Encoding.Latin1.GetString(disk.ReadAll("file"));
}
