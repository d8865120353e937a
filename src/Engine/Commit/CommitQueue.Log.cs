namespace Varve.Commit;

// What upkeep and readers want of the log, between commits and beside them.
internal sealed partial class CommitQueue
{
    /// <summary>
    /// Hands everything logged so far to the system and states in the log what is durable. Never waits for another thread's commit, since
    /// a leader may wait for room, and so for the flushing thread, which asks for marks: whoever leads now does it when its group is done.
    /// </summary>
    public void RequestMark()
    {
        using (_queueGuard.Hold())
        {
            if (_isClosed) return;
            _isMarkWanted = !_lead.TakeOrWatch();
            if (_isMarkWanted) return;
        }

        _commit.Mark();
        EndLead(own: null);
    }

    /// <summary>
    /// Brings what was acknowledged before the call to the log's slots, for those who read them; nothing where writing has stopped.
    /// </summary>
    public void DrainLog()
    {
        if (_commit.StopCause is not null) return;
        try
        {
            Run(CommitKind.Drain);
        }
        catch (Exception failure) when (failure is DatabaseReadOnlyException or CommitOutcomeUnknownException)
        {
            // Whoever writes next is told. What was read before stays readable.
        }
    }

    /// <summary>
    /// Lets the log reuse what holds nothing above the sequence, and makes the next segment ready. Beside everything else.
    /// </summary>
    /// <exception cref="StorageException">There is no room for a spare segment: the writer that needs one will try again.</exception>
    public void RetireLog(ulong flushedSequence)
    {
        _log.RetireThrough(flushedSequence);
        _log.Progress.Raise();
        EnsureLogSpare();
    }

    /// <summary>Called by the leader when a segment of the log to come should be made ready.</summary>
    public Action? LogSpareWanted
    {
        set => _log.SpareWanted = value;
    }

    /// <summary>Makes the log's next segment ready, unless it is. Beside everything else.</summary>
    /// <exception cref="StorageException">There is no room for it.</exception>
    public void EnsureLogSpare() => _log.EnsureSpare();

    /// <summary>
    /// Gives the log's history and spare segments back to a full disk: their room is worth more to a flush, which frees whole segments, and
    /// to a compaction.
    /// </summary>
    public void DeleteLogSpares() => _log.DeleteSpares();

    /// <summary>
    /// Gives what is kept for the next open back to a full disk: to whoever has deleted, and asks for the room, it is worth more now.
    /// </summary>
    public void GiveLogReserveBack() => _log.GiveReserveBack();
}
