// Orders of a shop: indexes that cannot drift from their data, changes that notice each other, a join that is one read, and a journal in a
// database of its own that follows the change feed.
using System.Text.Json.Serialization;
using Varve;
using Varve.Samples;

return await Sample.RunAsync(async directory =>
{
    using Database database = Database.Open(directory);
    var shop = new Shop(database);
    shop.Name("ada", "Ada Lovelace");
    shop.Name("ben", "Benjamin Blue");
    shop.Name("adam", "Adam Smith");
    shop.Add(new Order(1, "ada", 120.00m, OrderState.Open));
    shop.Add(new Order(2, "ben", 80.50m, OrderState.Open));
    shop.Add(new Order(3, "ada", 15.25m, OrderState.Open));
    shop.Add(new Order(4, "ada", 999.99m, OrderState.Open));
    shop.Add(new Order(5, "adam", 1.00m, OrderState.Open));
    Sample.Check("a second order 5", shop.Add(new Order(5, "ben", 1.00m, OrderState.Open)), false);
    Sample.Check("orders of ada, latest first", string.Join(", ", shop.OrdersOf("ada").Select(order => order.Number)), "4, 3, 1");

    // Many keys at once: the customers of all open orders are one read, of one moment.
    Sample.Check("open", string.Join("; ", shop.WhoHasOpenOrders()),
        "1 Ada Lovelace; 2 Benjamin Blue; 3 Ada Lovelace; 4 Ada Lovelace; 5 Adam Smith");

    // The journal of the first five orders, from the first write on.
    using (Database journalDatabase = Database.Open(directory + "-journal"))
    {
        Sample.Check("changes that are new", await new Journal(journalDatabase, shop).FollowAsync(database), 5);
    }

    shop.Change(3, order => order with { State = OrderState.Paid });
    shop.Change(4, order => order with { State = OrderState.Sent });
    shop.Remove(2);
    Sample.Check("paid", string.Join(", ", shop.Numbers(OrderState.Paid)), "3");
    Sample.Check("orders of ben", shop.OrdersOf("ben").Count, 0);
    Sample.Check("orders 3 to 5 are worth", shop.Worth(3, 5), 1016.24m);

    // Four clerks add a penny each, 25 times, to the same order. Whoever comes too late reads again; no penny is lost.
    Parallel.For(0, 4, _ =>
    {
        for (int i = 0; i < 25; i++) shop.Change(1, order => order with { Total = order.Total + 0.01m });
    });
    Sample.Check("order 1 is worth", shop.Worth(1, 1), 121.00m);
    Sample.Check("indexes agree with the orders", shop.IsConsistent(), true);

    // The journal's database is opened again and goes on from the position that it has stored.
    using (Database journalDatabase = Database.Open(directory + "-journal"))
    {
        var journal = new Journal(journalDatabase, shop);
        Sample.Check("changes that are new", await journal.FollowAsync(database), 103);
        Sample.Check("changes that are new, asked again", await journal.FollowAsync(database), 0);
        Sample.Check("what happened to order 3", string.Join(", ", journal.Of(3)), "Open, Paid");
        Sample.Check("what happened to order 2", string.Join(", ", journal.Of(2)), "Open, removed");
    }
});

internal enum OrderState : byte
{
    Open = 0,
    Paid = 1,
    Sent = 2,
}

internal sealed record Order(long Number, string Customer, decimal Total, OrderState State);

[JsonSerializable(typeof(Order))]
internal sealed partial class ShopJson : JsonSerializerContext;

/// <summary>The orders by number, and by customer and state: (customer, number) and (state, number), each without a value.</summary>
internal sealed class Shop(Database database)
{
    private readonly SortedMap<string, string> _customers = database.GetMap<string, string>("customers");

    private readonly SortedMap<(string Customer, long Number), byte[]> _byCustomer =
        database.GetMap("orders by customer", KeyCodec.Tuple<string, long>(), ValueCodec.Bytes);

    private readonly SortedMap<(OrderState State, long Number), byte[]> _byState =
        database.GetMap("orders by state", KeyCodec.Tuple<OrderState, long>(), ValueCodec.Bytes);

    public SortedMap<long, Order> Orders { get; } = database.GetMap<long, Order>("orders", ShopJson.Default.Order);

    public void Name(string customer, string name) => _customers.Put(customer, name);

    /// <summary>False where the number is taken.</summary>
    public bool Add(Order order)
    {
        using WriteBatch batch = database.CreateBatch();
        batch.RequireAbsent(Orders, order.Number);
        Put(batch, order);
        return database.TryWrite(batch).IsCommitted;
    }

    /// <summary>Order and indexes change together, and only if the order is still the one that was read.</summary>
    public void Change(long number, Func<Order, Order> change)
    {
        using WriteBatch batch = database.CreateBatch();
        do
        {
            batch.Clear();
            if (!Orders.TryGet(number, out Order? old, out EntryVersion version)) throw new KeyNotFoundException($"Order {number}");
            batch.RequireVersion(Orders, number, version);
            Delete(batch, old);
            Put(batch, change(old));
        }
        while (!database.TryWrite(batch).IsCommitted);
    }

