using static Varve.Workloads.Peers.LmdbNative;

namespace Varve.Workloads.Peers;

/// <summary>
/// LMDB: one transaction a put, unsynced; a read transaction renewed for each get, so that it sees what was written before.
/// </summary>
internal sealed unsafe class LmdbStore : Store
{
    private const ulong MapBytes = 32UL << 30;

    private readonly nint _environment;
    private readonly nint _reader;
    private readonly uint _handle;

    public LmdbStore(string directory)
    {
        Directory.CreateDirectory(directory);
        nint environment;
        Check(mdb_env_create(&environment));
        _environment = environment;
        Check(mdb_env_set_mapsize(_environment, MapBytes));
        Check(mdb_env_open(_environment, directory, NoSync | NoReadAhead | NoThreadLocal, 0b110_100_100));
        nint transaction;
        uint handle;
        Check(mdb_txn_begin(_environment, 0, 0, &transaction));
        Check(mdb_dbi_open(transaction, null, 0, &handle));
        Check(mdb_txn_commit(transaction));
        _handle = handle;
        Check(mdb_txn_begin(_environment, 0, ReadOnly, &transaction));
        _reader = transaction;
        mdb_txn_reset(_reader);
    }

    public override void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        nint transaction;
        Check(mdb_txn_begin(_environment, 0, 0, &transaction));
        fixed (byte* keyBytes = key, valueBytes = value)
        {
            var putKey = new Value { Bytes = (nuint)key.Length, Data = keyBytes };
            var putValue = new Value { Bytes = (nuint)value.Length, Data = valueBytes };
            Check(mdb_put(transaction, _handle, &putKey, &putValue, 0));
        }

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
        nint transaction;
        nint cursor;
        Check(mdb_txn_begin(_environment, 0, ReadOnly, &transaction));
        Check(mdb_cursor_open(transaction, _handle, &cursor));
        return new LmdbCursor(transaction, cursor);
    }

    /// <summary>There is no work behind a put.</summary>
    public override bool TrySettle() => true;

    public override void Dispose()
    {
        mdb_txn_abort(_reader);
        mdb_env_close(_environment);
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

    private sealed class LmdbCursor(nint transaction, nint cursor) : StoreCursor
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

        public override bool Next() => Move(LmdbNative.Next);

        public override bool Previous() => Move(LmdbNative.Previous);

        public override void Dispose()
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
