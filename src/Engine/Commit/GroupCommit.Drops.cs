using Varve.Entries;

namespace Varve.Commit;

// What dropped maps refuse.
internal sealed partial class GroupCommit
{
    private readonly List<CommitRequest> _admitted = [];

    /// <summary>Maps that requests of the group at hand are about to drop.</summary>
    private readonly List<MapIdentity> _droppedNow = [];

    /// <summary>The requests that may go on, in their order: a write to a map that was dropped fails, unlogged.</summary>
    private List<CommitRequest> Admit(List<CommitRequest> requests)
    {
        _admitted.Clear();
        _droppedNow.Clear();
        foreach (CommitRequest request in requests)
        {
            if (FindDropped(request.Batch!) is { } map)
            {
                request.Failure = new MapDroppedException(map.Name);
                continue;
            }

            _admitted.Add(request);
            if (request.Batch!.DroppedMap is { } dropped) _droppedNow.Add(dropped);
        }

        return _admitted;
    }

    /// <summary>A drop that was not written has dropped nothing: whoever was refused for it ends as it did.</summary>
    private void SettleDrops(List<CommitRequest> requests)
    {
        _droppedNow.Clear();
        CommitRequest? refused = null;
        foreach (CommitRequest request in requests)
        {
            if (request.Batch!.DroppedMap is { IsDropped: false }) refused ??= request;
            if (refused is null || request.Failure is not MapDroppedException || FindDropped(request.Batch) is not null) continue;
            request.Failure = refused.Failure;
        }
    }

    /// <summary>A map of the batch that was dropped, by a commit before or in front of it in its own group; null: none.</summary>
    private MapIdentity? FindDropped(BatchBuffer batch) => batch.FindDropped(_droppedNow);
}
