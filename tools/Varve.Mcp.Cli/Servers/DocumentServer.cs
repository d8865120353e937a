using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers;

[StepType("file")]
internal sealed record FileRow(string FileId, string Content, IReadOnlyDictionary<string, string> Metadata);

internal sealed record StepText(string JobId, string Step, string Text, string? Language = null);

internal sealed record JobRow(string JobId, string FileId, string TargetLanguage, string Status, string Result);

internal sealed record UploadResult(string FileId) : Outcome;

internal sealed record DocumentResult(
    string JobId, string? Result = null, string? Step = null, string? Error = null, bool? Retryable = null) : Outcome;

internal sealed record JobResult(JobRow? Job = null) : Outcome;

/// <summary>A chain of steps of both kinds: what may be done again, and calls of services that may not.</summary>
[McpServerToolType]
internal sealed class DocumentServer(ISharedStore store, Simulation simulation)
{
    private const string Files = "files";
    private const string Results = "results";
    private const string Jobs = "jobs";
    private const int StepsOfJob = 4;
    private const int ShownCharsMax = 50;

    private static readonly Type[] Retryable = [typeof(NetworkException)];
    private static readonly Service Ocr = new("ocr", "OCR", 0.15, 0.05, "InvalidDocumentError", "Unsupported document format");

    private static readonly Service Translation =
        new("translation", "Translation", 0.10, 0.03, "QuotaExceededError", "Daily translation quota exceeded");

    /// <summary>A service outside, and how often it fails in which way.</summary>
    private sealed record Service(
        string Step, string Name, double NetworkErrorShare, double RefusalShare, string RefusalKind, string Refusal);

    [McpServerTool(
        Name = "upload_file", Title = "Upload a file", Destructive = true, Idempotent = true, OpenWorld = false,
        UseStructuredContent = true, OutputSchemaType = typeof(UploadResult))]
    [Description("Upload a file to be processed. A file with the same id is replaced.")]
    public static async Task<CallToolResult> UploadFile(
        [Description("The file's id"), MinLength(1), MaxLength(Limits.NameChars)] string file_id,
        [Description("Its text"), MaxLength(Limits.ContentChars)] string content,
        DurableContext context,
        [Description("More about it, as the uploader likes"), ItemLimits(Limits.Members, Limits.LineChars)]
        Dictionary<string, string>? metadata = null)
    {
        await context.Map(Files).InsertAsync(file_id, Rows.Write(new FileRow(file_id, content, metadata ?? [])));
        return Reply.Of(new UploadResult(file_id));
    }

    [McpServerTool(
        Name = "process_document", Title = "Process a document", Destructive = false, OpenWorld = true, UseStructuredContent = true,
        OutputSchemaType = typeof(DocumentResult))]
    [Description(
        "Look a file up, extract its text, translate it, and keep the result. Extraction and translation are calls of outside services: "
        + "each is made at most once, and tried again only after network errors.")]
    public async Task<CallToolResult> ProcessDocument(
        [Description("The file's id"), MinLength(1), MaxLength(Limits.NameChars)] string file_id,
        DurableContext context,
        [Description("The language to translate to"), MinLength(1), MaxLength(Limits.NameChars)] string target_language = "en")
    {
        string jobId = $"job_{StableId.Of(12, file_id, target_language)}";
        await context.ReportProgressAsync(0, StepsOfJob, "Looking the file up");
        FileRow file;
        try
        {
            file = await context.AtLeastOnceAsync($"get_file_{file_id}", async step =>
                await new StoreMap(store, Files).FindAsync<FileRow>(file_id, step.Cancellation)
                    ?? throw new NonRetryableException($"File {file_id} not found"));
        }
        catch (NonRetryableException missing)
        {
            return Reply.Error(new DocumentResult(jobId, Step: "lookup", Error: missing.Message, Retryable: false));
        }

        await context.ReportProgressAsync(1, StepsOfJob, "Extracting the text");
        string shown = file.Content.Length > ShownCharsMax ? file.Content[..ShownCharsMax] + "..." : file.Content;
        string extracted = $"Extracted text from document: {shown}";
        (string? text, DocumentResult? failure) = await CallAsync(context, Ocr, $"ocr_{jobId}", jobId, extracted, language: null);
        if (failure is not null) return Reply.Error(failure);

        await context.ReportProgressAsync(2, StepsOfJob, "Translating");
        (string? translated, failure) = await CallAsync(
            context, Translation, $"translate_{jobId}", jobId, $"[{target_language}] {text}", target_language);
        if (failure is not null) return Reply.Error(failure);

        await context.ReportProgressAsync(3, StepsOfJob, "Storing the result");
        await context.AtLeastOnceAsync($"store_job_{jobId}", step =>
        {
            step.Insert(Jobs, jobId, Rows.Write(new JobRow(jobId, file_id, target_language, "completed", translated!)));
            return Task.FromResult(jobId);
        });
        await context.ReportProgressAsync(StepsOfJob, StepsOfJob, "Done");
        return Reply.Of(new DocumentResult(jobId, translated));
    }

    [McpServerTool(
        Name = "get_job_status", Title = "Read a job", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(JobResult))]
    [Description("Read a job that process_document has completed, and its result.")]
    public async Task<CallToolResult> GetJobStatus(
        [Description("The job's id"), MaxLength(Limits.NameChars)] string job_id, CancellationToken cancellation)
    {
        JobRow? job = await new StoreMap(store, Jobs).FindAsync<JobRow>(job_id, cancellation);
        return job is null ? Reply.Error(new JobResult { Message = "Job not found" }) : Reply.Of(new JobResult(job));
    }

    /// <summary>One call of a service, at most once: its text, or what the tool answers where there is none.</summary>
    private async Task<(string? Text, DocumentResult? Failure)> CallAsync(
        DurableContext context, Service service, string alias, string jobId, string text, string? language)
    {
        DocumentResult FailureOf(string error, bool mayPass) => new(jobId, Step: service.Step, Error: error, Retryable: mayPass);
        try
        {
            string answer = await context.AtMostOnceAsync(alias, async () =>
            {
                Call(service);
                byte[] row = Rows.Write(new StepText(jobId, service.Step, text, language));
                await context.Map(Results).Idempotently($"store_{service.Step}_{jobId}").InsertAsync($"{jobId}_{service.Step}", row);
                return text;
            }, Retryable);
            return (answer, null);
        }
        catch (Exception unreachable) when (unreachable is NetworkException or RetriesExhaustedException)
        {
            context.Retryable();
            return (null, FailureOf($"{service.Name} service unavailable", mayPass: true));
        }
        catch (AtMostOnceFailedBeforeCompletingException)
        {
            return (null, FailureOf($"{service.Name} failed on previous attempt", mayPass: false));
        }
        catch (RefusedException refused)
        {
            return (null, FailureOf($"{refused.Kind}: {refused.Message}", mayPass: false));
        }
    }

    private void Call(Service service)
    {
        double answer = simulation.Call(service.Step);
        if (answer < service.NetworkErrorShare) throw new NetworkException($"The {service.Name} service did not answer in time.");
        if (answer < service.NetworkErrorShare + service.RefusalShare) throw new RefusedException(service.RefusalKind, service.Refusal);
    }
}
