namespace Varve.Simulation;

/// <summary>Takes the errors that damage may give, and refuses every other.</summary>
/// <param name="damaged">What was damaged, so that an error names a file that can be meant.</param>
/// <param name="soundBytes">The length of the sound file.</param>
internal sealed class DamageErrors(DamagedFile damaged, long soundBytes)
{
    /// <summary>Errors seen.</summary>
    public int Count { get; private set; }

    /// <summary>True when the call came through; false when it met the damage.</summary>
    public bool Passes(Action call)
    {
        try
        {
            call();
            return true;
        }
        catch (CorruptDataException error)
        {
            Take(error);
            return false;
        }
    }

    /// <summary>Throws when the error does not name a file of the database and a place in it.</summary>
    public void Take(CorruptDataException error)
    {
        Count++;
        string name = Path.GetFileName(error.Path);
        bool isFile = error.Path == DamageImage.PathOf(name) && IsDatabaseFile(name);
        if (!isFile) throw new HistoryViolationException($"the error names no file of the database: {error.Message}");
        if (name.EndsWith(".table", StringComparison.Ordinal) && damaged.Name.EndsWith(".table", StringComparison.Ordinal))
        {
            if (name != damaged.Name) throw new HistoryViolationException($"the error names another table: {error.Message}");
        }

        long bytesMax = Math.Max(soundBytes, damaged.Content?.Length ?? 0);
        if (error.Offset < 0 || (name == damaged.Name && error.Offset > bytesMax))
            throw new HistoryViolationException($"the error's offset is outside the file: {error.Message}");
    }

    private static bool IsDatabaseFile(string name) =>
        name is "CURRENT" or "WINDOW" || name.StartsWith("MANIFEST-", StringComparison.Ordinal)
        || name.EndsWith(".table", StringComparison.Ordinal) || name.EndsWith(".log", StringComparison.Ordinal);
}
