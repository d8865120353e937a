namespace Varve.Mcp.Cli.Servers;

/// <summary>
/// What the servers take at most. Part of the tools' schemas, and checked before a tool runs. Characters are code points; with the longest
/// texts a row stays near <see cref="ValueBytes"/>.
/// </summary>
internal static class Limits
{
    /// <summary>Of an id, or a short name.</summary>
    public const int NameChars = 200;

    /// <summary>The longest e-mail address there is.</summary>
    public const int AddressChars = 320;

    /// <summary>Of a sentence or two.</summary>
    public const int LineChars = 1_000;

    public const int TextChars = 10_000;

    /// <summary>Of a file's content.</summary>
    public const int ContentChars = 250_000;

    /// <summary>Members of an object, and items that go into one row.</summary>
    public const int Members = 100;

    /// <summary>Operations of a batch.</summary>
    public const int Operations = 1_000;

    /// <summary>Entries of a list or a page.</summary>
    public const int Entries = 1_000;

    /// <summary>Of a key of a map.</summary>
    public const int KeyBytes = 4 << 10;

    /// <summary>Of a page's bound: a page may end at a key that somebody else wrote, and is as long as the engine takes.</summary>
    public const int BoundBytes = 16 << 10;

    /// <summary>Of a map's name.</summary>
    public const int MapNameBytes = 255;

    /// <summary>Of a value of a map, when nobody says otherwise.</summary>
    public const int ValueBytes = 1 << 20;

    /// <summary>What a value may be allowed to have at most, since a message has no more.</summary>
    public const int MessageBytes = 4 << 20;
}
