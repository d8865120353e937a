namespace Varve.Simulation;

/// <summary>One damage: a file that has another content, or none.</summary>
/// <param name="Name">The file.</param>
/// <param name="What">What was done to it.</param>
/// <param name="Content">What it holds now; null: it is gone.</param>
internal sealed record DamagedFile(string Name, string What, byte[]? Content);

/// <summary>Every damage there is to the files of an image, each by its number: the same number is always the same damage.</summary>
internal sealed class DamageSpace
{
    private const int SectorBytes = 512;
    private const int PageBytes = 4096;

    private readonly List<Family> _families = [];

    public DamageSpace(DamageImage image)
    {
        Dictionary<string, byte[]> files = DamageImage.ReadFiles(image.Disk).ToDictionary(file => file.Name, file => file.Content);
        foreach ((string name, byte[] sound) in files)
        {
            var file = new FileFamilies(this, name, sound);
            file.AddFlips();
            file.AddCuts();
            file.AddFilled();
            file.AddSwapped();
            file.AddWhole();
            string kind = KindOf(name);
            foreach ((string otherName, byte[] other) in files)
            {
                if (otherName != name && KindOf(otherName) == kind) file.AddOther($"of {otherName}", other);
            }

            foreach ((string olderName, byte[] older) in image.Older)
            {
                if (olderName == name) file.AddOther("of an older copy of itself", older);
            }

            foreach ((string foreignName, byte[] foreign) in image.Foreign)
            {
                if (foreignName == name) file.AddOther("of another database", foreign);
            }
        }
    }

    public long Count { get; private set; }

    /// <summary>The damage of a number below <see cref="Count"/>.</summary>
    public DamagedFile this[long number]
    {
        get
        {
            int low = 0;
            int high = _families.Count - 1;
            while (low < high)
            {
                int middle = (low + high + 1) / 2;
                if (_families[middle].First <= number) low = middle;
                else high = middle - 1;
            }

            Family family = _families[low];
            return family.Make((int)(number - family.First));
        }
    }

    /// <summary>One of them: first the file is drawn, then the way, then the place: long files do not crowd out the others.</summary>
    public long Draw(Random random)
    {
        string[] names = [.. _families.Select(family => family.Name).Distinct()];
        string name = names[random.Next(names.Length)];
        Family[] families = [.. _families.Where(family => family.Name == name)];
        Family chosen = families[random.Next(families.Length)];
        return chosen.First + random.Next(chosen.Count);
    }

    public static string KindOf(string name) => Path.GetExtension(name) is { Length: > 0 } extension ? extension : name.Split('-')[0];

    private void Add(string name, int count, Func<int, DamagedFile> make)
    {
        if (count == 0) return;
        _families.Add(new Family(name, Count, count, make));
        Count += count;
    }

    private sealed record Family(string Name, long First, int Count, Func<int, DamagedFile> Make);

    private sealed class FileFamilies(DamageSpace space, string name, byte[] sound)
    {
        public void AddFlips()
        {
            Add(sound.Length, at => ($"bit {at % 8} of byte {at} flipped", Change(bytes => bytes[at] ^= (byte)(1 << at % 8))));
            Add(sound.Length, at => ($"byte {at} inverted", Change(bytes => bytes[at] ^= 0xFF)));
        }

        public void AddCuts() => Add(sound.Length, length => ($"cut to {length} bytes", sound[..length]));

        public void AddFilled()
        {
            foreach (int pieceBytes in (int[])[16, SectorBytes, PageBytes])
            {
                Add(PieceCount(pieceBytes), piece => Fill(piece * pieceBytes, pieceBytes, 0));
                Add(PieceCount(pieceBytes), piece => Fill(piece * pieceBytes, pieceBytes, 0xFF));
            }
        }

        /// <summary>Two pieces in each other's place, the second at every distance.</summary>
        public void AddSwapped()
        {
            foreach (int pieceBytes in (int[])[SectorBytes, PageBytes])
            {
                int pieces = sound.Length / pieceBytes;
                int pairs = pieces * (pieces - 1) / 2;
                Add(pairs, pair =>
                {
                    int first = 0;
                    while (pair >= pieces - 1 - first) pair -= pieces - 1 - first++;
                    return Swap(first * pieceBytes, (first + 1 + pair) * pieceBytes, pieceBytes);
                });
            }
        }

        public void AddWhole()
        {
            Add(1, _ => ("deleted", null));
            Add(1, _ => ("doubled", (byte[])[.. sound, .. sound]));
            foreach (int bytes in (int[])[1, 8, PageBytes])
                Add(1, _ => ($"made longer by {bytes} zero bytes", (byte[])[.. sound, .. new byte[bytes]]));
            Add(1, _ => ("made longer by its own last 96 bytes", (byte[])[.. sound, .. sound[^Math.Min(96, sound.Length)..]]));
        }

        /// <summary>Another content as a whole, and piece by piece at the same position.</summary>
        public void AddOther(string what, byte[] other)
        {
            Add(1, _ => ($"replaced by the content {what}", other));
            foreach (int pieceBytes in (int[])[SectorBytes, PageBytes])
            {
                int pieces = (Math.Min(sound.Length, other.Length) + pieceBytes - 1) / pieceBytes;
                Add(pieces, piece =>
                {
                    int offset = piece * pieceBytes;
                    int bytes = Math.Min(pieceBytes, Math.Min(sound.Length, other.Length) - offset);
                    return ($"bytes {offset} to {offset + bytes} are those {what}",
                        Change(content => other.AsSpan(offset, bytes).CopyTo(content.AsSpan(offset))));
                });
            }
        }

        private int PieceCount(int pieceBytes) => (sound.Length + pieceBytes - 1) / pieceBytes;

        private (string, byte[]?) Fill(int offset, int pieceBytes, byte value)
        {
            int bytes = Math.Min(pieceBytes, sound.Length - offset);
            return ($"bytes {offset} to {offset + bytes} are {value:x2}", Change(content => content.AsSpan(offset, bytes).Fill(value)));
        }

        private (string, byte[]?) Swap(int first, int second, int bytes) =>
            ($"{bytes} bytes at {first} and {second} swapped", Change(content =>
            {
                sound.AsSpan(second, bytes).CopyTo(content.AsSpan(first));
                sound.AsSpan(first, bytes).CopyTo(content.AsSpan(second));
            }));

        private byte[] Change(Action<byte[]> change)
        {
            byte[] content = [.. sound];
            change(content);
            return content;
        }

        private void Add(int count, Func<int, (string What, byte[]? Content)> make) => space.Add(name, count, at =>
        {
            (string what, byte[]? content) = make(at);
            return new DamagedFile(name, what, content);
        });
    }
}