    public void Remove(long number)
    {
        using WriteBatch batch = database.CreateBatch();
        do
        {
            batch.Clear();
            if (!Orders.TryGet(number, out Order? old, out EntryVersion version)) return;
            batch.RequireVersion(Orders, number, version);
            Delete(batch, old);
            batch.Delete(Orders, number);
        }
        while (!database.TryWrite(batch).IsCommitted);
    }

    /// <summary>"ada" means the whole name: those of "adam" are others. The orders are read as one, at the index's moment.</summary>
    public List<Order> OrdersOf(string customer)
    {
        using Snapshot moment = database.CreateSnapshot();
        using MultiGet gets = database.CreateMultiGet();
        foreach (var (key, _) in _byCustomer.Prefix(customer, Direction.Descending, snapshot: moment)) gets.Add(Orders, key.Number);
        gets.Run(moment);
        var orders = new List<Order>();
        for (int i = 0; i < gets.Count; i++)
        {
            if (gets.TryGetValue(Orders, i, out Order? order)) orders.Add(order);
        }

        return orders;
    }

    public List<string> WhoHasOpenOrders()
    {
        using Snapshot moment = database.CreateSnapshot();
        Order[] orders = [.. Numbers(OrderState.Open, moment).Select(number => Orders.GetValueOrDefault(number, null, moment)!)];
        using MultiGet gets = database.CreateMultiGet();
        foreach (Order order in orders) gets.Add(_customers, order.Customer);
        gets.Run(moment);
        var lines = new List<string>();
        for (int i = 0; i < orders.Length; i++)
            lines.Add($"{orders[i].Number} {(gets.TryGetValue(_customers, i, out string? name) ? name : "unknown")}");
        return lines;
    }

    public IEnumerable<long> Numbers(OrderState state, Snapshot? moment = null) =>
        _byState.Prefix(state, snapshot: moment).Select(entry => entry.Key.Number);

    public decimal Worth(long first, long last) => Orders.Range(first, last + 1).Sum(entry => entry.Value.Total);

    /// <summary>Index and orders are read at one moment: what is saved beside it cannot disturb.</summary>
    public bool IsConsistent()
    {
        using Snapshot moment = database.CreateSnapshot();
        long count = 0;
        foreach ((long number, Order order) in Orders.All(snapshot: moment))
        {
            count++;
            if (!_byCustomer.Contains((order.Customer, number), moment) || !_byState.Contains((order.State, number), moment)) return false;
        }

        return _byCustomer.All(snapshot: moment).LongCount() == count && _byState.All(snapshot: moment).LongCount() == count;
    }

    private void Put(WriteBatch batch, Order order)
    {
        batch.Put(Orders, order.Number, order);
        batch.Put(_byCustomer, (order.Customer, order.Number), []);
        batch.Put(_byState, (order.State, order.Number), []);
    }

    private void Delete(WriteBatch batch, Order order)
    {
        batch.Delete(_byCustomer, (order.Customer, order.Number));
        batch.Delete(_byState, (order.State, order.Number));
    }
}

/// <summary>
/// What happened to each order, made from the change feed. What is written of a batch and the position behind it are one batch: however
/// this ends, it goes on where it stopped and counts nothing twice.
/// </summary>
internal sealed class Journal(Database database, Shop shop)
{
    private readonly SortedMap<(long Number, ulong Sequence), string> _events =
        database.GetMap("events", KeyCodec.Tuple<long, ulong>(), ValueCodec.Text);

    private readonly SortedMap<string, ulong> _positions = database.GetMap<string, ulong>("positions");

    public IEnumerable<string> Of(long number) => _events.Prefix(number).Select(entry => entry.Value);

    /// <summary>Up to what is there now; without <see cref="ChangeFeedOptions.StopsAtEnd"/> it would wait for more.</summary>
    public async Task<int> FollowAsync(Database source)
    {
        int count = 0;
        using WriteBatch written = database.CreateBatch();
        ulong position = _positions.GetValueOrDefault("orders");
        await foreach (ChangeBatch batch in source.ReadChanges(position, new ChangeFeedOptions { StopsAtEnd = true }))
        {
            foreach (Change change in batch.Changes)
            {
                if (change.MapName != shop.Orders.Name || !shop.Orders.KeyCodec.TryRead(change.Key.Span, out long number)) continue;
                string what = shop.Orders.ValueCodec.TryRead(change.Value.Span, out Order? order) ? $"{order.State}" : "removed";
                written.Put(_events, (number, batch.Sequence), what);
                count++;
            }

            // A large batch comes in pieces: the position is that of a whole one.
            if (!batch.IsLastPiece) continue;
            written.Put(_positions, "orders", batch.Sequence);
            database.Write(written, Durability.Buffered);
            written.Clear();
        }

        return count;
    }
}
