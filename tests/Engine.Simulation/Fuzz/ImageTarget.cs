using System.Buffers.Binary;
using Varve.Maintenance;
using Varve.Native;
using Varve.Recovery;

namespace Varve.Simulation;

/// <summary>
/// A whole database of which one file was changed and its checksums made to hold again: opened, read in every way, followed, verified,
/// written, closed, and looked at by the inspectors. What it holds is anything; it must be said in answers or typed errors.
/// </summary>
/// <remarks><code>input := image:u8 | file:u8 | (offset:u16 | count:u8 | bytes)*          all modulo what there is</code></remarks>
internal sealed class ImageTarget : FuzzTarget
{
    private const int HeadBytes = 2;
    private const int PatchHeadBytes = 3;

    private readonly Lazy<Base[]> _bases;
    private readonly RegionPool _pool;

    /// <param name="name">Of the target.</param>
    /// <param name="images">The databases.</param>
    /// <param name="isMeant">Which of their files are changed.</param>
    /// <param name="pool">Memory.</param>
    public ImageTarget(string name, Lazy<DamageImage[]> images, Func<string, bool> isMeant, RegionPool pool)
        : base(name)
    {
        _pool = pool;
        _bases = new Lazy<Base[]>(() => [.. images.Value.Select(image => new Base(image, isMeant))]);
    }

    public override IReadOnlyList<byte[]> Seeds { get; } = [[0, 0], [1, 1], [0, 2, 50, 0, 1, 0xFF]];

    public override void Prepare() => _ = _bases.Value;

    public override byte[] Mutate(byte[] input, Random random)
    {
        var patches = new List<byte> { (byte)random.Next(_bases.Value.Length), (byte)random.Next(256) };
        byte[] content = Find(patches[0], patches[1], out _).Content;
        for (int left = random.Next(1, 4); left > 0; left--)
        {
            // Zeroes mostly stand where nothing is read.
            int offset = random.Next(content.Length);
            for (int tries = 0; content[offset] == 0 && tries < 20; tries++) offset = random.Next(content.Length);
            byte[] bytes = random.Next(3) == 0 ? FuzzMutator.DrawNumber(random) : [(byte)(content[offset] ^ 1 << random.Next(8))];
            patches.AddRange([(byte)offset, (byte)(offset >> 8), (byte)bytes.Length, .. bytes]);
        }

        return [.. patches];
    }

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (input.Length < HeadBytes) return;
        FuzzFile file = Find(input[0], input[1], out DamageImage image);
        byte[] content = [.. file.Content];
        for (ReadOnlySpan<byte> rest = input[HeadBytes..]; rest.Length > PatchHeadBytes;)
        {
            int offset = BinaryPrimitives.ReadUInt16LittleEndian(rest) % content.Length;
            int count = Math.Min(rest[2], Math.Min(rest.Length - PatchHeadBytes, content.Length - offset));
            rest.Slice(PatchHeadBytes, count).CopyTo(content.AsSpan(offset));
            rest = rest[(PatchHeadBytes + count)..];
        }

        file.Seal(content);
        Open(image, file.Name, content);
    }

    private FuzzFile Find(int image, int file, out DamageImage found)
    {
        Base chosen = _bases.Value[image % _bases.Value.Length];
        found = chosen.Image;
        return chosen.Files[file % chosen.Files.Count];
    }

    private void Open(DamageImage image, string name, byte[] content)
    {
        var scheduler = new DeterministicScheduler(1) { SwitchPointsMax = 1_000_000 };
        scheduler.Clock.SetUtcNow(image.Time);
        SimulatedDisk disk = image.Disk.Fork();
        disk.WriteAll(DamageImage.PathOf(name), content);
        disk.Faults = call => DamageCheck.CheckRead(disk, call);
        Inspect(disk, name);
        scheduler.Run(() =>
        {
            EngineSetup setup = DamageImage.CreateSetup(disk, scheduler, 1, _pool);
            Database? opened = null;
            if (!Passes(() => opened = Database.Open(setup, new DatabaseOptions()))) return;
            using Database database = opened!;
            Use(database);
        });
        if (disk.OpenFileCount != 0) throw new HistoryViolationException($"{disk.OpenFileCount} files are open after the close");
    }

    private static void Inspect(SimulatedDisk disk, string name)
    {
        new DirectoryInspector(disk, DamageImage.Directory).Run();
        string path = DamageImage.PathOf(name);
        if (name.EndsWith(".log", StringComparison.Ordinal))
            new LogInspector(path, null, static _ => { }).Run(disk, CancellationToken.None);
        if (name.StartsWith("MANIFEST", StringComparison.Ordinal)) ManifestInspector.Run(disk, path);
        if (!name.EndsWith(".table", StringComparison.Ordinal)) return;
        using var inspector = new TableInspector(disk, path, static _ => { });
        inspector.Run(CancellationToken.None);
    }

    private static void Use(Database database)
    {
        using Snapshot snapshot = database.CreateSnapshot();
        byte[] destination = new byte[64 << 10];
        foreach (string name in database.ListMaps())
        {
            SortedMap map = database.GetMap(name);
            var keys = new List<byte[]>();
            Passes(() =>
            {
                foreach (Entry entry in map.All(Direction.Ascending, 2_000, snapshot)) keys.Add(entry.Key.ToArray());
            });
            Passes(() =>
            {
                foreach (Entry entry in map.All(Direction.Descending, 2_000)) _ = entry.Value.Length;
            });
            foreach (byte[] key in keys) Passes(() => map.TryGet(key, destination, out _));
        }

        Passes(() =>
        {
            using var reader = database.CreateChangeReader(database.OldestChangeSequence, new ChangeFeedOptions { PieceBytes = 4096 });
            while (reader.TryRead(out _)) continue;
        });
        Passes(() => database.Verify());
        Passes(() => database.GetMap("later").Put("key"u8, "value"u8, Durability.Synced));
        Passes(() => database.Flush());
        Passes(() => database.Compact());
        Passes(() => database.Close());
    }

    /// <summary>The errors that damage may give.</summary>
    private static bool Passes(Action call)
    {
        try
        {
            call();
            return true;
        }
        catch (Exception error) when (error is CorruptDataException or ChangeHistoryLostException)
        {
            return false;
        }
    }

    private sealed record FuzzFile(string Name, byte[] Content, TableLayout? Table)
    {
        public void Seal(Span<byte> content)
        {
            if (Table is not null) Sealing.SealTable(content, Table);
            else if (Name.EndsWith(".log", StringComparison.Ordinal)) Sealing.SealLog(content);
            else if (Name == "CURRENT") Sealing.SealCurrent(content);
            else Sealing.SealManifest(content);
        }
    }

    private sealed class Base
    {
        public Base(DamageImage image, Func<string, bool> isMeant)
        {
            Image = image;
            Files =
            [
                .. from file in DamageImage.ReadFiles(image.Disk)
                   where isMeant(file.Name) && file.Content.Length > 0
                   let isTable = file.Name.EndsWith(".table", StringComparison.Ordinal)
                   select new FuzzFile(file.Name, file.Content, isTable ? TableLayout.Read(file.Content) : null),
            ];
        }

        public DamageImage Image { get; }

        public IReadOnlyList<FuzzFile> Files { get; }
    }
}
