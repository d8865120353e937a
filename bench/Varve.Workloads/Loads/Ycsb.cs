namespace Varve.Workloads.Loads;

/// <summary>
/// YCSB's core workloads by one thread. Keys are drawn by their popularity (<see cref="Zipfian"/>); the popular ones are spread over the
/// key space by the order of the fill, as YCSB spreads them by a hash.
/// </summary>
internal static class Ycsb
{
    private const int ScanEntriesMax = 100;
    private const int Seed = 42;

    /// <summary>The popularity of the keys. Takes its time: made before the clock starts.</summary>
    public static Zipfian CreatePopular(KeySpace keys) => new(keys.Count, new RandomBits(Seed + 1));

    /// <summary>Half gets, half updates.</summary>
    public static long A(Load load) => GetAndUpdate(load, updatePercent: 50);

    /// <summary>95 % gets, 5 % updates.</summary>
    public static long B(Load load) => GetAndUpdate(load, updatePercent: 5);

    /// <summary>Gets only.</summary>
    public static long C(Load load) => GetAndUpdate(load, updatePercent: 0);

    /// <summary>95 % gets, those inserted last the most popular; 5 % inserts.</summary>
    public static long D(Load load)
    {
        var client = new Client(load);
        for (long i = 0; i < load.Operations; i++)
        {
            if (client.Percent() < 5) client.Insert();
            else client.GetLatest();
        }

        return load.Operations;
    }

    /// <summary>95 % scans of 1 to 100 entries, 5 % inserts.</summary>
    public static long E(Load load)
    {
        var client = new Client(load);
        for (long i = 0; i < load.Operations; i++)
        {
            if (client.Percent() < 5) client.Insert();
            else client.Scan();
        }

        return load.Operations;
    }

    /// <summary>Half gets, half read-modify-writes.</summary>
    public static long F(Load load)
    {
        var client = new Client(load);
        for (long i = 0; i < load.Operations; i++)
        {
            if (client.Percent() < 50) client.ReadModifyWrite(i);
            else client.Get();
        }

        return load.Operations;
    }

    private static long GetAndUpdate(Load load, int updatePercent)
    {
        var client = new Client(load);
        for (long i = 0; i < load.Operations; i++)
        {
            if (client.Percent() < updatePercent) client.Update(i);
            else client.Get();
        }

        return load.Operations;
    }

    private sealed class Client(Load load)
    {
        private readonly KeySpace _keys = load.Keys;
        private readonly byte[] _key = new byte[KeySpace.KeyBytes];
        private readonly byte[] _value = new byte[load.Keys.ValueBytes];
        private readonly RandomBits _random = new(Seed);
        private readonly Zipfian _popular = load.Popular ?? throw new InvalidOperationException("Nothing says which keys are popular.");
        private long _inserted;

        public int Percent() => _random.NextBelow(100);

        public void Get() => Get(_popular.Next());

        /// <summary>The popularity follows the order of inserts, the latest first.</summary>
        public void GetLatest()
        {
            long count = _keys.Count + _inserted;
            if (_popular.Count < count) _popular.GrowTo(count);
            Get(count - 1 - _popular.Next());
        }

        public void Update(long version)
        {
            long number = WriteKeyOf(_popular.Next());
            _keys.WriteValue(_value, number, version);
            Put();
        }

        public void ReadModifyWrite(long version)
        {
            long number = WriteKeyOf(_popular.Next());
            load.Meter.Start();
            int length = load.Store.Get(_key, _value);
            Check(number, length);
            _value[^1] += (byte)version;
            load.Store.Put(_key, _value);
            load.Meter.Stop();
            load.EntriesWritten++;
        }

        /// <summary>A key between two that are there, drawn as those are. When there are no more, those come again.</summary>
        public void Insert()
        {
            long number = WriteKeyOf(_keys.Count + _inserted % _keys.Count);
            _keys.WriteValue(_value, number);
            Put();
            _inserted++;
        }

        public void Scan()
        {
            long number = WriteKeyOf(_popular.Next());
            int entries = 1 + _random.NextBelow(ScanEntriesMax);
            long sum = 0;
            load.Meter.Start();
            using (StoreCursor cursor = load.Store.OpenCursor())
            {
                bool isOn = cursor.Seek(_key);
                if (!isOn || KeySpace.NumberOf(cursor.Key) != number) load.ThrowWrong($"a seek to {number} went elsewhere.");
                for (int i = 0; i < entries && isOn; i++, isOn = cursor.Next()) sum += cursor.Key[7] + cursor.Value[0];
            }

            load.Meter.Stop();
            GC.KeepAlive(sum);
        }

        private void Get(long place)
        {
            long number = WriteKeyOf(place);
            load.Meter.Start();
            int length = load.Store.Get(_key, _value);
            load.Meter.Stop();
            Check(number, length);
        }

        private void Check(long number, int length)
        {
            if (length != _keys.ValueBytes || KeySpace.NumberOf(_value) != number)
                load.ThrowWrong($"key {number} gave {length} bytes.");
        }

        private void Put()
        {
            load.Meter.Start();
            load.Store.Put(_key, _value);
            load.Meter.Stop();
            load.EntriesWritten++;
        }

        /// <param name="place">In the order of the fill; from the number of entries on, those that were inserted.</param>
        private long WriteKeyOf(long place)
        {
            long number;
            if (place < _keys.Count)
            {
                number = _keys.Shuffled(place);
                KeySpace.WriteKey(_key, number);
            }
            else
            {
                number = _keys.Shuffled(place % _keys.Count);
                KeySpace.WriteMissingKey(_key, number);
            }

            return number;
        }
    }
}
