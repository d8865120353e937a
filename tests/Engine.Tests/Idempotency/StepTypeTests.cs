using System.Text.Json;
using System.Text.Json.Serialization;
using Varve.Idempotency;

namespace Varve.Tests.Idempotency;

public sealed partial class StepTypeTests : IDisposable
{
    private readonly JournalHouse _house = new();

    public void Dispose() => _house.Dispose();

    [Theory]
    [InlineData(typeof(int), "System.Int32")]
    [InlineData(typeof(string[]), "System.String[]")]
    [InlineData(typeof(int[,]), "System.Int32[,]")]
    [InlineData(typeof(int?), "System.Nullable`1<System.Int32>")]
    [InlineData(typeof(Tuple<string, List<Receipt>>), "System.Tuple`2<System.String, System.Collections.Generic.List`1<receipt>>")]
    [InlineData(typeof(Receipt), "receipt")]
    [InlineData(typeof(Plain), "Varve.Tests.Idempotency.StepTypeTests+Plain")]
    public void A_type_is_named_without_its_assembly(Type type, string name) => Assert.Equal(name, StepCodecs.NameOf(type));

    [Fact]
    public async Task Another_type_than_the_stored_one_is_refused_by_name()
    {
        InvocationContext run = await _house.BeginAsync("k");
        await run.AtLeastOnceAsync("step", () => Task.FromResult(new Plain("a")));
        await run.AtMostOnceAsync("once", () => Task.FromResult("text"));
        await run.AtLeastOnceAsync("void", () => Task.CompletedTask);
        InvocationContext next = await RunAgainAsync(run);
        StepTypeMismatchException mismatch = await Assert.ThrowsAsync<StepTypeMismatchException>(
            () => next.AtLeastOnceAsync("step", () => Task.FromResult(new Receipt(1))));
        Assert.Equal(("step", "Varve.Tests.Idempotency.StepTypeTests+Plain", "receipt"), (mismatch.Alias, mismatch.Stored, mismatch.Asked));
        await Assert.ThrowsAsync<StepTypeMismatchException>(() => next.AtMostOnceAsync("once", () => Task.FromResult(1)));
        await Assert.ThrowsAsync<StepTypeMismatchException>(
            () => next.UntilAsync<bool>("void", () => Task.FromResult<UntilResult<bool>>(true)));
    }

    [Fact]
    public async Task A_renamed_type_is_read_by_the_name_it_was_given_and_one_that_changed_too_much_is_not()
    {
        InvocationContext run = await _house.BeginAsync("k");
        await run.AtLeastOnceAsync("step", () => Task.FromResult(new Receipt(7)));
        await run.AtLeastOnceAsync("other", () => Task.FromResult(new Receipt(8)));
        InvocationContext next = await RunAgainAsync(run);
        Assert.Equal(7, (await next.AtLeastOnceAsync("step", () => Task.FromResult(new RenamedReceipt(0)))).Number);
        StepTypeMismatchException mismatch = await Assert.ThrowsAsync<StepTypeMismatchException>(
            () => next.AtLeastOnceAsync("other", () => Task.FromResult(new ChangedReceipt([]))));
        Assert.Equal(mismatch.Stored, mismatch.Asked);
        Assert.IsType<JsonException>(mismatch.InnerException);
    }

    [Fact]
    public async Task A_result_that_is_no_JSON_is_an_error_and_at_most_once_an_end()
    {
        InvocationContext run = await _house.BeginAsync("k");
        int calls = 0;
        await Assert.ThrowsAnyAsync<Exception>(() => run.AtLeastOnceAsync("a", () => Task.FromResult(Looped(++calls))));
        Assert.Equal(1, calls);
        await Assert.ThrowsAnyAsync<JsonException>(() => run.AtMostOnceAsync("b", () => Task.FromResult(Looped(++calls))));
        InvocationContext next = await RunAgainAsync(run);
        await Assert.ThrowsAsync<AtMostOnceFailedBeforeCompletingException>(
            () => next.AtMostOnceAsync("b", () => Task.FromResult(Looped(++calls))));
        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task Types_may_come_from_a_generated_context_alone()
    {
        _house.Options.Json = new JsonSerializerOptions { TypeInfoResolver = Generated.Default };
        _house.Renew();
        InvocationContext run = await _house.BeginAsync("k");
        Assert.Equal(7, (await run.AtLeastOnceAsync("known", () => Task.FromResult(new Receipt(7)))).Number);
        await run.AtLeastOnceAsync("void", () => Task.CompletedTask);
        await Assert.ThrowsAsync<NotSupportedException>(() => run.AtLeastOnceAsync("unknown", () => Task.FromResult(new Plain("a"))));
    }

    private async Task<InvocationContext> RunAgainAsync(InvocationContext run)
    {
        await run.ReleaseAsync();
        return (await _house.Journal.BeginAsync(JournalHouse.Request(key: run.Key))).Context!;
    }

    private static Node Looped(int number)
    {
        var node = new Node { Number = number };
        node.Next = node;
        return node;
    }

    private sealed record Plain(string Text);

    [StepType("receipt")]
    internal sealed record Receipt(int Number);

    [StepType("receipt")]
    private sealed record RenamedReceipt(int Number);

    [StepType("receipt")]
    private sealed record ChangedReceipt(int[] Number);

    private sealed class Node
    {
        public int Number { get; set; }

        public Node? Next { get; set; }
    }

    [JsonSerializable(typeof(Receipt))]
    private sealed partial class Generated : JsonSerializerContext;
}
