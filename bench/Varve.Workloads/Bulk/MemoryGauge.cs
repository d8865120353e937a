using Varve.Workloads.Measuring;

namespace Varve.Workloads.Bulk;

/// <summary>Resident memory of this process above what it was when the gauge was made, which is just before Open.</summary>
internal sealed class MemoryGauge
{
    private readonly long _before;

    public MemoryGauge()
    {
        GC.Collect();
        ProcessFigures.ResetPeakOfThisProcess();
        _before = ProcessFigures.ResidentBytes(Environment.ProcessId);
    }

    public long BeforeBytes => _before;

    public long PeakAboveBytes => ProcessFigures.PeakResidentBytes(Environment.ProcessId) - _before;

    public long NowAboveBytes => ProcessFigures.ResidentBytes(Environment.ProcessId) - _before;

    public static long ManagedBytes => GC.GetGCMemoryInfo().TotalCommittedBytes;
}
