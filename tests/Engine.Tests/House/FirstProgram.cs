using System.Text;

namespace Varve.Tests.House;

/// <summary>The README's first program. A test holds both together, so that the README shows what compiles and runs.</summary>
internal static class FirstProgram
{
    public static void Run(string directory, TextWriter output)
    {
        // begin
        using Database database = Database.Open(directory);
        SortedMap cities = database.GetMap("cities");
        SortedMap capitals = database.GetMap("capitals");

        cities.Put("fr/lyon"u8, "520,774"u8);                    // on the device when it returns
        using WriteBatch batch = database.CreateBatch();         // two maps, all or nothing
        batch.Put(cities, "fr/paris"u8, "2,113,705"u8);
        batch.Put(capitals, "fr"u8, "paris"u8);
        database.Write(batch);

        foreach (Entry city in cities.Prefix("fr/"u8, Direction.Descending))
            output.WriteLine($"{Encoding.UTF8.GetString(city.Key)}: {Encoding.UTF8.GetString(city.Value)}");
        // end
    }
}
