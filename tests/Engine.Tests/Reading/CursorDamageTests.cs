using System.Globalization;
using Varve.Entries;
using Varve.Reading;
using Varve.Tables;
using Varve.Tests.Tables;

namespace Varve.Tests.Reading;

/// <summary>What every layer of cursors does when a block or a whole table under it is damaged.</summary>
public sealed class CursorDamageTests : IDisposable
{
    private const int TableCount = 3;
    private const int EntriesPerTable = 300;
    private const int EntryCount = TableCount * EntriesPerTable;
    private const int DamagedTable = 1;

    private readonly TableFixture _fixture = new();
    private readonly Table[] _tables = new Table[TableCount];

    public CursorDamageTests()
    {
        for (int i = 0; i < TableCount; i++)
        {
            int first = i * EntriesPerTable;
            _tables[i] = _fixture.Write(
                Enumerable.Range(first, EntriesPerTable).Select(number => TableFixture.Put(NameOf(number), 1, new string('v', 50))),
                number: i + 1);
        }
    }

    public static TheoryData<string, bool, bool> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, bool, bool>();
            foreach (string kind in (string[])["level", "merged", "visible"])
            {
                foreach (bool isForeground in (bool[])[true, false])
                {
                    kinds.Add(kind, isForeground, false);
                    kinds.Add(kind, isForeground, true);
                }
            }

            kinds.Add("table", true, false);
            kinds.Add("table", false, false);
            return kinds;
        }
    }

    public void Dispose()
    {
        foreach (Table table in _tables) table.Release();
        _fixture.Dispose();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_move_that_meets_damage_leaves_no_entry_and_a_seek_elsewhere_goes_on(string kind, bool isForeground, bool isWholeTable)
    {
        Damage(isWholeTable);
        using Walker cursor = Open(kind, isForeground ? CursorPurpose.Foreground : CursorPurpose.Compaction);
        int first = kind == "table" ? EntriesPerTable : 0;
        int last = kind == "table" ? 2 * EntriesPerTable - 1 : EntryCount - 1;
        for (int round = 0; round < 2; round++)
        {
            int before = WalkToDamage(cursor, first, step: 1);
            int behind = WalkToDamage(cursor, last, step: -1);

            // On the way back the entry before is looked at to know that an entry is shown in its newest version.
            if (kind == "visible") behind--;
            Assert.InRange(behind - before, 2, EntriesPerTable + 1);
            for (int number = before - 3; number <= behind + 3; number++)
            {
                // From a sound entry of the same table, where there is one, so that there is something stale to show.
                cursor.Seek(NameOf(first));
                Assert.True(cursor.IsValid);
                bool isReadable = number <= before || number >= behind;
                Assert.Equal(isReadable, Record.Exception(() => cursor.Seek(NameOf(number))) is null);
                Assert.Equal(isReadable, cursor.IsValid);
                if (isReadable) Assert.Equal(NameOf(number), cursor.Key);
                else Assert.Throws<CorruptDataException>(() => cursor.SeekForPrevious(NameOf(number)));
                Assert.Equal(isReadable, cursor.IsValid);
            }
        }
    }

    private static string NameOf(int number) => "k" + number.ToString("D4", CultureInfo.InvariantCulture);

    /// <summary>Walks until a move throws; returns the last entry that was shown.</summary>
    private static int WalkToDamage(Walker cursor, int from, int step)
    {
        if (step > 0) cursor.SeekToFirst();
        else cursor.SeekToLast();
        for (int number = from; ; number += step)
        {
            Assert.True(cursor.IsValid);
            Assert.Equal(NameOf(number), cursor.Key);
            Exception? failure = Record.Exception(() =>
            {
                if (step > 0) cursor.Next();
                else cursor.Previous();
            });
            if (failure is null) continue;
            Assert.IsType<CorruptDataException>(failure);
            Assert.False(cursor.IsValid);
            return number;
        }
    }

    private void Damage(bool isWholeTable)
    {
        Table table = _tables[DamagedTable];
        byte[] file = _fixture.Disk.ReadAll(table.FilePath);
        int offset = isWholeTable
            ? file.Length - 1
            : file.AsSpan().IndexOf(TableFixture.Encode(NameOf(DamagedTable * EntriesPerTable + EntriesPerTable / 2)));
        _fixture.Disk.FlipBit(table.FilePath, 8L * offset);
    }

    private Walker Open(string kind, CursorPurpose purpose)
    {
        if (kind == "table") return new Walker(_tables[DamagedTable].CreateCursor(purpose));
        var level = new LevelCursor(_tables, purpose);
        if (kind == "level") return new Walker(level);
        var merged = new MergingCursor([new ListCursor([]), level, new ListCursor([TableFixture.Put("z", 9, "invisible")])], [(byte)'k']);
        if (kind == "merged") return new Walker(merged, isOneBehind: true);
        return new Walker(new VisibleCursor(merged, new ReadMoment(sequence: 5, milliseconds: 0), lower: [], upper: null));
    }

    /// <summary>Entry cursors and visible ones in the same words.</summary>
    private sealed class Walker : IDisposable
    {
        private readonly EntryCursor? _entries;
        private readonly VisibleCursor? _visible;
        private readonly bool _isOneBehind;

        /// <param name="entries">Walked over.</param>
        /// <param name="isOneBehind">One more entry stands behind those of the tables.</param>
        public Walker(EntryCursor entries, bool isOneBehind = false)
        {
            _entries = entries;
            _isOneBehind = isOneBehind;
        }

        public Walker(VisibleCursor visible) => _visible = visible;

        public bool IsValid => _entries?.IsValid ?? _visible!.IsValid;

        public string Key => System.Text.Encoding.UTF8.GetString(_entries is null ? _visible!.Key : _entries.KeySpan);

        public void SeekToFirst()
        {
            _entries?.SeekToFirst();
            _visible?.SeekToFirst();
        }

        public void SeekToLast()
        {
            _entries?.SeekToLast();
            _visible?.SeekToLast();
            if (_isOneBehind) Previous();
        }

        public void Seek(string key)
        {
            _entries?.Seek(TableFixture.Encode(key), Trailer.Newest);
            _visible?.Seek(TableFixture.Encode(key));
        }

        public void SeekForPrevious(string key)
        {
            _entries?.SeekForPrevious(TableFixture.Encode(key), Trailer.Oldest);
            _visible?.SeekForPrevious(TableFixture.Encode(key));
        }

        public void Next()
        {
            _entries?.Next();
            _visible?.Next();
        }

        public void Previous()
        {
            _entries?.Previous();
            _visible?.Previous();
        }

        public void Dispose()
        {
            _entries?.Dispose();
            _visible?.Dispose();
        }
    }
}
