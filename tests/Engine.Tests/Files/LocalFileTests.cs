using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Varve.Files;
using Varve.Tests.House;

namespace Varve.Tests.Files;

public sealed unsafe class LocalFileTests : IDisposable
{
    private const int InputOutput = 5;
    private const int BadDescriptor = 9;
    private const int InvalidArgument = 22;
    private const int NoSpace = 28;

    private readonly TemporaryDirectory _directory = new();
    private readonly LocalFileSystem _files = LocalFileSystem.Instance;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Stores_into_a_mapped_file_are_read_at_once_and_stay_when_the_mapping_is_gone()
    {
        if (!OperatingSystem.IsLinux()) return;
        const int Bytes = 80 << 10;
        using IFile file = _files.Open(_directory.Of("mapped"), FileOpening.CreateNew);
        file.Allocate(Bytes);
        file.Write(new byte[Bytes], 0);
        IFileMapping? mapping = file.TryMap(Bytes);

        // Refused on file systems that are not known to overwrite in place.
        if (mapping is null) return;
        Assert.Equal(Bytes, mapping.Bytes.Length);
        Assert.True(mapping.TryPrepare(0, 4 << 10));
        Assert.True(mapping.TryPrepare(5_000, 60_000));
        "stored"u8.CopyTo(mapping.Bytes[5_000..]);
        mapping.OnStored(5_000, 6);
        byte[] read = new byte[6];
        file.Read(read, 5_000);
        Assert.Equal("stored"u8.ToArray(), read);
        file.Write("written"u8, 70_000);
        Assert.Equal("written"u8.ToArray(), mapping.Bytes.Slice(70_000, 7).ToArray());

        mapping.Dispose();
        mapping.Dispose();
        Assert.Equal(0, mapping.Bytes.Length);
        using IFile again = _files.Open(_directory.Of("mapped"), FileOpening.Read);
        again.Read(read, 5_000);
        Assert.Equal("stored"u8.ToArray(), read);
        Assert.Null(again.TryMap(Bytes));
    }

    [Fact]
    public void What_is_written_is_read_back_at_any_place()
    {
        for (int seed = 1; seed <= 5; seed++)
        {
            var random = new Random(seed);
            using IFile file = _files.Open(_directory.Of($"file-{seed}"), FileOpening.CreateNew);
            byte[] model = new byte[300_000];
            long length = 0;
            for (int step = 0; step < 200; step++)
            {
                int offset = random.Next(model.Length);
                int count = random.Next(model.Length - offset) / (1 + random.Next(100));
                if (random.Next(2) == 0)
                {
                    random.NextBytes(model.AsSpan(offset, count));
                    file.Write(model.AsSpan(offset, count), offset);
                    if (count > 0) length = Math.Max(length, offset + count);
                }
                else
                {
                    byte[] destination = new byte[count];
                    int read = file.Read(destination, offset);
                    int expected = (int)Math.Clamp(length - offset, 0, count);
                    Assert.True(expected == read, $"seed {seed}, step {step}: read {read} of {count} at {offset}, length {length}");
                    bool isEqual = destination.AsSpan(0, read).SequenceEqual(model.AsSpan(offset, read));
                    Assert.True(isEqual, $"seed {seed}, step {step}: content at {offset}");
                }

                Assert.True(length == file.Length, $"seed {seed}, step {step}: length {file.Length}, expected {length}");
            }
        }
    }

    [Fact]
    public void A_file_reopened_has_its_content_and_says_where_it_is()
    {
        string path = _directory.Of("file");
        using (IFile file = _files.Open(path, FileOpening.CreateNew))
        {
            file.Write("abcdef"u8, 0);
            file.Sync();
            Assert.Equal(path, file.Path);
            Assert.Equal(1, file.WriteAlignment);
        }

        using (IFile file = _files.Open(path, FileOpening.ReadWrite)) file.Write("XY"u8, 2);
        using IFile reading = _files.Open(path, FileOpening.Read);
        reading.AdviseRandomReads();
        byte[] destination = new byte[10];
        Assert.Equal(6, reading.Read(destination, 0));
        Assert.Equal("abXYef"u8.ToArray(), destination[..6]);
        Assert.Equal(0, reading.Read(destination, 6));
    }

