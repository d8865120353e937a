using System.Text.Json;
using System.Text.Json.Serialization;
using Varve.Workloads.Measuring;

namespace Varve.Workloads;

/// <summary>What one process measured of one workload. One line of JSON.</summary>
internal sealed record WorkloadResult
{
    public required string Peer { get; init; }

    public required string Workload { get; init; }

    public required int Run { get; init; }

    /// <summary>In the store before a workload that reads.</summary>
    public required long Entries { get; init; }

    public required int ValueBytes { get; init; }

    public required long BudgetBytes { get; init; }

    /// <summary>Of the group of processes it ran in, page cache included; 0 without one.</summary>
    public long MemoryLimitBytes { get; init; }

    /// <summary>Why there are no figures.</summary>
    public string? Failure { get; init; }

    /// <summary>Its library calls what a failed assertion calls; null where that cannot be told.</summary>
    public bool? HasAssertions { get; init; }

    public long Operations { get; init; }

    /// <summary>Of the operations alone: the foreground rate of fills.</summary>
    public double Seconds { get; init; }

    /// <summary>From the first operation until the store had nothing left to do; null where there is nothing, or it does not say.</summary>
    public double? SettledSeconds { get; init; }

    /// <summary>Puts a second of the writer beside the reader.</summary>
    public double? WriterRate { get; init; }

    /// <summary>The longest of the stretches from the end of one timed operation to the end of the next.</summary>
    public double LongestPauseMilliseconds { get; init; }

    public Latencies? Latency { get; init; }

    public Latencies? WriterLatency { get; init; }

    /// <summary>Of the threads that called the store, for the operations alone.</summary>
    public double ForegroundProcessorSeconds { get; init; }

    /// <summary>Of all threads, until the store had nothing left to do.</summary>
    public double ProcessorSeconds { get; init; }

    public long AllocatedBytes { get; init; }

    public int Collections { get; init; }

    public long PeakResidentBytes { get; init; }

    public long DiskWrittenBytes { get; init; }

    /// <summary>Keys and values that were put.</summary>
    public long UserWrittenBytes { get; init; }

    /// <summary>What the files take on the device once the store has nothing left to do.</summary>
    public long DirectoryBytes { get; init; }

    [JsonIgnore]
    public double Rate => Operations / Seconds;

    public string ToJson() => JsonSerializer.Serialize(this, WorkloadJson.Default.WorkloadResult);

    /// <exception cref="InvalidDataException">That is no result.</exception>
    public static WorkloadResult FromJson(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, WorkloadJson.Default.WorkloadResult)
                ?? throw new InvalidDataException($"That is no result: {line}");
        }
        catch (JsonException failure)
        {
            throw new InvalidDataException($"That is no result: {line}", failure);
        }
    }
}

[JsonSerializable(typeof(WorkloadResult))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class WorkloadJson : JsonSerializerContext;
