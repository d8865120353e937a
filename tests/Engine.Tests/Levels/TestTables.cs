using System.Text;
using Varve.Levels;
using Varve.Tables;

namespace Varve.Tests.Levels;

/// <summary>Tables that exist by their description only.</summary>
internal static class TestTables
{
    public static TableInfo Info(long number, string smallest, string largest, ulong smallestSequence = 1, ulong largestSequence = 1) =>
        Info(number, Encoding.Latin1.GetBytes(smallest), Encoding.Latin1.GetBytes(largest), smallestSequence, largestSequence);

    public static TableInfo Info(
        long number, byte[] smallest, byte[] largest, ulong smallestSequence = 1, ulong largestSequence = 1) =>
        new()
        {
            Number = number,
            Salt = 0xABCD_0000_0000_0000 + (ulong)number,
            FileBytes = 1_000 + number,
            FileChecksum = 0xF0F0_0000 + (uint)number,
            SmallestKey = smallest,
            SmallestTrailer = largestSequence << 8 | 1,
            LargestKey = largest,
            LargestTrailer = smallestSequence << 8 | 1,
            EntryCount = 100,
            TombstoneCount = 3,
            SmallestSequence = smallestSequence,
            LargestSequence = largestSequence,
            ContentBytes = 5_000,
            IsCompressed = number % 2 == 0,
        };

    /// <summary>A table that the test itself holds, so that no map's release asks for its store.</summary>
    public static Table Make(TableInfo info)
    {
        var table = new Table(info, null!);
        table.AddReference();
        return table;
    }

    public static LevelMap Map(params (int Level, TableInfo Info)[] tables)
    {
        var edit = new LevelEdit();
        foreach ((int level, TableInfo info) in tables) edit.Add(level, info);
        return LevelMap.CreateEmpty().Apply(edit, Make);
    }
}
