using System.Diagnostics;

namespace Varve.Diagnostics;

/// <summary>Activities of the work that takes long enough to be traced: opening, replay, flush, compaction, verification.</summary>
internal static class EngineActivities
{
    private static readonly ActivitySource Source = new(VarveDiagnostics.ActivitySourceName, EngineVersion.Text);

    /// <summary>Begins an activity; null, at no cost, where nobody listens.</summary>
    public static Activity? Start(string name, string directory)
    {
        Activity? activity = Source.StartActivity(name);
        activity?.SetTag(VarveDiagnostics.DirectoryTag, directory);
        return activity;
    }

    /// <summary>Notes that the work ended by an exception.</summary>
    public static void Fail(this Activity? activity, Exception failure)
    {
        if (activity is null) return;
        activity.AddException(failure);
        activity.SetStatus(ActivityStatusCode.Error, failure.Message);
    }
}
