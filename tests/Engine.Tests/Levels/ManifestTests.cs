using System.Text;
using Varve.Bytes;
using Varve.Levels;
using Varve.Runtime;

namespace Varve.Tests.Levels;

public class ManifestTests
{
    private const string Directory = "db";
    private const string Current = "db/CURRENT";
    private const string FirstManifest = "db/MANIFEST-000001";

    [Fact]
    public void A_directory_without_tables_and_logs_is_a_new_database()
    {
        SimulatedDisk disk = MakeDisk();
        Assert.Null(Manifest.Load(disk, Directory));
        disk.WriteAll("db/LOCK", []);
        disk.WriteAll(FirstManifest, [1, 2, 3]);
        disk.WriteAll("db/CURRENT.tmp", []);
        Assert.Null(Manifest.Load(disk, Directory));
    }

    [Theory]
    [InlineData("000007.table")]
    [InlineData("0001.log")]
    public void A_missing_CURRENT_beside_data_is_damage(string name)
    {
        SimulatedDisk disk = MakeDisk();
        disk.WriteAll($"{Directory}/{name}", []);
        CorruptDataException damage = Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
        Assert.EndsWith("CURRENT", damage.Path, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_manifest_is_damage()
    {
        (SimulatedDisk disk, _) = MakeDatabase(2);
        disk.Remove(FirstManifest);
        Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
    }

    [Fact]
    public void Every_changed_byte_of_CURRENT_is_found()
    {
        (SimulatedDisk disk, _) = MakeDatabase(1);
        byte[] whole = disk.ReadAll(Current);
        for (int i = 0; i < whole.Length; i++)
        {
            foreach (byte flip in (byte[])[0x01, 0x20, 0x80])
            {
                byte[] bytes = [.. whole];
                bytes[i] ^= flip;
                disk.WriteAll(Current, bytes);
                Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
            }

            disk.WriteAll(Current, whole[..i]);
            Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
        }

        disk.WriteAll(Current, [.. whole, (byte)'\n']);
        Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
        disk.WriteAll(Current, Encoding.ASCII.GetBytes(new string('M', 1_000_000)));
        Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
    }

    [Fact]
    public void Every_changed_byte_of_the_manifest_is_found_unless_it_is_in_the_last_frame()
    {
        (SimulatedDisk disk, List<string> states) = MakeDatabase(4);
        byte[] whole = disk.ReadAll(FirstManifest);
        int lastFrame = LengthAfter(3);
        for (int i = 0; i < whole.Length; i++)
        {
            byte[] bytes = [.. whole];
            bytes[i] ^= (byte)(1 << (i % 8));
            disk.WriteAll(FirstManifest, bytes);
            if (i < lastFrame)
                Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
            else
                Assert.Equal(states[3], ManifestText.Of(Manifest.Load(disk, Directory)!));
        }
    }

    [Fact]
    public void A_manifest_cut_anywhere_gives_the_state_after_its_last_whole_frame()
    {
        (SimulatedDisk disk, List<string> states) = MakeDatabase(4);
        byte[] whole = disk.ReadAll(FirstManifest);
        for (int length = 0; length <= whole.Length; length++)
        {
            disk.WriteAll(FirstManifest, whole[..length]);
            int count = 0;
            while (count < 4 && LengthAfter(count + 1) <= length) count++;
            if (count == 0)
                Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
            else
                Assert.Equal(states[count], ManifestText.Of(Manifest.Load(disk, Directory)!));
        }
    }

    [Fact]
    public void Frames_of_another_manifest_or_place_do_not_pass()
    {
        (SimulatedDisk disk, List<string> states) = MakeDatabase(4);
        byte[] whole = disk.ReadAll(FirstManifest);
        (int second, int third, int end) = (LengthAfter(2), LengthAfter(3), LengthAfter(4));
        Assert.Equal(third - second, end - third);

        byte[] swapped = [.. whole[..second], .. whole[third..end], .. whole[second..third]];
        disk.WriteAll(FirstManifest, swapped);
        Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
        disk.WriteAll(FirstManifest, [.. whole[..third], .. whole[second..third]]);
        Assert.Equal(states[3], ManifestText.Of(Manifest.Load(disk, Directory)!));

        (SimulatedDisk other, _) = MakeDatabase(4, seed: 99);
        disk.WriteAll(FirstManifest, [.. whole[..third], .. other.ReadAll(FirstManifest)[third..]]);
        Assert.Equal(states[3], ManifestText.Of(Manifest.Load(disk, Directory)!));
        disk.WriteAll(FirstManifest, other.ReadAll(FirstManifest));
        Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
    }

    [Fact]
    public void Bytes_that_were_never_a_frame_are_ignored_at_the_end_only()
    {
        (SimulatedDisk disk, List<string> states) = MakeDatabase(3);
        byte[] whole = disk.ReadAll(FirstManifest);
        disk.WriteAll(FirstManifest, [.. whole, .. new byte[5_000]]);
        Assert.Equal(states[3], ManifestText.Of(Manifest.Load(disk, Directory)!));
        byte[] zeroed = [.. whole];
        zeroed.AsSpan(LengthAfter(1), LengthAfter(2) - LengthAfter(1)).Clear();
        disk.WriteAll(FirstManifest, zeroed);
        CorruptDataException damage = Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
        Assert.Equal(LengthAfter(1), damage.Offset);
    }

    [Fact]
    public void Tables_that_share_keys_are_damage()
    {
        SimulatedDisk disk = MakeDisk();
        using var writer = new ManifestWriter(disk, Directory, new ManifestState(default), new FixedRandomSource(1));
        writer.Append(new LevelEdit());
        writer.Append(Adding(2, TestTables.Info(1, "a", "m")));
        writer.Append(Adding(2, TestTables.Info(2, "m", "z")));
        Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
    }

    [Fact]
    public void A_next_file_number_that_a_table_has_is_damage()
    {
        SimulatedDisk disk = MakeDisk();
        using var writer = new ManifestWriter(disk, Directory, new ManifestState(default), new FixedRandomSource(1));
        writer.Append(new LevelEdit());
        writer.Append(Adding(2, TestTables.Info(7, "a", "m")));
        writer.Append(new LevelEdit { NextFileNumber = 8 });
        Assert.Equal(8, Manifest.Load(disk, Directory)!.NextFileNumber);
        writer.Append(new LevelEdit { NextFileNumber = 7 });
        Assert.Throws<CorruptDataException>(() => Manifest.Load(disk, Directory));
    }

    private static LevelEdit Adding(int level, Varve.Tables.TableInfo info)
    {
        var edit = new LevelEdit();
        edit.Add(level, info);
        return edit;
    }

    private static readonly int[] Lengths =
        Array.ConvertAll([0, 1, 2, 3, 4], count => count == 0 ? 0 : MakeDatabase(count).Disk.ReadAll(FirstManifest).Length);

    private static int LengthAfter(int frameCount) => Lengths[frameCount];

    private static SimulatedDisk MakeDisk()
    {
        var disk = new SimulatedDisk();
        disk.CreateDirectory(Directory);
        return disk;
    }

    /// <summary>A manifest of some frames, and the state after each count of them.</summary>
    private static (SimulatedDisk Disk, List<string> States) MakeDatabase(int frameCount, int seed = 1)
    {
        SimulatedDisk disk = MakeDisk();
        var states = new List<string> { "" };
        using var writer = new ManifestWriter(disk, Directory, new ManifestState(new DatabaseId(7, 8)), new FixedRandomSource(seed));
        for (int i = 1; i <= frameCount; i++)
        {
            LevelEdit edit = Adding(0, TestTables.Info(i, "a", "z", (ulong)i, (ulong)i));
            edit.FlushedSequence = (ulong)i;
            writer.Append(edit);
            states.Add(ManifestText.Of(writer.State));
        }

        return (disk, states);
    }
}

/// <summary>Salts that are the same in every run.</summary>
internal sealed class FixedRandomSource(int seed) : RandomSource
{
    private readonly Random _random = new(seed);

    public override void Fill(Span<byte> destination) => _random.NextBytes(destination);
}
