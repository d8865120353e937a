namespace Varve.Mcp.Gateway.Worker;

/// <summary>A file to which several processes add lines: .NET appends where the end was when it opened the file.</summary>
internal static class SharedLines
{
    public static void Add(string file, string line)
    {
        while (true)
        {
            try
            {
                using FileStream alone = new($"{file}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                File.AppendAllText(file, $"{line}\n");
                return;
            }
            catch (IOException exception) when (exception is not DirectoryNotFoundException)
            {
                // Another one is at it.
                Thread.Sleep(1);
            }
        }
    }
}
