using Varve.Idempotency;

namespace Varve.Tests.Idempotency;

/// <summary>The rows as docs/formats/journal.md has them, byte for byte.</summary>
public sealed class JournalFormatTests
{
    private static readonly Guid Id = new("0192f3a4-b5c6-7d8e-9f01-23456789abcd");
    private static readonly Guid OtherId = new("ffeeddcc-bbaa-4988-b766-554433221100");

    private static readonly byte[] Fingerprint = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    /// <summary>Name, bytes in hexadecimal, and how they are read and written again; without a reader it is a key.</summary>
    private static readonly (string Name, byte[] Bytes, Func<byte[], byte[]>? Rewrite)[] Rows = MakeRows();

    [Fact]
    public void Rows_are_those_of_the_fixture()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Corpus", "journal", "rows.txt");
        string actual = string.Concat(Rows.Select(row => $"{row.Name}: {Convert.ToHexStringLower(row.Bytes)}\n"));
        Assert.Equal(File.ReadAllText(path), actual);
    }

    [Fact]
    public void Rows_are_read_as_they_were_written()
    {
        foreach ((string name, byte[] bytes, Func<byte[], byte[]>? rewrite) in Rows)
        {
            if (rewrite is not null) Assert.True(rewrite(bytes).AsSpan().SequenceEqual(bytes), name);
        }

        Assert.Equal(Id, JournalKeys.ReadId(JournalKeys.Pending(Id)));
        WriteAlias named = WriteAlias.Named("map", "alias");
        WriteAlias unnamed = WriteAlias.Unnamed("map", "guard", 300);
        Assert.Equal((null, named), JournalKeys.ReadStep(JournalKeys.Write(Id, named)));
        Assert.Equal((null, unnamed), JournalKeys.ReadStep(JournalKeys.Write(Id, unnamed)));
        Assert.Equal(("alias", default), JournalKeys.ReadStep(JournalKeys.Guard(Id, "alias")));
    }

    [Fact]
    public void Whatever_else_stands_in_a_row_is_refused_or_read_as_what_it_says()
    {
        foreach ((string name, byte[] bytes, Func<byte[], byte[]>? rewrite) in Rows)
        {
            if (rewrite is null) continue;
            for (int length = 0; length < bytes.Length; length++) Check(name, bytes[..length], rewrite);
            for (int bit = 0; bit < bytes.Length * 8; bit++)
            {
                byte[] flipped = [.. bytes];
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                Check($"{name}, bit {bit}", flipped, rewrite);
            }

            byte[] otherFormat = [.. bytes];
            otherFormat[0] = 2;
            Assert.Throws<InvalidDataException>(() => rewrite(otherFormat));
        }
    }

    [Fact]
    public void Keys_of_two_maps_aliases_and_guards_never_meet()
    {
        WriteAlias[] writes =
        [
            WriteAlias.Named("a", "b"), WriteAlias.Named("ab", ""), WriteAlias.Named("", "ab"), WriteAlias.Unnamed("a", "b", 1),
            WriteAlias.Unnamed("a", "b\u0001", 1), WriteAlias.Unnamed("a", "", 0), WriteAlias.Named("a", "\u0000\u0000"),
        ];
        Assert.Equal(writes.Length, writes.Select(write => Convert.ToHexString(JournalKeys.Write(Id, write))).Distinct().Count());
    }

    private static void Check(string what, byte[] bytes, Func<byte[], byte[]> rewrite)
    {
        try
        {
            byte[] again = rewrite(bytes);

            // A number may be written longer than it need be, nothing else.
            Assert.True(again.Length <= bytes.Length, what);
            Assert.True(rewrite(again).AsSpan().SequenceEqual(again), what);
        }
        catch (InvalidDataException)
        {
            // As it should be.
        }
    }

    private static (string Name, byte[] Bytes, Func<byte[], byte[]>? Rewrite)[] MakeRows()
    {
        var counts = new RunCounts(Epoch: 300, Attempts: 4, Recoveries: 2, Round: 1);
        const long Time = 0x0192_F3A4_B5C6;
        RequestRow request = new()
        {
            Recovery = RecoveryMode.Resume,
            CreatedMilliseconds = Time,
            Name = "charge",
            Principal = "local",
            Key = "key-1",
            ReplayOf = OtherId,
            Arguments = "{}"u8.ToArray(),
        };
        PendingRow pending = new()
        {
            State = InvocationState.Running,
            Counts = counts,
            Owner = OtherId,
            SinceMilliseconds = Time,
        };
        FinishedRow finished = new()
        {
            State = InvocationState.Completed,
            IsError = true,
            FinishedMilliseconds = Time,
            Counts = counts,
            Outcome = "answer"u8.ToArray(),
        };
        var expiry = new ExpiryRow(ExpiryKind.Keyed, Time, Id, 1_000);
        var failure = new IOException("h\u00e4lt");
        byte[] Step(byte[] row) => StepRow.Decode(row).Encode();
        byte[] Expiry(byte[] row) => ExpiryRow.Decode(expiry.EncodeKey(), row).EncodeValue();
        return
        [
            ("key of a request", JournalKeys.Request(Id), null),
            ("key of a pending row", JournalKeys.Pending(Id), null),
            ("key of a finished row", JournalKeys.Finished(Id), null),
            ("key of a keyed row", JournalKeys.Keyed("you", "key-1"), null),
            ("request", request.Encode(), row => RequestRow.Decode(row).Encode()),
            ("request with an origin", (request with { Origin = "from"u8.ToArray() }).Encode(), row => RequestRow.Decode(row).Encode()),
            ("request without everything", (request with
            {
                Recovery = RecoveryMode.Fail,
                Key = null,
                ReplayOf = null,
                Arguments = null,
            }).Encode(), row => RequestRow.Decode(row).Encode()),
            ("pending", pending.Encode(), row => PendingRow.Decode(row).Encode()),
            ("finished", finished.Encode(), row => FinishedRow.Decode(row).Encode()),
            ("keyed", new KeyRow(Id, Fingerprint).Encode(), row => KeyRow.Decode(row).Encode()),
            ("key of a guard", JournalKeys.Guard(Id, "al\u00efas"), null),
            ("key of a named write", JournalKeys.Write(Id, WriteAlias.Named("map", "alias")), null),
            ("key of an unnamed write", JournalKeys.Write(Id, WriteAlias.Unnamed("map", "guard", 300)), null),
            ("key of a write outside of guards", JournalKeys.Write(Id, WriteAlias.Unnamed("map", "", 0)), null),
            ("stored", StepRow.Stored(3, "System.Int32", "7"u8.ToArray()).Encode(), Step),
            ("started", StepRow.Started(new Tries(300, 2, 4)).Encode(), Step),
            ("retryable", StepRow.Retryable(new Tries(300, 2, 4), failure).Encode(), Step),
            ("failed", StepRow.Failed(3, failure).Encode(), Step),
            ("written", StepRow.Written.Encode(), Step),
            ("key of an expiry row", expiry.EncodeKey(), null),
            ("expiry", expiry.EncodeValue(), Expiry),
            ("expiry of a completed one", (expiry with { IsCompleted = true }).EncodeValue(), Expiry),
        ];
    }
}
