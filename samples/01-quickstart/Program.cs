// A shopping list: open, put, get, delete, walk in order, find everything again after the program has ended, and throw it away.
using Varve;
using Varve.Samples;

return Sample.Run(directory =>
{
    using (Database database = Database.Open(directory))
    {
        SortedMap list = database.GetMap("shopping");

        // Each write is on the device when the call returns: a power cut loses nothing that was acknowledged.
        list.Put("bread", "1 loaf");
        list.Put("apples", "6");
        list.Put("milk", "2 litres");

        Sample.Check("milk", list.GetText("milk"), "2 litres");
        list.Put("milk", "3 litres");
        list.Delete("bread");
        Sample.Check("is there still bread to buy", list.Contains("bread"), false);

        // What is written later is not seen in a snapshot.
        using Snapshot before = database.CreateSnapshot();
        list.Put("tea", "100 g");
        Sample.Check("tea before", list.GetText("tea", before), null);
        Sample.Check("tea now", list.GetText("tea"), "100 g");
    }

    // As if the program had been started anew.
    using (Database database = Database.Open(directory))
    {
        // The same map, with types. Nothing about them is stored: text is UTF-8 either way.
        SortedMap<string, string> list = database.GetMap<string, string>("shopping");
        string inOrder = string.Join(", ", list.All().Select(entry => $"{entry.Key} ({entry.Value})"));
        Sample.Check("list", inOrder, "apples (6), milk (3 litres), tea (100 g)");
        string backward = string.Join(", ", list.All(Direction.Descending).Select(entry => entry.Key));
        Sample.Check("the other way", backward, "tea, milk, apples");

        // All is bought: the map goes as a whole, however much is in it.
        database.DropMap("shopping");
        Sample.Check("maps left", database.ListMaps().Count, 0);
    }
});
