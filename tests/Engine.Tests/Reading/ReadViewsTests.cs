using Varve.Levels;
using Varve.Memory;
using Varve.Reading;
using Varve.Tests.Levels;

namespace Varve.Tests.Reading;

public sealed class ReadViewsTests : IDisposable
{
    private readonly ViewHouse _house = new();

    private ReadViews Views => _house.Views;

    public void Dispose() => _house.Dispose();

    [Fact]
    public void A_rotation_shows_the_new_memtable_and_the_frozen_ones_newest_first()
    {
        MemTable second = _house.Rotate();
        MemTable third = _house.Rotate();
        ReadView view = Views.Unpinned;
        Assert.Same(third, view.Active);
        Assert.Equal([second, _house.First], view.Frozen);
        Assert.Same(_house.Levels, view.Levels);
    }

    [Fact]
    public void Flushed_memtables_leave_oldest_first_and_any_other_is_a_bug()
    {
        MemTable second = _house.Rotate();
        _house.Rotate();
        Assert.Throws<InvariantViolatedException>(() => Views.InstallLevels(_house.Levels, second));
        Assert.Throws<InvariantViolatedException>(() => Views.InstallLevels(_house.Levels, Views.Unpinned.Active));
        Views.InstallLevels(_house.Levels, _house.First);
        Assert.Equal([second], Views.Unpinned.Frozen);
        Views.InstallLevels(_house.Levels, second);
        Assert.Empty(Views.Unpinned.Frozen);
    }

    [Fact]
    public void New_levels_alone_leave_the_memtables()
    {
        MemTable second = _house.Rotate();
        var map = TestTables.Map((0, TestTables.Info(1, "a", "b")));
        Views.InstallLevels(map, flushed: null);
        map.Release();
        Assert.Same(map, Views.Unpinned.Levels);
        Assert.Same(second, Views.Unpinned.Active);
        Assert.Equal([_house.First], Views.Unpinned.Frozen);
    }

    [Fact]
    public void A_pinned_view_shows_the_same_after_it_was_replaced_and_keeps_its_memory_until_it_is_released()
    {
        _house.Put("k"u8, "old"u8);
        ReadView pinned = Views.Pin();
        ulong sequence = Views.VisibleSequence;
        _house.Rotate();
        _house.Flush();
        _house.Put("k"u8, "new"u8);

        Assert.Equal(0, _house.GivenBackBytes);
        Assert.Same(_house.First, pinned.Active);
        Assert.True(pinned.Active.TryGet("k"u8, sequence, out MemEntry entry));
        Assert.Equal("old"u8.ToArray(), entry.ValueSpan.ToArray());
        Assert.False(pinned.IsGivenUp);
        pinned.Release();
        Assert.True(pinned.IsGivenUp);
        Assert.True(_house.GivenBackBytes > 0);
    }

    [Fact]
    public void Every_pin_is_released_for_itself_and_a_release_too_many_is_a_bug()
    {
        ReadView first = Views.Pin();
        ReadView second = Views.Pin();
        Assert.Same(first, second);
        _house.Rotate();
        first.Release();
        Assert.False(second.IsGivenUp);
        second.Release();
        Assert.True(second.IsGivenUp);
        Assert.False(second.TryAddReference());
        Assert.Throws<InvariantViolatedException>(second.Release);
    }

    [Fact]
    public void Visits_keep_a_replaced_view_until_the_last_one_ends()
    {
        ReadView view = Views.Enter(out int first);
        Assert.Same(view, Views.Enter(out int second));
        ReadView pinned = Views.Pin();
        view.Leave(first);
        _house.Rotate();
        Assert.False(view.TryEnter(out _));
        Assert.False(view.IsGivenUp);
        view.Leave(second);
        Assert.False(view.IsGivenUp);
        pinned.Release();
        Assert.True(view.IsGivenUp);
        Assert.False(view.TryEnter(out _));
        Assert.False(view.TryAddReference());
    }

    [Fact]
    public void Memory_nobody_reads_is_given_back_with_the_view_that_showed_it_last()
    {
        _house.Put("k"u8, "v"u8);
        _house.Rotate();
        Assert.Equal(0, _house.GivenBackBytes);
        _house.Flush();
        Assert.True(_house.GivenBackBytes > 0);
    }

