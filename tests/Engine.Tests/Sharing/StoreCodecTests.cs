using Varve.Bytes;
using Varve.Sharing;
using static Varve.Tests.Sharing.SharingHouse;

namespace Varve.Tests.Sharing;

public sealed class StoreCodecTests
{
    private static readonly StoreBatch Batch = new()
    {
        Conditions = [StoreCondition.Absent("a", Utf8("k")), StoreCondition.Value("b", default, Utf8("v"))],
        Operations =
        [
            StoreOperation.Put("b", Utf8("key"), Utf8("value")),
            StoreOperation.Delete("ü", Utf8("gone")),
            StoreOperation.DeleteRange("a", Utf8("from"), default),
        ],
        Durability = Durability.None,
    };

    private static readonly ChangeBatch Changes = new(
        7,
        9,
        [
            new Change(ChangeKind.Put, "m", Utf8("k"), default, Utf8("v"), 1_234_567),
            new Change(ChangeKind.DeleteRange, "m", Utf8("a"), Utf8("b"), default, 0),
            new Change(ChangeKind.DropMap, "n", default, default, default, 0),
        ],
        isFirstPiece: true,
        isLastPiece: false);

    public static TheoryData<string> Kinds => [.. Encoded.Keys];

    private static Dictionary<string, (byte[] Body, Func<byte[], object?> Read)> Encoded { get; } = new()
    {
        ["hello"] = (Write(new Hello(1, Guid.NewGuid(), 12), StoreCodec.WriteHello), body => StoreCodec.ReadHello(body)),
        ["welcome"] = (
            Write(new Welcome(1, new DatabaseId(1, 2), Guid.NewGuid(), 3, 4), StoreCodec.WriteWelcome),
            body => StoreCodec.ReadWelcome(body)),
        ["range"] = (
            Write(new StoreRange { Map = "m", Limit = 3, Start = Utf8("a"), End = Utf8("b") }, StoreCodec.WriteRange),
            body => StoreCodec.ReadRange(body)),
        ["page"] = (
            Write(new StorePage([new PageEntry(Utf8("a"), Utf8("b")), new PageEntry(default, default)], Utf8("n")), StoreCodec.WritePage),
            body => StoreCodec.ReadPage(body)),
        ["batch"] = (Write((Batch, new BatchAttempt(UuidV7.Next(), true)), StoreCodec.WriteBatch), body => StoreCodec.ReadBatch(body)),
        ["outcome"] = (Write(new StoreOutcome(true, 77, -1), StoreCodec.WriteOutcome), body => StoreCodec.ReadOutcome(body)),
        ["feed"] = (
            Write(new StoreFeed { After = 5, Map = "m", KeyPrefix = Utf8("p") }, StoreCodec.WriteFeed), body => StoreCodec.ReadFeed(body)),
        ["changes"] = (Write(Changes, StoreCodec.WriteChanges), body => StoreCodec.ReadChanges(body)),
        ["names"] = (Write<IReadOnlyList<string>>(["a", "ü"], StoreCodec.WriteNames), body => StoreCodec.ReadNames(body)),
        ["failure"] = (Write<Exception>(new ArgumentException("text", "name"), FailureCodec.Write), body => FailureCodec.Read(body)),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_body_that_is_cut_short_or_goes_on_is_refused(string kind)
    {
        (byte[] body, Func<byte[], object?> read) = Encoded[kind];
        Assert.NotNull(read(body));
        for (int length = 0; length < body.Length; length++) Assert.Null(read(body[..length]));
        Assert.Null(read([.. body, 0]));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_body_of_other_bytes_is_read_or_refused_and_nothing_else(string kind)
    {
        (byte[] body, Func<byte[], object?> read) = Encoded[kind];
        var random = new Random(1);
        int refused = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] other = [.. body];
            for (int changes = random.Next(1, 4); changes > 0; changes--) other[random.Next(other.Length)] = (byte)random.Next(256);
            if (read(other) is null) refused++;
        }

        Assert.True(refused > 0);
    }

