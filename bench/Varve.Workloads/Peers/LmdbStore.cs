using static Varve.Workloads.Peers.LmdbNative;

namespace Varve.Workloads.Peers;

/// <summary>
/// LMDB: one transaction a put, or a batch; a read transaction renewed for each get, so that it sees what was written before. Buffered: a
/// writable map and no sync, its fastest way in which a process that dies loses nothing. Synced: its defaults.
/// </summary>
internal sealed unsafe class LmdbStore : Store
{
    private const ulong MapBytes = 32UL << 30;

    private readonly nint _environment;
    private readonly nint _reader;
    private readonly uint _handle;
    private readonly bool _ownsEnvironment;

    /// <summary>With a transaction that can be renewed.</summary>
    private LmdbCursor? _idleCursor;

    public LmdbStore(StoreOptions options)
    {
        _ownsEnvironment = true;
        Directory.CreateDirectory(options.Directory);
        nint environment;
        Check(mdb_env_create(&environment));
        _environment = environment;
        Check(mdb_env_set_mapsize(_environment, MapBytes));
        uint durability = options.IsSynced ? 0 : NoSync | WriteMap;
        Check(mdb_env_open(_environment, options.Directory, durability | NoReadAhead | NoThreadLocal, 0b110_100_100));
        nint transaction;
        uint handle;
        Check(mdb_txn_begin(_environment, 0, 0, &transaction));
        Check(mdb_dbi_open(transaction, null, 0, &handle));
        Check(mdb_txn_commit(transaction));
        _handle = handle;
        _reader = CreateReader();
    }

    private LmdbStore(nint environment, uint handle)
    {
        _environment = environment;
        _handle = handle;
        _reader = CreateReader();
    }

    public override void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => PutMany(key, value, 1);

    public override void PutMany(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, int count)
    {
        int keyBytes = keys.Length / count;
        int valueBytes = values.Length / count;
        nint transaction;
        Check(mdb_txn_begin(_environment, 0, 0, &transaction));
        fixed (byte* firstKey = keys, firstValue = values)
        {
            for (int i = 0; i < count; i++)
            {
                var key = new Value { Bytes = (nuint)keyBytes, Data = firstKey + i * keyBytes };
                var value = new Value { Bytes = (nuint)valueBytes, Data = firstValue + i * valueBytes };
                Check(mdb_put(transaction, _handle, &key, &value, 0));
            }
        }

        Check(mdb_txn_commit(transaction));
    }

    public override void Delete(ReadOnlySpan<byte> key)
    {
        nint transaction;
        Check(mdb_txn_begin(_environment, 0, 0, &transaction));
        int result;
        fixed (byte* keyBytes = key)
        {
            var deleted = new Value { Bytes = (nuint)key.Length, Data = keyBytes };
            result = mdb_del(transaction, _handle, &deleted, null);
        }

        if (result != NotFound) Check(result);
        Check(mdb_txn_commit(transaction));
    }

    public override int Get(ReadOnlySpan<byte> key, Span<byte> destination)
    {
        Check(mdb_txn_renew(_reader));
        int length = GetInTransaction(key, destination);
        mdb_txn_reset(_reader);
        return length;
    }

    /// <summary>It has no call for several keys: one transaction for all of them.</summary>
    public override void GetMany(ReadOnlySpan<byte> keys, Span<byte> values, Span<int> lengths)
    {
        int keyBytes = keys.Length / lengths.Length;
        int valueBytes = values.Length / lengths.Length;
        Check(mdb_txn_renew(_reader));
        for (int i = 0; i < lengths.Length; i++)
            lengths[i] = GetInTransaction(keys.Slice(i * keyBytes, keyBytes), values.Slice(i * valueBytes, valueBytes));
        mdb_txn_reset(_reader);
    }

    public override StoreCursor OpenCursor()
    {
        if (_idleCursor is { } idle)
        {
            _idleCursor = null;
            idle.Renew();
            return idle;
        }

        nint transaction;
        nint cursor;
        Check(mdb_txn_begin(_environment, 0, ReadOnly, &transaction));
        Check(mdb_cursor_open(transaction, _handle, &cursor));
        return new LmdbCursor(this, transaction, cursor);
    }

    public override Store ForAnotherThread() => new LmdbStore(_environment, _handle);

    /// <summary>There is no work behind a put.</summary>
    public override bool TrySettle() => true;

    public override void Dispose()
    {
        _idleCursor?.Close();
        mdb_txn_abort(_reader);
        if (_ownsEnvironment) mdb_env_close(_environment);
    }

    private nint CreateReader()
    {
        nint reader;
        Check(mdb_txn_begin(_environment, 0, ReadOnly, &reader));
        mdb_txn_reset(reader);
        return reader;
    }

    private int GetInTransaction(ReadOnlySpan<byte> key, Span<byte> destination)
    {
        fixed (byte* keyBytes = key)
        {
            var asked = new Value { Bytes = (nuint)key.Length, Data = keyBytes };
            Value found;
            int result = mdb_get(_reader, _handle, &asked, &found);
            if (result == NotFound) return -1;
            Check(result);
            int length = (int)found.Bytes;
            new ReadOnlySpan<byte>(found.Data, length).CopyTo(destination);
            return length;
        }
    }

    private static void Check(int result)
    {
        if (result != 0) throw new IOException($"lmdb: error {result}");
    }

    private sealed class LmdbCursor(LmdbStore store, nint transaction, nint cursor) : StoreCursor
    {
        private Value _key;
        private Value _value;

        public override ReadOnlySpan<byte> Key => new(_key.Data, (int)_key.Bytes);

        public override ReadOnlySpan<byte> Value => new(_value.Data, (int)_value.Bytes);

        public override bool SeekToFirst() => Move(First);

        public override bool SeekToLast() => Move(Last);

        public override bool Seek(ReadOnlySpan<byte> key)
        {
            fixed (byte* keyBytes = key)
            {
                _key = new Value { Bytes = (nuint)key.Length, Data = keyBytes };
                return Move(SetRange);
            }
        }

        public override bool SeekForPrevious(ReadOnlySpan<byte> key)
        {
            if (!Seek(key)) return SeekToLast();
            return Key.SequenceEqual(key) || Previous();
        }

        public override bool Next() => Move(LmdbNative.Next);

        public override bool Previous() => Move(LmdbNative.Previous);

        public void Renew()
        {
            Check(mdb_txn_renew(transaction));
            Check(mdb_cursor_renew(transaction, cursor));
        }

        public override void Dispose()
        {
            if (store._idleCursor is not null)
            {
                Close();
                return;
            }

            mdb_txn_reset(transaction);
            store._idleCursor = this;
        }

        public void Close()
        {
            mdb_cursor_close(cursor);
            mdb_txn_abort(transaction);
        }

        private bool Move(int operation)
        {
            fixed (Value* key = &_key, value = &_value)
            {
                int result = mdb_cursor_get(cursor, key, value, operation);
                if (result == NotFound) return false;
                Check(result);
                return true;
            }
        }
    }
}
