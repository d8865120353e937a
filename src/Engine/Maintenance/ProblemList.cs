namespace Varve.Maintenance;

/// <summary>What an inspection has found wrong; a file full of damage does not fill the memory.</summary>
internal sealed class ProblemList
{
    private const int CountMax = 1_000;

    private readonly List<InspectionProblem> _problems = [];

    public IReadOnlyList<InspectionProblem> Problems => _problems;

    public void Add(long offset, string detail)
    {
        if (_problems.Count < CountMax) _problems.Add(new InspectionProblem(offset, detail));
    }
}
