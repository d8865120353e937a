namespace Varve;

/// <summary>A version in a backup directory: the database at one moment.</summary>
public sealed record BackupVersion
{
    /// <summary>Counts up from 1; a pruned number never comes back as long as a later one is kept.</summary>
    public required long Number { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>The database's identity, 32 hexadecimal digits.</summary>
    public required string DatabaseId { get; init; }

    /// <summary>It shows exactly the writes up to this sequence.</summary>
    public required ulong Sequence { get; init; }

    /// <summary>Tables it needs, shared ones included.</summary>
    public required int Tables { get; init; }

    /// <summary>Their bytes: what a restore writes.</summary>
    public required long Bytes { get; init; }
}

/// <summary>What a backup did.</summary>
public sealed record BackupResult
{
    /// <summary>The version that was made.</summary>
    public required BackupVersion Version { get; init; }

    /// <summary>Tables that no earlier version had.</summary>
    public required int CopiedTables { get; init; }

    /// <summary>Their bytes, each checked against the database's manifest and read back.</summary>
    public required long CopiedBytes { get; init; }
}

/// <summary>How far a backup, a restore or the verification of backups is.</summary>
/// <param name="DoneBytes">Bytes of tables that are done.</param>
/// <param name="TotalBytes">Bytes of all tables.</param>
public readonly record struct BackupProgress(long DoneBytes, long TotalBytes);

/// <summary>What a verification of a backup directory found.</summary>
public sealed record BackupVerifyReport
{
    /// <summary>The versions that can be read, the oldest first.</summary>
    public required IReadOnlyList<BackupVersion> Versions { get; init; }

    /// <summary>Tables read, each once.</summary>
    public required int Tables { get; init; }

    /// <summary>Their bytes.</summary>
    public required long Bytes { get; init; }

    /// <summary>Every damage and every missing file.</summary>
    public required IReadOnlyList<VerifyProblem> Problems { get; init; }

    /// <summary>The numbers of the versions that cannot be restored.</summary>
    public required IReadOnlyList<long> BrokenVersions { get; init; }

    /// <summary>Files that no version needs: a backup that was interrupted, or unknown ones.</summary>
    public required IReadOnlyList<string> UnneededFiles { get; init; }

    /// <summary>True when every version can be restored.</summary>
    public bool IsSound => Problems.Count == 0;
}

/// <summary>What a prune removed.</summary>
public sealed record BackupPruneReport
{
    /// <summary>The numbers of the versions that are gone.</summary>
    public required IReadOnlyList<long> RemovedVersions { get; init; }

    /// <summary>Files of tables that no version needed any more.</summary>
    public required int RemovedFiles { get; init; }

    /// <summary>Their bytes.</summary>
    public required long FreedBytes { get; init; }
}
