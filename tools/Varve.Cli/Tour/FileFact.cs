using System.Buffers.Binary;
using System.IO.Enumeration;
using System.Text;

namespace Varve.Cli.Tour;

/// <summary>What the tour knows of a file without asking the database.</summary>
/// <param name="Path">Below the folder, with slashes.</param>
/// <param name="Bytes">The file's length.</param>
/// <param name="Modified">When it was changed last, UTC.</param>
internal readonly record struct FileFact(string Path, long Bytes, DateTime Modified)
{
    private const int TimeBytes = sizeof(long);

    /// <summary>Key of <c>files/by-path</c>: the path in UTF-8.</summary>
    public byte[] PathKey => Encoding.UTF8.GetBytes(Path);

    /// <summary>Key of <c>files/by-time</c>: the time as a big-endian number, so that byte order is time order, then the path.</summary>
    public byte[] TimeKey
    {
        get
        {
            byte[] key = new byte[TimeBytes + Encoding.UTF8.GetByteCount(Path)];
            WriteTime(key, Modified);
            Encoding.UTF8.GetBytes(Path, key.AsSpan(TimeBytes));
            return key;
        }
    }

    /// <summary>Value of <c>files/by-path</c>: length, time.</summary>
    public byte[] PathValue
    {
        get
        {
            byte[] value = new byte[sizeof(long) + TimeBytes];
            BinaryPrimitives.WriteInt64BigEndian(value, Bytes);
            WriteTime(value.AsSpan(sizeof(long)), Modified);
            return value;
        }
    }

    /// <summary>Value of <c>files/by-time</c>: length.</summary>
    public byte[] TimeValue
    {
        get
        {
            byte[] value = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(value, Bytes);
            return value;
        }
    }

    public static FileFact FromPathEntry(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        new(Encoding.UTF8.GetString(key), BinaryPrimitives.ReadInt64BigEndian(value), ReadTime(value[sizeof(long)..]));

    public static FileFact FromTimeEntry(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        new(Encoding.UTF8.GetString(key[TimeBytes..]), BinaryPrimitives.ReadInt64BigEndian(value), ReadTime(key));

    public static byte[] TimeBound(DateTime time)
    {
        byte[] bound = new byte[TimeBytes];
        WriteTime(bound, time);
        return bound;
    }

    /// <summary>All files below a folder; links are not followed, unreadable folders are passed over.</summary>
    public static List<FileFact> ListBelow(string folder, CancellationToken cancellation)
    {
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            IgnoreInaccessible = true,
            AttributesToSkip = FileAttributes.ReparsePoint,
        };
        int rootLength = System.IO.Path.EndsInDirectorySeparator(folder) ? folder.Length : folder.Length + 1;
        var files = new FileSystemEnumerable<FileFact>(folder, Describe, options)
        {
            ShouldIncludePredicate = static (ref FileSystemEntry entry) => !entry.IsDirectory,
        };

        // Names that are no text may look alike; of those one is kept, so that the list is what a map can hold.
        var byPath = new Dictionary<string, FileFact>(StringComparer.Ordinal);
        foreach (FileFact file in files)
        {
            cancellation.ThrowIfCancellationRequested();
            byPath[file.Path] = file;
        }

        return [.. byPath.Values];

        FileFact Describe(ref FileSystemEntry entry)
        {
            string path = entry.ToFullPath()[rootLength..].Replace(System.IO.Path.DirectorySeparatorChar, '/');
            return new FileFact(path, entry.Length, entry.LastWriteTimeUtc.UtcDateTime);
        }
    }

    private static void WriteTime(Span<byte> destination, DateTime time) => BinaryPrimitives.WriteInt64BigEndian(destination, time.Ticks);

    private static DateTime ReadTime(ReadOnlySpan<byte> source) => new(BinaryPrimitives.ReadInt64BigEndian(source), DateTimeKind.Utc);
}
