using BenchmarkDotNet.Attributes;
using Varve.Bytes;
using Varve.Catalog;
using Varve.Commit;
using Varve.Entries;
using Varve.Files;
using Varve.Levels;
using Varve.Log;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;
using Varve.Runtime;

namespace Varve.Bench;

/// <summary>The commit queue with its log and memtable, without upkeep: a memtable that is full is thrown away.</summary>
public class CommitQueueBenchmarks
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-bench-").FullName;
    private House _house = null!;

    [GlobalSetup]
    public void Open() => _house = new House(_directory);

    [GlobalCleanup]
    public void Close()
    {
        _house.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Queue, group, log buffer, memtable, publish.</summary>
    [Benchmark]
    public int Write() => _house.Write(Durability.None);

    /// <summary>The same, and the record is handed to the system.</summary>
    [Benchmark]
    public int WriteBuffered() => _house.Write(Durability.Buffered);

    private sealed class House : IFlushRoom, IDisposable
    {
        private const long MemtableBytes = 64 << 20;
        private const int Keys = 1 << 16;

        private readonly byte[] _key = BenchKeys.CreateKey();
        private readonly byte[] _value = BenchKeys.CreateValue();
        private readonly BatchBuffer _batch = new();
        private readonly MapIdentity _map = new(1, "bench", isRecorded: true);
        private readonly ReadViews _views;
        private readonly LogWriter _log;
        private readonly CommitQueue _queue;
        private int _number;

        public House(string directory)
        {
            var scheduler = new SystemScheduler(TimeProvider.System);
            var context = new LogContext(
                LocalFileSystem.Instance, directory, new DatabaseId(1, 2), RandomSource.System, SegmentBytes: MemtableBytes);
            _log = new LogWriter(context, context.CreateEra(firstSegment: 1), nextSequence: 1);
            MemTable active = CreateMemTable(0);
            _views = new ReadViews(active, [], LevelMap.CreateEmpty(), visibleSequence: 0);
            active.Release();
            var clock = new StoreClock(scheduler.Clock, mark: 0);
            _queue = new CommitQueue(scheduler, _log, _views, clock, this, new WritePacer(scheduler), MapCatalog.Root, nextMapId: 2);
        }

        public int Write(Durability durability)
        {
            _number = BenchKeys.After(_number, Keys);
            BenchKeys.Write(_key, _number);
            _batch.Clear();
            _batch.AddPut(_map, _key, _value);
            return (int)_queue.Run(CommitKind.Write, _batch, durability);
        }

        public void WaitForRoom()
        {
            while (_views.Unpinned.Frozen is [.., MemTable oldest])
            {
                ulong sequence = oldest.LastSequence;
                _views.InstallLevels(_views.Unpinned.Levels, oldest);
                _queue.RetireLog(sequence);
            }
        }

        public void WaitForFlushed(ulong sequence)
        {
            // Nothing is kept for longer than the memory of it.
        }

        public void SettleIngest()
        {
            // There are no ingests.
        }

        public void OnFrozen()
        {
            // Thrown away when the next one is full.
        }

        public MemTable CreateMemTable(long roomBytes) => new(RegionPool.Shared, MemtableBytes, roomBytes);

        public void Dispose()
        {
            _queue.Run(CommitKind.Close);
            _queue.JoinAsyncLeader();
            _views.Close();
            _log.Dispose();
            _batch.Dispose();
        }
    }
}
