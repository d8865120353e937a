using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using Varve.Bytes;
using Varve.Files;
using Varve.Levels;
using Varve.Tables;

namespace Varve.Maintenance;

// description := magic:u64 | version:u32 | editBytes:u32 | databaseId:16 | number:u64 | created:u64 | sequence:u64 | edit | checksum:u32
// The edit is a manifest's with the whole state; the checksum covers all before it, salted with the number (docs/formats/backup.md).

/// <summary>What a backup version consists of: a file in the backup's directory, written last. Reading never trusts it.</summary>
/// <param name="Number">Counts up from 1.</param>
/// <param name="CreatedMilliseconds">Since 1970 UTC.</param>
/// <param name="Sequence">What it shows.</param>
/// <param name="State">Tables by level, and what else a manifest says.</param>
internal sealed record BackupDescription(long Number, long CreatedMilliseconds, ulong Sequence, ManifestState State)
{
    /// <summary>Longer than the description of any database that fits on a disk.</summary>
    public const int BytesMax = 1 << 30;

    private const ulong Magic = 0x4B42_4556_5241_56; // "VARVEBK\0"
    private const uint Version = 1;
    private const string NamePrefix = "VERSION-";
    private const string TableSuffix = ".table";
    private const int SaltDigits = 16;
    private const int VersionOffset = 8;
    private const int EditBytesOffset = 12;
    private const int DatabaseIdOffset = 16;
    private const int NumberOffset = 32;
    private const int CreatedOffset = 40;
    private const int SequenceOffset = 48;
    private const int HeaderBytes = 56;

    public string FileName => FileNameOf(Number);

    public long TableBytes => State.Tables.Sum(table => table.Info.FileBytes);

    public static string FileNameOf(long number) => NamePrefix + number.ToString("D6", CultureInfo.InvariantCulture);

    /// <summary>A table under its number and salt: the name says which content it is, in whatever backup.</summary>
    public static string TableName(TableInfo table) =>
        string.Create(CultureInfo.InvariantCulture, $"{table.Number:D6}-{table.Salt:x16}{TableSuffix}");

    /// <summary>True for names that only backups give; a database's tables have others.</summary>
    public static bool IsTableName(string name)
    {
        if (!name.EndsWith(TableSuffix, StringComparison.Ordinal)) return false;
        string[] parts = name[..^TableSuffix.Length].Split('-');
        return parts.Length == 2
            && parts[1].Length == SaltDigits
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out _)
            && ulong.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _);
    }

    public static bool TryParseFileName(string name, out long number)
    {
        number = 0;
        return name.StartsWith(NamePrefix, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(NamePrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && name == FileNameOf(number);
    }

    public byte[] Encode()
    {
        var edit = new ArrayBufferWriter<byte>();
        LevelEditCodec.Encode(State.ToEdit(), edit);
        byte[] file = new byte[HeaderBytes + edit.WrittenCount + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(file, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(VersionOffset), Version);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(EditBytesOffset), edit.WrittenCount);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(DatabaseIdOffset), State.DatabaseId.Low);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(DatabaseIdOffset + sizeof(ulong)), State.DatabaseId.High);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(NumberOffset), Number);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(CreatedOffset), CreatedMilliseconds);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(SequenceOffset), Sequence);
        edit.WrittenSpan.CopyTo(file.AsSpan(HeaderBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(file.Length - sizeof(uint)), Checksum(file, Number));
        return file;
    }

    /// <summary>Null when the bytes are a description with this number; else what is wrong with them.</summary>
    public static string? Decode(ReadOnlySpan<byte> file, long number, out BackupDescription? description)
    {
        description = null;
        if (file.Length < HeaderBytes + sizeof(uint)) return $"{file.Length} bytes, too few for a backup version";
        if (BinaryPrimitives.ReadUInt64LittleEndian(file) != Magic) return "this is no backup version: the magic number is missing";
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(file[^sizeof(uint)..]);
        uint actual = Checksum(file, number);
        if (stored != actual) return $"checksum {actual:x8}, expected {stored:x8}";
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(file[VersionOffset..]);
        if (version != Version) return $"backup format {version}, expected {Version}";
        uint editBytes = BinaryPrimitives.ReadUInt32LittleEndian(file[EditBytesOffset..]);
        if (editBytes != file.Length - HeaderBytes - sizeof(uint)) return $"{editBytes} bytes of tables in a file of {file.Length}";
        long statedNumber = BinaryPrimitives.ReadInt64LittleEndian(file[NumberOffset..]);
        long created = BinaryPrimitives.ReadInt64LittleEndian(file[CreatedOffset..]);
        if (statedNumber != number) return $"backup version {statedNumber} under the name of version {number}";
        if (created < 0 || created > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()) return $"{created} ms since 1970 is no time";
        if (!LevelEditCodec.TryDecode(file.Slice(HeaderBytes, (int)editBytes), out LevelEdit? edit)) return "its tables cannot be decoded";
        var id = new DatabaseId(
            High: BinaryPrimitives.ReadUInt64LittleEndian(file[(DatabaseIdOffset + sizeof(ulong))..]),
            Low: BinaryPrimitives.ReadUInt64LittleEndian(file[DatabaseIdOffset..]));
        var state = new ManifestState(id);
        if (!state.TryApply(edit, out string? problem)) return problem;
        if (state.FindProblem() is { } clash) return clash;
        ulong sequence = BinaryPrimitives.ReadUInt64LittleEndian(file[SequenceOffset..]);
        description = new BackupDescription(number, created, sequence, state);
        return null;
    }

    /// <exception cref="CorruptDataException">The file is missing, or no description.</exception>
    public static BackupDescription Load(IFileSystem files, string directory, long number)
    {
        string path = Path.Combine(directory, FileNameOf(number));
        using IFile file = files.Open(path, FileOpening.Read);
        long length = file.Length;
        if (length > BytesMax) throw new CorruptDataException(path, 0, $"{length} bytes, expected at most {BytesMax}");
        byte[] bytes = new byte[length];
        int read = file.Read(bytes, 0);
        string? problem = Decode(bytes.AsSpan(0, read), number, out BackupDescription? description);
        return description ?? throw new CorruptDataException(path, 0, problem!);
    }

    public BackupVersion Describe() => new()
    {
        Number = Number,
        Created = DateTimeOffset.FromUnixTimeMilliseconds(CreatedMilliseconds),
        DatabaseId = State.DatabaseId.ToString(),
        Sequence = Sequence,
        Tables = State.Tables.Count,
        Bytes = TableBytes,
    };

    private static uint Checksum(ReadOnlySpan<byte> file, long number) =>
        Crc32C.ComputeSalted(file[..^sizeof(uint)], (ulong)number, offset: 0);
}