    [Fact]
    public void A_file_opened_for_reading_takes_no_writes()
    {
        string path = _directory.Of("file");
        File.WriteAllText(path, "kept");
        using IFile file = _files.Open(path, FileOpening.Read);
        Assert.Equal(BadDescriptor, Assert.Throws<StorageException>(() => file.Write("x"u8, 0)).ErrorCode);
        Assert.Throws<StorageException>(() => file.SetLength(0));
        Assert.Throws<StorageException>(() => file.Allocate(100));
        Assert.Equal("kept", File.ReadAllText(path));
    }

    [Fact]
    public void A_length_set_cuts_and_extends_with_zeroes()
    {
        using IFile file = _files.Open(_directory.Of("file"), FileOpening.CreateNew);
        file.Write("abcdef"u8, 0);
        file.SetLength(3);
        file.SetLength(6);
        byte[] destination = new byte[6];
        Assert.Equal(6, file.Read(destination, 0));
        Assert.Equal("abc\0\0\0"u8.ToArray(), destination);
    }

    [Fact]
    public void Allocation_takes_the_space_keeps_the_content_and_never_shortens()
    {
        string path = _directory.Of("file");
        using IFile file = _files.Open(path, FileOpening.CreateNew);
        file.Write("abc"u8, 0);
        file.Allocate(64 << 20);
        Assert.Equal(64 << 20, file.Length);
        if (OperatingSystem.IsLinux()) Assert.InRange(BytesOnDisk(path), 64 << 20, 65 << 20);
        byte[] destination = new byte[8];
        Assert.Equal(8, file.Read(destination, 0));
        Assert.Equal("abc\0\0\0\0\0"u8.ToArray(), destination);

        file.Allocate(100);
        file.Allocate(0);
        Assert.Equal(64 << 20, file.Length);
    }

    [Fact]
    public void A_direct_file_takes_aligned_writes_and_reads_anywhere()
    {
        string path = _directory.Of("file");
        using IFile file = _files.Open(path, FileOpening.CreateNewDirect);
        int alignment = Math.Max(file.WriteAlignment, 4096);
        Assert.True(int.IsPow2(file.WriteAlignment));
        if (IsOnExt4(path)) Assert.Equal(4096, file.WriteAlignment);

        const int length = 1_000_003;
        int padded = (length + alignment - 1) / alignment * alignment;
        byte* memory = (byte*)NativeMemory.AlignedAlloc((nuint)padded, (nuint)alignment);
        try
        {
            var content = new Span<byte>(memory, padded);
            new Random(1).NextBytes(content);
            file.Write(content, 0);
            file.SetLength(length);
            file.Sync();
            Assert.Equal(length, file.Length);
            Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(content[..length]));

            var random = new Random(2);
            for (int i = 0; i < 100; i++)
            {
                int offset = random.Next(length + 10);
                byte[] destination = new byte[random.Next(i % 10 == 0 ? length : 10_000)];
                int expected = Math.Clamp(length - offset, 0, destination.Length);
                Assert.Equal(expected, file.Read(destination, offset));
                if (expected == 0) continue;
                bool isEqual = destination.AsSpan(0, expected).SequenceEqual(content.Slice(offset, expected));
                Assert.True(isEqual, $"seed 2, read {i} at {offset}");
            }
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    [Fact]
    public void A_direct_file_is_empty_whatever_was_tried_to_find_its_alignment()
    {
        // A file system in memory, which reports no alignment.
        if (!Directory.Exists("/dev/shm")) return;
        string path = $"/dev/shm/varve-test-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}";
        using IFile file = _files.Open(path, FileOpening.CreateNewDirect);
        File.Delete(path);
        Assert.Equal(0, file.Length);

        int bytes = Math.Max(file.WriteAlignment, 4096);
        byte* memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, (nuint)bytes);
        new Span<byte>(memory, bytes).Fill(9);
        file.Write(new Span<byte>(memory, bytes), 0);
        NativeMemory.AlignedFree(memory);

        byte[] destination = new byte[10];
        Assert.Equal(10, file.Read(destination, 3));
        Assert.All(destination, value => Assert.Equal(9, value));
    }

