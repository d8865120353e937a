namespace Varve.Sharing;

/// <summary>How a directory is shared. Every default is meant to be kept.</summary>
public sealed class SharedStoreOptions
{
    /// <summary>Least <see cref="OwnerTimeout"/>: 100 ms.</summary>
    public static readonly TimeSpan OwnerTimeoutMin = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The options with which this process opens the database when it becomes the owner. Their durability is the default of its batches,
    /// whoever the owner is.
    /// </summary>
    public DatabaseOptions Database { get; set; } = new();

    /// <summary>
    /// The name of this process among all that ever use the store; default: a new random one. Of several stores on one directory each has
    /// its own. A journal in the store has the same one.
    /// </summary>
    public Guid Incarnation { get; set; } = Guid.NewGuid();

    /// <summary>Whether this process may open the database; default true. When false it waits for one that does.</summary>
    public bool MayOwn { get; set; } = true;

    /// <summary>
    /// How long a call waits for an owner, or for a sign of life of a silent one, before it fails with <see cref="StoreOwnerException"/>;
    /// 100 ms or more, default 10 s. An owner that works on a call is not silent, however long that takes.
    /// </summary>
    public TimeSpan OwnerTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The folder of the socket: this user's, mode 0700, and the same in all processes. Default: <c>varve</c> in the user's runtime
    /// directory, or <c>varve-UID</c> in the temporary folder.
    /// </summary>
    public string? SocketDirectory { get; set; }

    internal SharedStoreOptions Clone()
    {
        var clone = (SharedStoreOptions)MemberwiseClone();
        clone.Database = Database?.Clone()!;
        return clone;
    }

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Database);
        Database.Validate();
        if (Database.Mode == OpenMode.ReadOnly)
            throw new ArgumentException("What is opened for reading only is not shared: readers share it by themselves.", nameof(Database));
        if (Incarnation == Guid.Empty) throw new ArgumentException("An incarnation has a name that is not empty.", nameof(Incarnation));
        ArgumentOutOfRangeException.ThrowIfLessThan(OwnerTimeout, OwnerTimeoutMin);
    }
}

/// <summary>What a process is to a shared directory.</summary>
public enum StoreRole
{
    /// <summary>Neither: the owner has gone, and there is no new one yet; or the store was closed.</summary>
    None = 0,

    /// <summary>Another process has the database open, and this one uses it there.</summary>
    Peer = 1,

    /// <summary>The database is open in this process, which serves it to others.</summary>
    Owner = 2,
}