    [Fact]
    public void Outlived_are_the_memtables_that_only_replaced_views_still_show()
    {
        _house.Put("k"u8, new byte[3_000]);
        ReadView early = Views.Pin();
        Assert.Equal(0, Views.GetOutlivedBytes());
        MemTable second = _house.Rotate();
        _house.Put("k"u8, new byte[5_000]);
        ReadView late = Views.Pin();
        Assert.Equal(0, Views.GetOutlivedBytes());
        Assert.False(early.IsOutlivedBy(Views.Unpinned));

        _house.Flush();
        Assert.True(early.IsOutlivedBy(Views.Unpinned));
        Assert.False(late.IsOutlivedBy(Views.Unpinned));
        Assert.Equal(_house.First.UsedBytes, Views.GetOutlivedBytes());

        // Two views show the first memtable: it is counted once.
        _house.Rotate();
        _house.Flush();
        Assert.True(late.IsOutlivedBy(Views.Unpinned));
        Assert.Equal(_house.First.UsedBytes + second.UsedBytes, Views.GetOutlivedBytes());
        early.Release();
        Assert.Equal(_house.First.UsedBytes + second.UsedBytes, Views.GetOutlivedBytes());
        late.Release();
        Assert.Equal(0, Views.GetOutlivedBytes());
    }

    [Fact]
    public void After_the_close_nothing_can_be_pinned_and_what_is_pinned_stays_readable()
    {
        _house.Put("k"u8, "v"u8);
        ReadView pinned = Views.Pin();
        Views.Close();
        Assert.Throws<ObjectDisposedException>(Views.Pin);
        Assert.Throws<ObjectDisposedException>(() => Views.Unpinned);
        MemTable late = _house.MakeTable();
        Assert.Throws<ObjectDisposedException>(() => Views.Rotate(late));
        late.Release();
        long before = _house.GivenBackBytes;
        Assert.True(pinned.Active.TryGet("k"u8, 1, out MemEntry entry));
        Assert.Equal("v"u8.ToArray(), entry.ValueSpan.ToArray());
        pinned.Release();
        Assert.True(_house.GivenBackBytes > before);
        Views.Close();
    }

    [Fact]
    public void Readers_beside_rotations_and_flushes_always_find_what_was_visible()
    {
        const int Rounds = 300;
        Exception? failure = null;
        using var started = new CountdownEvent(2);
        _house.Put("k"u8, BitConverter.GetBytes(0));
        bool isDone = false;
        Thread[] readers =
        [
            .. Enumerable.Range(0, 2).Select(_ => new Thread(() => failure ??= Record.Exception(() =>
            {
                started.Signal();
                while (!Volatile.Read(ref isDone)) ReadNewest();
            }))),
        ];
        foreach (Thread reader in readers) reader.Start();
        started.Wait();
        for (int i = 1; i <= Rounds; i++)
        {
            _house.Put("k"u8, BitConverter.GetBytes(i));
            _house.Rotate();
            _house.Put("k"u8, BitConverter.GetBytes(i));
            _house.Flush();
        }

        Volatile.Write(ref isDone, true);
        foreach (Thread reader in readers) reader.Join();
        Assert.Null(failure);
    }

    [Fact]
    public void A_view_from_before_an_ingest_is_of_no_later_moment_though_its_memtable_is_the_current_one()
    {
        ReadView before = Views.Pin();
        Assert.True(Views.IsCurrent(before));
        LevelMap map = LevelMap.CreateEmpty();
        Views.InstallLevels(map, flushed: null);
        map.Release();
        Views.Publish(1);
        Assert.Same(before.Active, Views.Unpinned.Active);
        Assert.False(Views.IsCurrent(before));
        before.Release();

        ReadView view = Views.EnterMoment(out int stripe, out ulong sequence);
        Assert.Equal(1UL, sequence);
        Assert.Same(map, view.Levels);
        view.Leave(stripe);
    }

    /// <summary>The key is in the active memtable at the end of each round and in a frozen one else.</summary>
    private void ReadNewest()
    {
        ReadView view = Views.Enter(out int stripe);
        ulong sequence = Views.VisibleSequence;
        try
        {
            bool isFound = view.Active.TryGet("k"u8, sequence, out _);
            foreach (MemTable table in view.Frozen) isFound |= table.TryGet("k"u8, sequence, out _);
            Assert.True(isFound, $"nothing at {sequence}");
        }
        finally
        {
            view.Leave(stripe);
        }
    }
}
