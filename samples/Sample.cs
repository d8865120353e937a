namespace Varve.Samples;

/// <summary>What every sample needs and none is about: a directory of its own, and a check of what it found.</summary>
internal static class Sample
{
    /// <summary>Runs a sample with a directory for its database in a temporary one, which is removed at the end.</summary>
    /// <returns>The exit code: 0 when everything was as expected.</returns>
    public static int Run(Action<string> sample) => RunAsync(directory =>
    {
        sample(directory);
        return Task.CompletedTask;
    }).GetAwaiter().GetResult();

    /// <summary>As <see cref="Run"/>, for a sample that awaits.</summary>
    public static async Task<int> RunAsync(Func<string, Task> sample)
    {
        string directory = Directory.CreateTempSubdirectory("varve-sample-").FullName;
        try
        {
            await sample(Path.Combine(directory, "database"));
            Console.WriteLine("ok");
            return 0;
        }
        catch (CheckFailedException failure)
        {
            Console.Error.WriteLine(failure.Message);
            return 1;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Says what was found, and fails where it is not what a sample promises.</summary>
    public static void Check<T>(string what, T found, T expected)
    {
        Console.WriteLine($"{what}: {found}");
        if (EqualityComparer<T>.Default.Equals(found, expected)) return;
        throw new CheckFailedException($"{what}: found {found}, expected {expected}");
    }

    private sealed class CheckFailedException(string message) : Exception(message);
}

/// <summary>A clock that the sample sets, so that minutes do not take minutes. A program leaves the system's in place.</summary>
internal sealed class SampleClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