    [Fact]
    public void A_batch_comes_out_as_it_went_in()
    {
        var attempt = new BatchAttempt(UuidV7.Next(), IsAgain: true);
        (StoreBatch Batch, BatchAttempt Attempt) read = StoreCodec.ReadBatch(Write((Batch, attempt), StoreCodec.WriteBatch))!.Value;
        Assert.Equal(attempt, read.Attempt);
        Assert.Equal(Durability.None, read.Batch.Durability);
        Assert.Equal(Batch.Conditions.Select(Text), read.Batch.Conditions.Select(Text));
        Assert.Equal(Batch.Operations.Select(Text), read.Batch.Operations.Select(Text));
        StoreBatch plain = StoreCodec.ReadBatch(Write((new StoreBatch(), default(BatchAttempt)), StoreCodec.WriteBatch))!.Value.Batch;
        Assert.Null(plain.Durability);

        static string Text<T>(T part) => part switch
        {
            StoreCondition condition => $"{condition.Kind} {condition.Map} {Hex(condition.Key)} {Hex(condition.Expected)}",
            StoreOperation operation => $"{operation.Kind} {operation.Map} {Hex(operation.Key)} {Hex(operation.Value)}",
            _ => "",
        };
    }

    [Fact]
    public void Changes_come_out_as_they_went_in()
    {
        ChangeBatch read = StoreCodec.ReadChanges(Write(Changes, StoreCodec.WriteChanges))!;
        Assert.Equal((7UL, 9UL, true, false), (read.FirstSequence, read.Sequence, read.IsFirstPiece, read.IsLastPiece));
        Assert.Equal(Changes.Changes.Select(Text), read.Changes.Select(Text));

        static string Text(Change change) =>
            $"{change.Kind} {change.MapName} {Hex(change.Key)} {Hex(change.EndKey)} {Hex(change.Value)} {change.Expiry:O}";
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public void An_exception_comes_out_as_it_went_in(Exception failure, Type type)
    {
        Exception read = FailureCodec.Read(Write(failure, FailureCodec.Write))!;
        Assert.IsType(type, read);
        Assert.Contains(failure.Message, read.Message, StringComparison.Ordinal);
        if (failure is ArgumentException argument && type == failure.GetType())
            Assert.Equal(argument.ParamName, ((ArgumentException)read).ParamName);
        if (failure is ChangeHistoryLostException lost)
            Assert.Equal((lost.AfterSequence, lost.OldestSequence), (5UL, ((ChangeHistoryLostException)read).OldestSequence));
        if (failure is CorruptDataException damage)
            Assert.Equal((damage.Path, damage.Offset), (((CorruptDataException)read).Path, ((CorruptDataException)read).Offset));
        if (failure is StorageException storage)
            Assert.Equal((storage.Operation, storage.ErrorCode), (((StorageException)read).Operation, ((StorageException)read).ErrorCode));
    }

    public static TheoryData<Exception, Type> Failures => new()
    {
        { new ArgumentException("The key is too long."), typeof(ArgumentException) },
        { new ArgumentException("The key is too long.", "key"), typeof(ArgumentException) },
        { new ArgumentOutOfRangeException("limit", "Too much."), typeof(ArgumentOutOfRangeException) },
        { new CorruptDataException("/a/b", 17, "a checksum"), typeof(CorruptDataException) },
        { new StorageException("pwrite", "/a/b", 28, "No space"), typeof(StorageException) },
        { new DatabaseReadOnlyException("It takes no writes."), typeof(DatabaseReadOnlyException) },
        { new CommitOutcomeUnknownException(new IOException("the sync")), typeof(CommitOutcomeUnknownException) },
        { new ChangeHistoryLostException(5, 6), typeof(ChangeHistoryLostException) },
        { new MapDroppedException("m"), typeof(MapDroppedException) },
        { new MemoryBudgetException("Too much is pinned."), typeof(MemoryBudgetException) },
        { new InvariantViolatedException("1 = 2"), typeof(InvariantViolatedException) },
        { new OperationCanceledException("Canceled."), typeof(OperationCanceledException) },
        { new TaskCanceledException("Canceled."), typeof(OperationCanceledException) },
        { new InvalidOperationException("Not now."), typeof(InvalidOperationException) },
        { new IOException("The disk."), typeof(IOException) },
        { new NotSupportedException("Something else."), typeof(IOException) },
    };

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexString(bytes.Span);

    private static byte[] Write<T>(T content, Action<FrameBuffer, T> write)
    {
        var buffer = new FrameBuffer();
        write(buffer, content);
        return buffer.Written.ToArray();
    }
}
