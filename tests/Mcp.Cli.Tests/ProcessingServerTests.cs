using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Cli.Servers;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Tests;

public sealed class ProcessingServerTests : ServerHouse
{
    private const double Unreachable = 0;

    [Fact]
    public async Task A_payment_is_made_and_recorded()
    {
        await using TestServer server = await StartAsync(new ScriptedSimulation());
        JsonElement made = await server.GetAsync("process_payment", new { amount = 99.99, description = "Books" });
        JsonElement payment = made.GetProperty("payment");
        string transactionId = payment.GetProperty("transaction_id").GetString()!;
        Assert.Matches("^txn_[0-9]{6}$", transactionId);
        Assert.Equal(99.99m, payment.GetProperty("amount").GetDecimal());
        Assert.Equal("USD", payment.GetProperty("currency").GetString());
        Assert.Equal("completed", payment.GetProperty("status").GetString());
        JsonElement row = (await server.GetAsync("get_payment", new { transaction_id = transactionId })).GetProperty("payment");
        Assert.Equal("Books", row.GetProperty("description").GetString());
    }

    [Fact]
    public async Task Two_payments_never_share_a_transaction()
    {
        // The service gives the same number each time.
        await using TestServer server = await StartAsync(new ScriptedSimulation());
        for (int i = 0; i < 5; i++) await server.GetAsync("process_payment", new { amount = 10 });
        Assert.Equal(5, (await EntriesAsync("payments")).Count);
    }

    [Theory]
    [InlineData(75.01, "75.01")]
    [InlineData(0.01, "0.01")]
    [InlineData(99999.01, "99999.01")]
    public async Task Amounts_that_end_in_a_cent_meet_one_network_error(double amount, string key)
    {
        var simulation = new ScriptedSimulation();
        await using TestServer server = await StartAsync(simulation);
        await server.GetAsync("process_payment", new { amount });
        Assert.Equal(1, simulation.CallsOf("payment"));
        MapEntry attempts = Assert.Single(await EntriesAsync("retry_attempts"));
        Assert.Equal($"payment_{key}_USD", attempts.Key);
        Assert.Equal("2", Encoding.UTF8.GetString(attempts.Value.Span));
    }

    [Theory]
    [InlineData(100_000.5, "USD", "InsufficientFundsError")]
    [InlineData(10, "INVALID", "PaymentRejectedError")]
    [InlineData(-1, "USD", "PaymentRejectedError")]
    public async Task A_refused_payment_is_not_tried_again(double amount, string currency, string errorType)
    {
        var simulation = new ScriptedSimulation();
        await using TestServer server = await StartAsync(simulation);
        JsonElement error = await server.GetErrorAsync("process_payment", new { amount, currency });
        Assert.Equal(errorType, error.GetProperty("error_type").GetString());
        Assert.False(error.GetProperty("retryable").GetBoolean());
        Assert.Equal(0, simulation.CallsOf("payment"));
        Assert.Empty(await EntriesAsync("payments"));
    }

    [Fact]
    public async Task An_exchange_rate_is_asked_for_until_there_is_one()
    {
        var simulation = new ScriptedSimulation(("exchange_rate", Unreachable), ("exchange_rate", Unreachable));
        await using TestServer server = await StartAsync(simulation);
        JsonElement rate = await server.GetAsync("fetch_exchange_rate", new { from_currency = "USD", to_currency = "EUR" });
        JsonElement data = rate.GetProperty("data");
        Assert.Equal("USD", data.GetProperty("from").GetString());
        Assert.Equal("EUR", data.GetProperty("to").GetString());
        Assert.InRange(data.GetProperty("rate").GetDouble(), 0.5, 2);
        Assert.Equal(3, simulation.CallsOf("exchange_rate"));
    }

    [Fact]
    public async Task A_key_stays_open_while_the_service_cannot_be_reached()
    {
        var simulation = new ScriptedSimulation([.. Enumerable.Repeat(("exchange_rate", Unreachable), 5)]);
        await using TestServer server = await StartAsync(simulation);
        var arguments = new { from_currency = "USD", to_currency = "EUR" };
        await server.GetErrorAsync("fetch_exchange_rate", arguments, key: "rate");
        Assert.Equal(5, simulation.CallsOf("exchange_rate"));
        await server.GetAsync("fetch_exchange_rate", arguments, key: "rate");
        await server.GetAsync("fetch_exchange_rate", arguments, key: "rate");
        Assert.Equal(6, simulation.CallsOf("exchange_rate"));
    }

    [Fact]
    public async Task A_payment_cut_short_anywhere_is_made_once_at_most()
    {
        bool wasWhole = false;
        for (int write = 1; !wasWhole; write++)
        {
            foreach (bool happens in (bool[])[false, true])
            {
                var simulation = new ScriptedSimulation();
                var arguments = new { amount = 75.01, description = $"{write} {happens}" };
                string key = $"pay-{write}-{happens}";
                int before = (await EntriesAsync("payments")).Count;
                await new StoreMap(Store, "retry_attempts").ForgetAsync(Store);
                var dying = new DyingStore(Store, write, happens);
                await using (TestServer server = await StartAsync(simulation, dying))
                {
                    CallToolResult cut = await server.CallAsync("process_payment", arguments, key);
                    wasWhole = !dying.IsDead;
                    Assert.True(wasWhole || cut.IsError == true, $"write {write}");
                }

                await using TestServer again = await StartAsync(simulation);
                CallToolResult result = await again.CallAsync("process_payment", arguments, key);
                int made = (await EntriesAsync("payments")).Count - before;
                int payments = simulation.CallsOf("payment");
                string where = $"write {write} {happens}: {made} records, {payments} payments, {TestServer.TextOf(result)}";
                Assert.True(payments <= 1, where);
                Assert.True(made == (result.IsError == true ? 0 : 1), where);
                if (result.IsError != true) continue;
                Assert.Equal("payment_failed", result.StructuredContent!.Value.GetProperty("error_type").GetString());
            }

            Assert.True(write < 50, "The call never ends.");
        }
    }

    private Task<TestServer> StartAsync(Simulation simulation, ISharedStore? store = null) =>
        TestServer.StartAsync(Database, "processing", services =>
        {
            services.AddSingleton(simulation);
            if (store is not null) services.AddSingleton(store);
        });
}

internal static class Forgetting
{
    /// <summary>Empties a map.</summary>
    public static async Task ForgetAsync(this StoreMap map, ISharedStore store) =>
        await store.WriteAsync(new StoreBatch { Operations = [StoreOperation.DeleteRange(map.Name, default, default)] });
}
