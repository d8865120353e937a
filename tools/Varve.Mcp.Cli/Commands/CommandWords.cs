using System.Text;

namespace Varve.Mcp.Cli.Commands;

/// <summary>Splits a command into words as a shell does, without being one: nothing is looked up, expanded or run.</summary>
internal static class CommandWords
{
    /// <summary>
    /// Blanks part words. What stands in single quotes is taken as it is, in double quotes too but for <c>\"</c> and <c>\\</c>; outside of
    /// quotes a backslash takes a blank, a quote or a backslash as it is, and stands for itself before anything else, as in a path.
    /// </summary>
    /// <exception cref="FormatException">A quote has no end.</exception>
    public static IReadOnlyList<string> Split(string command)
    {
        List<string> words = [];
        var word = new StringBuilder();
        bool hasWord = false;
        char quote = '\0';
        for (int i = 0; i < command.Length; i++)
        {
            char character = command[i];
            if (character == '\\' && i + 1 < command.Length && IsEscaped(command[i + 1], quote))
            {
                word.Append(command[++i]);
                hasWord = true;
            }
            else if (quote != '\0')
            {
                if (character == quote) quote = '\0';
                else word.Append(character);
            }
            else if (character is '"' or '\'')
            {
                (quote, hasWord) = (character, true);
            }
            else if (char.IsWhiteSpace(character))
            {
                if (hasWord) words.Add(word.ToString());
                word.Clear();
                hasWord = false;
            }
            else
            {
                word.Append(character);
                hasWord = true;
            }
        }

        if (quote != '\0') throw new FormatException($"The quote {quote} has no end.");
        if (hasWord) words.Add(word.ToString());
        return words;
    }

    private static bool IsEscaped(char next, char quote) => quote switch
    {
        '\'' => false,
        '"' => next is '"' or '\\',
        _ => next is '"' or '\'' or '\\' || char.IsWhiteSpace(next),
    };
}
