using Varve.Commit;
using Varve.Log;
using Varve.Runtime;

namespace Varve.Tests.Commit;

/// <summary>Marks of what is durable, asked for beside writes and between them.</summary>
public sealed class CommitMarkTests
{
    private const int SeedCount = 8;

    [Fact]
    public void A_mark_is_asked_for_while_the_leader_waits_for_the_one_who_asks()
    {
        for (int seed = 1; seed <= SeedCount; seed++)
        {
            CommitHouse.Run(seed, house =>
            {
                EngineSignal room = house.Scheduler.CreateSignal("room");
                house.BeforeRotation = room.Wait;
                house.Put("k", Durability.None);
                EngineThread leader = house.Start(() => house.Queue.Run(CommitKind.Rotate));
                house.LetOthersQueue();
                house.Queue.RequestMark();
                Assert.Equal(["k"], house.Recover().Keys);
                room.Set();
                leader.Join();
            });
        }
    }

    [Fact]
    public void A_mark_asked_for_while_somebody_leads_is_written_when_the_group_is_done()
    {
        CommitHouse.Run(1, house =>
        {
            EngineThread leader = house.StartSync();
            long before = house.DrainedLogBytes;
            house.Queue.RequestMark();
            Assert.Equal(before, house.DrainedLogBytes);
            leader.Join();
            long marked = house.DrainedLogBytes;
            Assert.Equal(before + LogFrame.HeaderBytes, marked);

            // It says already what another would.
            house.Queue.RequestMark();
            Assert.Equal(marked, house.DrainedLogBytes);
        });
    }

    [Fact]
    public void A_mark_that_finds_no_room_for_a_segment_stops_nobody()
    {
        CommitHouse.Run(1, house =>
        {
            house.FillSegment(leaveBytes: 16);
            house.Queue.Run(CommitKind.Sync);
            house.Log.Disk.Faults = FaultPlan.Matching(
                call => call.Operation == DiskOperation.Open, Fault.Error(Errors.NoSpace), forEver: true);
            house.Queue.RequestMark();
            Assert.NotNull(house.Log.Disk.LastFault);
            Assert.Null(house.Queue.StopCause);
            house.Log.Disk.Faults = null;
            house.Put("next", Durability.Synced);
        });
    }
}
