using Varve.Feed;

namespace Varve.Tests.Feed;

/// <summary>What a feed shows while the database is open.</summary>
public sealed class ChangeFeedTests
{
    private readonly FeedHouse _house = new();

    [Fact]
    public void Batches_come_in_commit_order_with_maps_keys_and_values()
    {
        using Database database = _house.Open(Durability.Synced);
        SortedMap first = database.GetMap("first");
        SortedMap second = database.GetMap("größe");
        ulong put = first.Put("a"u8, "1"u8);
        using WriteBatch batch = database.CreateBatch();
        batch.Put(second, ""u8, ""u8);
        batch.Delete(first, "a"u8);
        batch.Put(first, "a"u8, "2"u8);
        ulong written = database.Write(batch);

        List<ChangeBatch> batches = FeedHouse.Read(database);
        Assert.Equal([put, written], batches.Select(seen => seen.Sequence));
        Assert.Equal("Put first 61=31", Text(batches[0]));
        Assert.Equal("Put größe =, Delete first 61=, Put first 61=32", Text(batches[1]));
        Assert.All(batches, seen => Assert.True(seen.IsFirstPiece && seen.IsLastPiece));

        // The name of the second map came with the batch and takes a sequence, but is no change.
        Assert.Equal(put + 1, batches[1].FirstSequence);
    }

    [Fact]
    public void A_feed_goes_on_behind_the_position_it_is_given()
    {
        using Database database = _house.Open(Durability.Synced);
        FeedHouse.Put(database, 0, 20);
        List<ChangeBatch> all = FeedHouse.Read(database);
        for (int i = 0; i < all.Count; i++)
            FeedHouse.AssertNumbers(FeedHouse.Read(database, all[i].Sequence), i + 1, 19 - i);
        using Snapshot snapshot = database.CreateSnapshot();
        FeedHouse.Put(database, 20, 1);
        FeedHouse.AssertNumbers(FeedHouse.Read(database, snapshot.Sequence), 20, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => { database.ReadChanges(database.LatestSequence + 1); });
    }

    [Fact]
    public void A_position_inside_a_batch_is_the_one_before_it()
    {
        using Database database = _house.Open(Durability.Synced);
        SortedMap map = database.GetMap("m");
        using WriteBatch batch = database.CreateBatch();
        for (int i = 0; i < 5; i++) batch.Put(map, FeedHouse.KeyOf(i), default);
        ulong sequence = database.Write(batch);
        Assert.Equal(5, Assert.Single(FeedHouse.Read(database, sequence - 1)).Changes.Count);
        Assert.Empty(FeedHouse.Read(database, sequence));
    }

    [Fact]
    public void Only_what_survives_a_power_cut_is_shown_unless_more_is_asked_for()
    {
        using Database database = _house.Open();
        FeedHouse.Put(database, 0, 3);
        var all = new ChangeFeedOptions { IncludeNotDurable = true };
        Assert.Empty(FeedHouse.Read(database));
        FeedHouse.AssertNumbers(FeedHouse.Read(database, 0, all), 0, 3);
        database.Sync();
        FeedHouse.AssertNumbers(FeedHouse.Read(database), 0, 3);

        // What is in the process's buffer only is not in the files.
        database.GetMap("m").Put(FeedHouse.KeyOf(3), FeedHouse.ValueOf(3, 300), Durability.None);
        FeedHouse.AssertNumbers(FeedHouse.Read(database, 0, all), 0, 3);
        database.Flush();
        FeedHouse.AssertNumbers(FeedHouse.Read(database), 0, 4);
    }

