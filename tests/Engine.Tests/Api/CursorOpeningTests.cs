using Varve.Native;
using Varve.Reading;
using Varve.Runtime;
using Varve.Tests.Reading;

namespace Varve.Tests.Api;

/// <summary>The order of the two things a cursor is made of: its moment and its view.</summary>
public sealed class CursorOpeningTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Entries_written_behind_a_rotation_while_a_cursor_is_being_opened_are_not_hidden(bool isRange)
    {
        using var clock = new HeldClock();
        OptionSet options = OptionSet.All[^1];
        var setup = options.CreateSetup(new SimulatedDisk(), "data", new RegionPool()) with { Scheduler = new SystemScheduler(clock) };
        using Database database = Database.Open(setup, new DatabaseOptions { Durability = Durability.Buffered });
        SortedMap map = database.GetMap("m");
        map.Put("early"u8, "v"u8);
        Assert.Equal(["early"], Read(map, isRange));

        // Somebody has the list of moments in hand, so that the opening waits between its two steps.
        Thread holder = clock.Hold(() => database.CreateSnapshot().Dispose());
        List<string> read = [];
        Thread opener = Start(() => read = Read(map, isRange));
        Assert.True(SpinWait.SpinUntil(() => opener.ThreadState.HasFlag(ThreadState.WaitSleepJoin), Patience));
        Thread flusher = Start(database.Flush);
        Assert.True(SpinWait.SpinUntil(() => database.Views.Unpinned.Frozen.Length == 1, Patience));
        using (WriteBatch batch = database.CreateBatch())
        {
            batch.Put(map, "early"u8, "changed"u8);
            batch.Put(map, "late"u8, "v"u8);
            database.Write(batch);
        }

        clock.LetGo();
        foreach (Thread thread in (Thread[])[holder, opener, flusher]) Assert.True(thread.Join(Patience));
        Assert.Equal(["early", "late"], read);
    }

    [Fact]
    public void A_snapshot_given_up_opens_no_cursor()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), new RegionPool());
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, "v"u8);
        Snapshot snapshot = database.CreateSnapshot();
        snapshot.Dispose();
        Assert.Throws<ObjectDisposedException>(() => map.CreateCursor(snapshot));
        Assert.Throws<ObjectDisposedException>(() => { foreach (Entry _ in map.All(snapshot: snapshot)) { } });
        Assert.Equal(0, database.GetStatistics().OpenSnapshots);
    }

    [Fact]
    public void A_snapshot_given_up_in_the_middle_of_the_opening_says_so()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), new RegionPool());
        using var house = new ViewHouse();
        var list = new SnapshotList(house.Views, new StoreClock(TimeProvider.System, mark: 0));
        var snapshot = new Snapshot(database, list);

        // As if the snapshot's own use ended after the check that it is still open: only the list knows.
        SnapshotList.Registration shared = snapshot.Share(database);
        list.Return(shared);
        list.Return(shared);
        Assert.Throws<ObjectDisposedException>(() => snapshot.Share(database));
        Assert.Equal(0, list.Count);
    }

    private static List<string> Read(SortedMap map, bool isRange)
    {
        var keys = new List<string>();
        if (isRange)
        {
            foreach (Entry entry in map.All()) keys.Add(System.Text.Encoding.UTF8.GetString(entry.Key));
            return keys;
        }

        using Cursor cursor = map.CreateCursor();
        for (bool isOn = cursor.SeekToFirst(); isOn; isOn = cursor.Next()) keys.Add(System.Text.Encoding.UTF8.GetString(cursor.Key));
        return keys;
    }

    private static Thread Start(Action body)
    {
        var thread = new Thread(() => body()) { IsBackground = true };
        thread.Start();
        return thread;
    }

    /// <summary>A clock that stops one thread when it asks for the time: in the list of snapshots that is under its lock.</summary>
    private sealed class HeldClock : TimeProvider, IDisposable
    {
        private readonly ManualResetEventSlim _isHeld = new();
        private readonly ManualResetEventSlim _mayGo = new();
        private volatile Thread? _held;

        /// <summary>Runs the body on a thread of its own; returns when that is held.</summary>
        public Thread Hold(Action body)
        {
            Thread thread = Start(() =>
            {
                _held = Thread.CurrentThread;
                body();
            });
            Assert.True(_isHeld.Wait(Patience));
            return thread;
        }

        public void LetGo() => _mayGo.Set();

        public override long GetTimestamp()
        {
            if (ReferenceEquals(Thread.CurrentThread, _held))
            {
                _isHeld.Set();
                _mayGo.Wait();
            }

            return base.GetTimestamp();
        }

        public void Dispose()
        {
            _mayGo.Set();
            _isHeld.Dispose();
            _mayGo.Dispose();
        }
    }
}