    [Fact]
    public void A_direct_file_refuses_what_is_not_aligned()
    {
        using IFile file = _files.Open(_directory.Of("file"), FileOpening.CreateNewDirect);
        if (file.WriteAlignment == 1) return;

        byte* memory = (byte*)NativeMemory.AlignedAlloc(3 * 4096, 4096);
        Assert.Throws<InvariantViolatedException>(() => file.Write(new Span<byte>(memory, 4095), 0));
        Assert.Throws<InvariantViolatedException>(() => file.Write(new Span<byte>(memory, 4096), 512));
        Assert.Throws<InvariantViolatedException>(() => file.Write(new Span<byte>(memory + 8, 4096), 0));
        Assert.Equal(0, file.Length);
        NativeMemory.AlignedFree(memory);
    }

    [Fact]
    public void Errors_of_the_system_are_told()
    {
        if (!OperatingSystem.IsLinux()) return;

        // Devices that fail: one is always full and has nothing to sync, the other has nothing at address 0.
        using IFile full = _files.Open("/dev/full", FileOpening.ReadWrite);
        var failedWrite = Assert.Throws<StorageException>(() => full.Write("x"u8, 0));
        Assert.Equal(NoSpace, failedWrite.ErrorCode);
        Assert.Equal("pwrite", failedWrite.Operation);
        Assert.Equal("/dev/full", failedWrite.Path);
        Assert.Contains("No space left", failedWrite.Message, StringComparison.Ordinal);

        var failedSync = Assert.Throws<StorageException>(full.Sync);
        Assert.Equal(InvalidArgument, failedSync.ErrorCode);
        Assert.Equal("fdatasync", failedSync.Operation);

        using IFile memory = _files.Open("/proc/self/mem", FileOpening.Read);
        var failedRead = Assert.Throws<StorageException>(() => memory.Read(new byte[1], 0));
        Assert.Equal(InputOutput, failedRead.ErrorCode);
        Assert.Equal("pread", failedRead.Operation);
    }

    [Fact]
    public void A_read_goes_on_after_the_system_gave_less()
    {
        // Files of this file system are given out a page at a time.
        if (!OperatingSystem.IsLinux()) return;
        using IFile file = _files.Open("/proc/self/maps", FileOpening.Read);
        byte[] destination = new byte[16 << 10];
        Assert.Equal(destination.Length, file.Read(destination, 0));
    }

    [Fact]
    public void A_disposed_file_throws()
    {
        IFile file = _files.Open(_directory.Of("file"), FileOpening.CreateNew);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Read(new byte[1], 0));
        Assert.Throws<ObjectDisposedException>(() => file.Write(new byte[1], 0));
        Assert.Throws<ObjectDisposedException>(file.Sync);
    }

    [Fact]
    public void Reads_and_writes_allocate_nothing()
    {
        using IFile file = _files.Open(_directory.Of("file"), FileOpening.CreateNew);
        byte[] buffer = new byte[4096];
        Assert.Equal(0, Allocated.By(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                file.Write(buffer, i * 4096L);
                file.Read(buffer, i * 4096L);
                _ = file.Length;
            }

            file.Sync();
        }));
    }

    private static long BytesOnDisk(string path)
    {
        var start = new ProcessStartInfo("stat", ["--format=%b", path]) { RedirectStandardOutput = true };
        using Process stat = Process.Start(start)!;
        return long.Parse(stat.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture) * 512;
    }

    private static bool IsOnExt4(string path) => OperatingSystem.IsLinux() && new DriveInfo(path).DriveFormat == "ext4";
}