    [Fact]
    public async Task A_live_feed_shows_what_is_written_later()
    {
        using Database database = _house.Open(Durability.Synced);
        FeedHouse.Put(database, 0, 5);
        using var cancellation = new CancellationTokenSource();
        var batches = new List<ChangeBatch>();
        Task following = Task.Run(async () =>
        {
            await foreach (ChangeBatch batch in database.ReadChanges(0, cancellation: cancellation.Token))
            {
                batches.Add(batch);
                if (batches.Count == 400) await cancellation.CancelAsync();
            }
        });
        FeedHouse.Put(database, 5, 395);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following.WaitAsync(TimeSpan.FromSeconds(60)));
        FeedHouse.AssertNumbers(batches, 0, 400);
    }

    [Fact]
    public async Task A_feed_that_waits_ends_when_the_database_is_closed()
    {
        Database database = _house.Open(Durability.Synced);
        IAsyncEnumerator<ChangeBatch> feed = database.ReadChanges(0).GetAsyncEnumerator();
        Task<bool> waiting = feed.MoveNextAsync().AsTask();
        database.Close();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(TimeSpan.FromSeconds(60)));
        await feed.DisposeAsync();
        Assert.Equal(0, _house.Disk.OpenFileCount);
        Assert.Throws<ObjectDisposedException>(() => { database.ReadChanges(0); });
        Assert.Throws<ObjectDisposedException>(() => database.OldestChangeSequence);
    }

    [Fact]
    public async Task A_feed_that_stops_at_its_end_shows_what_was_there()
    {
        using Database database = _house.Open(Durability.Synced);
        FeedHouse.Put(database, 0, 50);
        var batches = new List<ChangeBatch>();
        await foreach (ChangeBatch batch in database.ReadChanges(0, new ChangeFeedOptions { StopsAtEnd = true }))
        {
            batches.Add(batch);
            database.GetMap("m").Put("later"u8, default);
        }

        FeedHouse.AssertNumbers(batches, 0, 50);
    }

    [Fact]
    public void A_large_batch_comes_in_pieces_that_put_together_are_the_batch()
    {
        using Database database = _house.Open(Durability.Synced);
        FeedHouse.Put(database, 0, 1);
        SortedMap map = database.GetMap("m");
        using WriteBatch batch = database.CreateBatch();
        for (int i = 0; i < 400; i++) batch.Put(map, FeedHouse.KeyOf(i), FeedHouse.ValueOf(i, i % 50 == 49 ? 20_000 : 300));
        ulong sequence = database.Write(batch);
        FeedHouse.Put(database, 1, 1);

        List<ChangeBatch> batches = FeedHouse.Read(database, 0, new ChangeFeedOptions { PieceBytes = 8 << 10 });
        Assert.Single(batches[0].Changes);
        Assert.Single(batches[^1].Changes);
        List<ChangeBatch> pieces = batches[1..^1];
        Assert.True(pieces.Count > 8, $"{pieces.Count} pieces");
        Assert.All(pieces, piece => Assert.Equal((sequence - 399, sequence), (piece.FirstSequence, piece.Sequence)));
        Assert.All(pieces, piece => Assert.Equal(ReferenceEquals(piece, pieces[0]), piece.IsFirstPiece));
        Assert.All(pieces, piece => Assert.Equal(ReferenceEquals(piece, pieces[^1]), piece.IsLastPiece));
        List<Change> changes = [.. pieces.SelectMany(piece => piece.Changes)];
        Assert.Equal(400, changes.Count);
        for (int i = 0; i < changes.Count; i++)
        {
            Assert.Equal(FeedHouse.KeyOf(i), changes[i].Key.ToArray());
            Assert.Equal(FeedHouse.ValueOf(i, i % 50 == 49 ? 20_000 : 300), changes[i].Value.ToArray());
        }
    }

    [Fact]
    public void A_piece_may_have_4_KiB_to_64_MiB()
    {
        using Database database = _house.Open(Durability.Synced);
        foreach (int bytes in new[] { 0, ChangeFeedOptions.PieceBytesMin - 1, ChangeFeedOptions.PieceBytesMax + 1 })
        {
            var options = new ChangeFeedOptions { PieceBytes = bytes };
            Assert.Equal("PieceBytes", Assert.Throws<ArgumentOutOfRangeException>(() => { database.ReadChanges(0, options); }).ParamName);
        }
    }

    [Fact]
    public void Two_feeds_go_at_their_own_pace_and_a_reader_that_stands_still_holds_up_no_writer()
    {
        _house.Options = _house.Options with { ChangeHistoryBytes = 64 << 10 };
        using Database database = _house.Open(Durability.Synced);
        FeedHouse.Put(database, 0, 10);
        using ChangeReader slow = database.CreateChangeReader(0, new ChangeFeedOptions());
        using ChangeReader fast = database.CreateChangeReader(0, new ChangeFeedOptions());
        Assert.True(slow.TryRead(out ChangeBatch? batch));
        ulong position = batch.Sequence;
        var seen = new List<ChangeBatch>();
        for (int i = 0; i < 600; i++)
        {
            while (fast.TryRead(out batch)) seen.Add(batch);
            FeedHouse.Put(database, 10 + i, 1);
        }

        while (fast.TryRead(out batch)) seen.Add(batch);
        FeedHouse.AssertNumbers(seen, 0, 610);
        database.WaitForUpkeep();
        ChangeHistoryLostException lost = Assert.Throws<ChangeHistoryLostException>(() =>
        {
            while (slow.TryRead(out batch)) position = batch.Sequence;
        });
        Assert.Equal(position, lost.AfterSequence);
        Assert.Equal(database.OldestChangeSequence, lost.OldestSequence);
        Assert.True(lost.OldestSequence > position);
    }

    private static string Text(ChangeBatch batch) => string.Join(", ", batch.Changes.Select(change =>
        $"{change.Kind} {change.MapName} {Convert.ToHexString(change.Key.Span)}={Convert.ToHexString(change.Value.Span)}"));
}
