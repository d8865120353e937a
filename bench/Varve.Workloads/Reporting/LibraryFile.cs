using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Varve.Workloads.Reporting;

/// <summary>
/// Looks into the file of a peer's library. Compiled code calls <c>__assert_fail</c> exactly where an assertion of C was left in, so a
/// library that imports it was built with assertions, and one that does not import it was built without.
/// </summary>
internal static class LibraryFile
{
    private const string AssertionSymbol = "__assert_fail";
    private const uint DynamicSymbolTable = 11;
    private const int SymbolBytes = 24;

    /// <summary>Null when there is no such library, it is not found again, or its file is of another kind.</summary>
    public static bool? HasAssertions(string library)
    {
        if (!OperatingSystem.IsLinux()) return null;
        bool isLoaded = NativeLibrary.TryLoad(library, typeof(LibraryFile).Assembly, DllImportSearchPath.SafeDirectories, out nint handle);
        if (!isLoaded) return null;
        try
        {
            return PathOfLoaded(library) is { } path ? Imports(File.ReadAllBytes(path), AssertionSymbol) : null;
        }
        finally
        {
            NativeLibrary.Free(handle);
        }
    }

    /// <summary>
    /// Whether a shared library of 64-bit little-endian ELF asks others for a symbol; null when the bytes are something else.
    /// </summary>
    public static bool? Imports(ReadOnlySpan<byte> file, string symbol)
    {
        if (!file.StartsWith("\u007fELF\u0002\u0001"u8) || file.Length < 64) return null;
        ulong sections = BinaryPrimitives.ReadUInt64LittleEndian(file[0x28..]);
        int sectionBytes = BinaryPrimitives.ReadUInt16LittleEndian(file[0x3A..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file[0x3C..]);
        if (sectionBytes < 64) return null;
        for (int i = 0; i < count; i++)
        {
            if (!TrySlice(file, sections + (ulong)(i * sectionBytes), 64, out ReadOnlySpan<byte> section)) return null;
            if (BinaryPrimitives.ReadUInt32LittleEndian(section[4..]) != DynamicSymbolTable) continue;
            uint names = BinaryPrimitives.ReadUInt32LittleEndian(section[40..]);
            return TryContent(file, section, out ReadOnlySpan<byte> symbols)
                && TrySlice(file, sections + names * (ulong)sectionBytes, 64, out ReadOnlySpan<byte> namesSection)
                && TryContent(file, namesSection, out ReadOnlySpan<byte> text)
                ? HasUndefined(symbols, text, symbol)
                : null;
        }

        return null;
    }

    private static bool HasUndefined(ReadOnlySpan<byte> symbols, ReadOnlySpan<byte> text, string wanted)
    {
        byte[] name = [.. System.Text.Encoding.ASCII.GetBytes(wanted), 0];
        for (; symbols.Length >= SymbolBytes; symbols = symbols[SymbolBytes..])
        {
            uint at = BinaryPrimitives.ReadUInt32LittleEndian(symbols);
            bool isUndefined = BinaryPrimitives.ReadUInt16LittleEndian(symbols[6..]) == 0;
            if (isUndefined && at < text.Length && text[(int)at..].StartsWith(name)) return true;
        }

        return false;
    }

    private static bool TryContent(ReadOnlySpan<byte> file, ReadOnlySpan<byte> section, out ReadOnlySpan<byte> content) =>
        TrySlice(
            file,
            BinaryPrimitives.ReadUInt64LittleEndian(section[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(section[32..]),
            out content);

    private static bool TrySlice(ReadOnlySpan<byte> file, ulong offset, ulong length, out ReadOnlySpan<byte> slice)
    {
        bool isInside = offset <= (ulong)file.Length && length <= (ulong)file.Length - offset;
        slice = isInside ? file.Slice((int)offset, (int)length) : default;
        return isInside;
    }

    private static string? PathOfLoaded(string library)
    {
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            int at = line.IndexOf('/', StringComparison.Ordinal);
            if (at >= 0 && Path.GetFileName(line[at..]).StartsWith($"lib{library}.so", StringComparison.Ordinal)) return line[at..];
        }

        return null;
    }
}
