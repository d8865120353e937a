using System.Text.Json;
using System.Text.Json.Serialization;

namespace Varve.Workloads;

/// <summary>What one process measured of one workload. One line of JSON.</summary>
internal sealed record WorkloadResult
{
    public required string Peer { get; init; }

    public required string Workload { get; init; }

    public required int Run { get; init; }

    public required long Operations { get; init; }

    /// <summary>Of the operations alone: the foreground rate of fills.</summary>
    public required double Seconds { get; init; }

    /// <summary>From the first operation until the store had nothing left to do; null where there is nothing, or it does not say.</summary>
    public required double? SettledSeconds { get; init; }

    /// <summary>The longest of the stretches of 16 operations that were timed.</summary>
    public required double LongestPauseMilliseconds { get; init; }

    /// <summary>Of the thread that called the store, for the operations alone.</summary>
    public required double ForegroundProcessorSeconds { get; init; }

    /// <summary>Of all threads, until the store had nothing left to do.</summary>
    public required double ProcessorSeconds { get; init; }

    public required long AllocatedBytes { get; init; }

    public required int Collections { get; init; }

    public required long PeakResidentBytes { get; init; }

    public required long DiskWrittenBytes { get; init; }

    public required long DirectoryBytes { get; init; }

    [JsonIgnore]
    public double Rate => Operations / Seconds;

    public string ToJson() => JsonSerializer.Serialize(this, WorkloadJson.Default.WorkloadResult);

    public static WorkloadResult? FromJson(string line) => JsonSerializer.Deserialize(line, WorkloadJson.Default.WorkloadResult);
}

[JsonSerializable(typeof(WorkloadResult))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class WorkloadJson : JsonSerializerContext;
