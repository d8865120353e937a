namespace Varve.Sharing;

/// <summary>
/// The process that has a shared database open cannot be reached, does not answer, or does not share it. A read or a batch of this call has
/// not happened; one whose outcome is in doubt ends with <see cref="CommitOutcomeUnknownException"/> instead.
/// </summary>
public sealed class StoreOwnerException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was tried, and what stands in the way.</param>
    /// <param name="ownerProcessId">The owner's process id; 0 when it is not known.</param>
    /// <param name="cause">What stands in the way.</param>
    public StoreOwnerException(string message, int ownerProcessId, Exception? cause = null)
        : base(message, cause) => OwnerProcessId = ownerProcessId;

    /// <summary>The owner's process id; 0 when it is not known.</summary>
    public int OwnerProcessId { get; }
}

/// <summary>The connection to the owner has ended: the call is made again once there is an owner. Never leaves this folder.</summary>
internal sealed class ConnectionLostException(Exception? cause = null)
    : IOException("The connection to the owner of the database has ended.", cause);
