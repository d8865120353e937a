using System.CommandLine;

namespace Varve.Cli.Commands;

/// <summary>First key and first key behind the range; empty: no bound.</summary>
internal readonly record struct KeyBounds(byte[] Start, byte[] End)
{
    public static KeyBounds All { get; } = new([], []);

    public bool IsAll => Start.Length == 0 && End.Length == 0;

    public bool IsEmpty => End.Length > 0 && Start.AsSpan().SequenceCompareTo(End) >= 0;

    /// <summary>What all three leave.</summary>
    public static KeyBounds Of(byte[] prefix, byte[] from, byte[] to)
    {
        byte[] start = from.AsSpan().SequenceCompareTo(prefix) > 0 ? from : prefix;
        byte[] prefixEnd = KeyBehindPrefix(prefix);
        bool endsAtPrefix = to.Length == 0 || (prefixEnd.Length > 0 && prefixEnd.AsSpan().SequenceCompareTo(to) < 0);
        return new KeyBounds(start, endsAtPrefix ? prefixEnd : to);
    }

    /// <summary>The first key behind all that begin with the prefix; empty when there is none.</summary>
    private static byte[] KeyBehindPrefix(ReadOnlySpan<byte> prefix)
    {
        int length = prefix.Length;
        while (length > 0 && prefix[length - 1] == byte.MaxValue) length--;
        if (length == 0) return [];
        byte[] behind = prefix[..length].ToArray();
        behind[^1]++;
        return behind;
    }
}

/// <summary>The options for a part of a map.</summary>
internal sealed class KeyBoundsOptions
{
    public Option<string> Prefix { get; } = new("--prefix", "-p") { Description = "Only keys that begin with this.", HelpName = "KEY" };

    public Option<string> From { get; } = new("--from") { Description = "Only keys from this one on (inclusive).", HelpName = "KEY" };

    public Option<string> To { get; } = new("--to") { Description = "Only keys before this one (exclusive).", HelpName = "KEY" };

    public Option<bool> Hex { get; } = Inputs.Hex("--prefix, --from and --to are");

    public KeyBounds Read(ParseResult parsed)
    {
        bool isHex = parsed.GetValue(Hex);
        return KeyBounds.Of(
            Inputs.Bytes(parsed.GetValue(Prefix) ?? "", isHex, "prefix"),
            Inputs.Bytes(parsed.GetValue(From) ?? "", isHex, "first key"),
            Inputs.Bytes(parsed.GetValue(To) ?? "", isHex, "end key"));
    }
}
