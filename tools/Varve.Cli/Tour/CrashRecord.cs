using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace Varve.Cli.Tour;

/// <summary>What the process that is killed writes: the n-th batch puts n into two maps. The content follows from n.</summary>
internal static class CrashRecord
{
    public const string ByNumberName = "crash/by-number";
    public const string ByContentName = "crash/by-content";

    /// <summary>Ends a whole line: a line that the kill has cut lacks it.</summary>
    private const string LineEnd = " .";

    public static byte[] Key(long number)
    {
        byte[] key = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(key, number);
        return key;
    }

    public static byte[] Content(long number) => SHA256.HashData(Key(number));

    // acknowledgement := number " " sequence " ."
    public static string FormatAcknowledgement(long number, ulong sequence) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {sequence}{LineEnd}");

    public static bool TryParseAcknowledgement(string line, out long number, out ulong sequence)
    {
        number = 0;
        sequence = 0;
        if (!line.EndsWith(LineEnd, StringComparison.Ordinal)) return false;
        string[] parts = line[..^LineEnd.Length].Split(' ');
        return parts.Length == 2
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out sequence);
    }
}
