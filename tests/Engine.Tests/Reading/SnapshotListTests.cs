using Varve.Reading;
using Varve.Runtime;

namespace Varve.Tests.Reading;

public sealed class SnapshotListTests : IDisposable
{
    private readonly ManualClock _clock = new();
    private readonly ViewHouse _house = new();
    private readonly SnapshotList _list;

    public SnapshotListTests() => _list = new SnapshotList(_house.Views, new StoreClock(_clock, mark: 0));

    public void Dispose() => _house.Dispose();

    [Fact]
    public void Without_snapshots_only_the_visible_sequence_can_be_read_at()
    {
        Assert.Equal([0UL], _list.GetReadableSequences());
        _house.Views.Publish(7);
        Assert.Equal([7UL], _list.GetReadableSequences());
        Assert.Equal(0, _list.Count);
    }

    [Fact]
    public void Readable_sequences_ascend_without_repetition_and_end_with_the_visible_one()
    {
        SnapshotList.Registration[] taken = [TakeAt(3), TakeAt(3), TakeAt(5), TakeAt(9)];
        Assert.Equal([3UL, 3UL, 5UL, 9UL], taken.Select(registration => registration.Sequence));
        Assert.Equal([3UL, 5UL, 9UL], _list.GetReadableSequences());
        _house.Views.Publish(12);
        Assert.Equal([3UL, 5UL, 9UL, 12UL], _list.GetReadableSequences());
        Assert.Equal(4, _list.Count);
    }

    [Fact]
    public void A_sequence_stays_readable_until_the_last_snapshot_of_it_is_returned()
    {
        SnapshotList.Registration first = TakeAt(3);
        SnapshotList.Registration second = TakeAt(3);
        SnapshotList.Registration later = TakeAt(5);
        _house.Views.Publish(8);
        _list.Return(first);
        Assert.Equal([3UL, 5UL, 8UL], _list.GetReadableSequences());
        _list.Return(second);
        Assert.Equal([5UL, 8UL], _list.GetReadableSequences());
        _list.Return(later);
        Assert.Equal([8UL], _list.GetReadableSequences());
        Assert.Equal(0, _list.Count);
    }

    [Fact]
    public void A_shared_snapshot_lasts_as_long_as_its_longest_use_and_counts_once()
    {
        SnapshotList.Registration owner = TakeAt(4);
        Assert.True(_list.TryShare(owner));
        Assert.True(_list.TryShare(owner));
        Assert.Equal(1, _list.Count);
        _house.Views.Publish(6);
        _list.Return(owner);
        _list.Return(owner);
        Assert.Equal([4UL, 6UL], _list.GetReadableSequences());
        _list.Return(owner);
        Assert.Equal([6UL], _list.GetReadableSequences());
    }

    [Fact]
    public void A_snapshot_returned_once_too_often_or_is_a_bug_and_cannot_be_shared_again()
    {
        SnapshotList.Registration gone = TakeAt(4);
        _list.Return(gone);
        Assert.Throws<InvariantViolatedException>(() => _list.Return(gone));
        Assert.False(_list.TryShare(gone));
    }

    [Fact]
    public void The_age_is_that_of_the_oldest_snapshot_still_open()
    {
        Assert.Equal(TimeSpan.Zero, _list.OldestAge);
        SnapshotList.Registration oldest = TakeAt(1);
        _clock.Advance(TimeSpan.FromSeconds(5));
        SnapshotList.Registration younger = TakeAt(1);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(TimeSpan.FromSeconds(7), _list.OldestAge);
        _list.Return(oldest);
        Assert.Equal(TimeSpan.FromSeconds(2), _list.OldestAge);
        _list.Return(younger);
        Assert.Equal(TimeSpan.Zero, _list.OldestAge);
    }

    [Fact]
    public void Random_takes_shares_and_returns_leave_what_a_multiset_says()
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            var random = new Random(seed);
            using var house = new ViewHouse();
            var list = new SnapshotList(house.Views, new StoreClock(_clock, mark: 0));
            var uses = new List<SnapshotList.Registration>();
            for (int step = 0; step < 200; step++)
            {
                if (random.Next(2) == 0) house.Views.Publish(house.Views.VisibleSequence + (ulong)random.Next(3));
                int action = uses.Count == 0 ? 0 : random.Next(4);
                if (action == 0) uses.Add(list.Take());
                else if (action == 1)
                {
                    SnapshotList.Registration shared = uses[random.Next(uses.Count)];
                    Assert.True(list.TryShare(shared));
                    uses.Add(shared);
                }
                else
                {
                    int index = random.Next(uses.Count);
                    list.Return(uses[index]);
                    uses.RemoveAt(index);
                }

                IEnumerable<ulong> expected = uses.Select(use => use.Sequence).Append(house.Views.VisibleSequence).Distinct().Order();
                Assert.True(expected.SequenceEqual(list.GetReadableSequences()), $"seed {seed}, step {step}");
                Assert.True(uses.Distinct().Count() == list.Count, $"seed {seed}, step {step}");
            }
        }
    }

    private SnapshotList.Registration TakeAt(ulong sequence)
    {
        _house.Views.Publish(sequence);
        return _list.Take();
    }
}
