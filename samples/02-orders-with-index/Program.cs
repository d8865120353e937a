// Orders of a shop, with two indexes that cannot drift from them: each change is one batch over three maps.
using System.Text.Json.Serialization;
using Varve;
using Varve.Samples;

return Sample.Run(directory =>
{
    using Database database = Database.Open(directory);
    var shop = new Shop(database);

    shop.Save(new Order(1, "ada", 120.00m, OrderState.Open));
    shop.Save(new Order(2, "ben", 80.50m, OrderState.Open));
    shop.Save(new Order(3, "ada", 15.25m, OrderState.Open));
    shop.Save(new Order(4, "ada", 999.99m, OrderState.Open));
    shop.Save(new Order(5, "adam", 1.00m, OrderState.Open));
    Sample.Check("orders of ada, latest first", string.Join(", ", shop.OrdersOf("ada").Select(order => order.Number)), "4, 3, 1");

    shop.Save(shop.Find(3)! with { State = OrderState.Paid });
    shop.Save(shop.Find(4)! with { State = OrderState.Sent });
    shop.Remove(2);

    Sample.Check("open", string.Join(", ", shop.Numbers(OrderState.Open)), "1, 5");
    Sample.Check("paid", string.Join(", ", shop.Numbers(OrderState.Paid)), "3");
    Sample.Check("orders of ben", shop.OrdersOf("ben").Count(), 0);
    Sample.Check("orders 3 to 5 are worth", shop.Worth(3, 5), 1016.24m);
    Sample.Check("indexes agree with the orders", shop.IsConsistent(), true);
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
    private readonly SortedMap<long, Order> _orders = database.GetMap<long, Order>("orders", ShopJson.Default.Order);

    private readonly SortedMap<(string Customer, long Number), byte[]> _byCustomer =
        database.GetMap("orders by customer", KeyCodec.Tuple<string, long>(), ValueCodec.Bytes);

    private readonly SortedMap<(OrderState State, long Number), byte[]> _byState =
        database.GetMap("orders by state", KeyCodec.Tuple<OrderState, long>(), ValueCodec.Bytes);

    // Two threads that save the same order would each remove the index entries that they have seen.
    private readonly Lock _saving = new();

    public Order? Find(long number) => _orders.GetValueOrDefault(number);

    public void Save(Order order)
    {
        lock (_saving)
        {
            using WriteBatch batch = database.CreateBatch();
            RemoveFromIndexes(batch, order.Number);
            batch.Put(_orders, order.Number, order);
            batch.Put(_byCustomer, (order.Customer, order.Number), []);
            batch.Put(_byState, (order.State, order.Number), []);
            database.Write(batch);
        }
    }

    public void Remove(long number)
    {
        lock (_saving)
        {
            using WriteBatch batch = database.CreateBatch();
            RemoveFromIndexes(batch, number);
            batch.Delete(_orders, number);
            database.Write(batch);
        }
    }

    /// <summary>"ada" means the whole name: those of "adam" are others.</summary>
    public IEnumerable<Order> OrdersOf(string customer)
    {
        using Snapshot moment = database.CreateSnapshot();
        var numbers = _byCustomer.Prefix(customer, Direction.Descending, snapshot: moment).Select(entry => entry.Key.Number);
        foreach (long number in numbers) yield return _orders.GetValueOrDefault(number, null, moment)!;
    }

    public IEnumerable<long> Numbers(OrderState state) => _byState.Prefix(state).Select(entry => entry.Key.Number);

    public decimal Worth(long first, long last) => _orders.Range(first, last + 1).Sum(entry => entry.Value.Total);

    /// <summary>Index and orders are read at one moment: what is saved beside it cannot disturb.</summary>
    public bool IsConsistent()
    {
        using Snapshot moment = database.CreateSnapshot();
        long count = 0;
        foreach ((long number, Order order) in _orders.All(snapshot: moment))
        {
            count++;
            if (!_byCustomer.Contains((order.Customer, number), moment) || !_byState.Contains((order.State, number), moment)) return false;
        }

        return _byCustomer.All(snapshot: moment).LongCount() == count && _byState.All(snapshot: moment).LongCount() == count;
    }

    private void RemoveFromIndexes(WriteBatch batch, long number)
    {
        if (!_orders.TryGet(number, out Order? old)) return;
        batch.Delete(_byCustomer, (old.Customer, number));
        batch.Delete(_byState, (old.State, number));
    }
}
