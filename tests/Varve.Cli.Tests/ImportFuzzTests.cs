using Varve.Simulate;
using Varve.Simulation;

namespace Varve.Cli.Tests;

/// <summary>A short round of <c>tools/Varve.Simulate fuzz</c> (docs/damage.md) over the lines of an import, and the kept ones.</summary>
public sealed class ImportFuzzTests
{
    private const int Inputs = 3_000;

    public static TheoryData<string> Names => [.. ImportTarget.Make().Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_line_is_a_row_or_a_problem_with_its_place(string name)
    {
        using var run = new FuzzRun(ImportTarget.Make().Single(target => target.Name == name), seed: 1);
        for (int number = 0; number < Inputs; number++) run.Check(number);
        string[] files = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Corpus", name));
        Assert.NotEmpty(files);
        foreach (string file in files) run.CheckInput(File.ReadAllBytes(file), atEnd: true);
    }
}
