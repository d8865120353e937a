using System.Text;

namespace Varve.Mcp.Messages;

/// <summary>Text of a client as it goes into a log: one line, bounded, without control characters.</summary>
internal static class LogText
{
    private const int CharactersMax = 200;

    public static string Of(string? text)
    {
        if (string.IsNullOrEmpty(text)) return "";
        StringBuilder line = new(Math.Min(text.Length, CharactersMax));
        foreach (char character in text)
        {
            if (line.Length >= CharactersMax) return line.Append('…').ToString();
            if (char.IsControl(character) || char.IsSurrogate(character)) line.Append($"\\u{(int)character:x4}");
            else line.Append(character);
        }
        return line.ToString();
    }
}
