using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers;

[StepType("payment")]
internal sealed record Payment(string TransactionId, decimal Amount, string Currency, string Status);

internal sealed record PaymentRow(string TransactionId, decimal Amount, string Currency, string Description, string Status);

internal sealed record PaymentResult(Payment? Payment = null, string? ErrorType = null, bool? Retryable = null) : Outcome;

internal sealed record PaymentRowResult(PaymentRow? Payment = null) : Outcome;

[StepType("exchange-rate")]
internal sealed record ExchangeRate(
    [property: JsonPropertyName("from")] string FromCurrency, [property: JsonPropertyName("to")] string ToCurrency, double Rate);

internal sealed record ExchangeRateResult(ExchangeRate? Data = null) : Outcome;

/// <summary>Calls of a service that must not happen twice: tried again only where nothing has happened, never after a crash.</summary>
[McpServerToolType]
internal sealed class ProcessingServer(ISharedStore store, Simulation simulation)
{
    private const string Payments = "payments";
    private const string RetryAttempts = "retry_attempts";
    private const string Completed = "completed";
    private const decimal Balance = 100_000;
    private const double AmountMax = 1e12;
    private const int TransactionsFirst = 100_000;
    private const int TransactionsEnd = 1_000_000;
    private const double RateFailureShare = 0.1;

    private static readonly string[] Currencies = ["USD", "EUR", "GBP", "JPY"];
    private static readonly Type[] Retryable = [typeof(NetworkException)];

    [McpServerTool(
        Name = "process_payment", Title = "Make a payment", Destructive = true, OpenWorld = true, UseStructuredContent = true,
        OutputSchemaType = typeof(PaymentResult))]
    [Description(
        "Make a payment by an outside service, at most once. Network errors are tried again; a payment that was refused never is. "
        + "Amounts that end in .01 meet a network error at first.")]
    public async Task<CallToolResult> ProcessPayment(
        [Description("How much"), Range(-AmountMax, AmountMax)] decimal amount,
        DurableContext context,
        [Description("USD, EUR, GBP or JPY"), MaxLength(Limits.NameChars)] string currency = "USD",
        [Description("What for"), MaxLength(Limits.LineChars)] string description = "")
    {
        try
        {
            string alias = string.Create(CultureInfo.InvariantCulture, $"payment_{amount}_{currency}_{StableId.Of(12, description)}");
            Payment payment = await context.AtMostOnceAsync(
                alias, step => PayAsync(context, step, amount, currency, description), Retryable);
            return Reply.Of(new PaymentResult(payment));
        }
        catch (Exception failure) when (Explain(failure) is { } error)
        {
            if (error.Retryable == true) context.Retryable();
            return Reply.Error(error);
        }
    }

    [McpServerTool(
        Name = "get_payment", Title = "Read a payment", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(PaymentRowResult))]
    [Description("Read the record of a payment.")]
    public async Task<CallToolResult> GetPayment(
        [Description("The id that process_payment gave"), MaxLength(Limits.NameChars)] string transaction_id,
        CancellationToken cancellation)
    {
        PaymentRow? payment = await new StoreMap(store, Payments).FindAsync<PaymentRow>(transaction_id, cancellation);
        return payment is null
            ? Reply.Error(new PaymentRowResult { Message = $"Payment not found: {transaction_id}" })
            : Reply.Of(new PaymentRowResult(payment));
    }

    [McpServerTool(
        Name = "fetch_exchange_rate", Title = "Ask for an exchange rate", Destructive = false, OpenWorld = true,
        UseStructuredContent = true, OutputSchemaType = typeof(ExchangeRateResult))]
    [Description("Ask an outside service for an exchange rate, at most once; network errors are tried again.")]
    public async Task<CallToolResult> FetchExchangeRate(
        [Description("The currency to change"), MaxLength(Limits.NameChars)] string from_currency,
        [Description("The currency to get"), MaxLength(Limits.NameChars)] string to_currency,
        DurableContext context)
    {
        try
        {
            ExchangeRate rate = await context.AtMostOnceAsync(
                $"exchange_rate_{from_currency}_{to_currency}", () => Task.FromResult(AskForRate(from_currency, to_currency)), Retryable);
            return Reply.Of(new ExchangeRateResult(rate));
        }
        catch (Exception failure) when (failure is NetworkException or RetriesExhaustedException)
        {
            context.Retryable();
            return Reply.Error(new ExchangeRateResult { Message = "Exchange rate service unavailable" });
        }
        catch (AtMostOnceFailedBeforeCompletingException)
        {
            return Reply.Error(new ExchangeRateResult { Message = "Previous fetch attempt failed" });
        }
    }

    /// <summary>Null for what is no answer of the service.</summary>
    private static PaymentResult? Explain(Exception failure) => failure switch
    {
        NetworkException or RetriesExhaustedException => new PaymentResult(ErrorType: "network_error", Retryable: true)
        {
            Message = "Payment service temporarily unavailable",
        },
        AtMostOnceFailedBeforeCompletingException => new PaymentResult(ErrorType: "payment_failed", Retryable: false)
        {
            Message = "Payment failed on previous attempt (not retryable)",
        },
        RefusedException refused => new PaymentResult(ErrorType: refused.Kind, Retryable: false) { Message = refused.Message },
        _ => null,
    };

    /// <summary>The service pays; its record is committed together with the guard's, so that there is one for each payment.</summary>
    private async Task<Payment> PayAsync(DurableContext context, StepBatch step, decimal amount, string currency, string description)
    {
        string shown = amount.ToString(CultureInfo.InvariantCulture);
        if (!Currencies.Contains(currency)) throw new RefusedException("PaymentRejectedError", $"Invalid currency: {currency}");
        if (amount <= 0) throw new RefusedException("PaymentRejectedError", $"Invalid amount: {shown}");
        if (amount > Balance) throw new RefusedException("InsufficientFundsError", $"Amount {shown} exceeds available balance");
        if (decimal.Truncate(amount * 100) % 100 == 1) await FailOnceAsync(context, $"payment_{amount:0.00}_{currency}", step.Cancellation);
        string transactionId = await NewTransactionIdAsync(step.Cancellation);
        var payment = new Payment(transactionId, amount, currency, Completed);
        step.Insert(Payments, transactionId, Rows.Write(new PaymentRow(transactionId, amount, currency, description, Completed)));
        return payment;
    }

    /// <summary>Counts the attempt at once, not with the step, which is to fail: so the next attempt sees that there was one.</summary>
    private static async Task FailOnceAsync(DurableContext context, string key, CancellationToken cancellation)
    {
        InvocationMap attempts = context.Map(RetryAttempts);
        byte[]? before = await attempts.GetAsync(key, cancellation);
        int count = before is null ? 0 : int.Parse(before, CultureInfo.InvariantCulture);
        await attempts.InsertAsync(key, Encoding.UTF8.GetBytes((count + 1).ToString(CultureInfo.InvariantCulture)));
        if (count == 0) throw new NetworkException("The payment service did not answer in time.");
    }

    /// <summary>Six digits by chance, as the service gives them; the next free number where they are taken.</summary>
    private async Task<string> NewTransactionIdAsync(CancellationToken cancellation)
    {
        var payments = new StoreMap(store, Payments);
        long number = TransactionsFirst + (long)(simulation.Call("payment") * (TransactionsEnd - TransactionsFirst));
        while (!simulation.TryClaim(number) || await payments.GetAsync($"txn_{number}", cancellation) is not null) number++;
        return $"txn_{number}";
    }

    private ExchangeRate AskForRate(string fromCurrency, string toCurrency)
    {
        double answer = simulation.Call("exchange_rate");
        if (answer < RateFailureShare) throw new NetworkException("The exchange rate service did not answer in time.");
        double rate = 0.5 + (1.5 * (answer - RateFailureShare) / (1 - RateFailureShare));
        return new ExchangeRate(fromCurrency, toCurrency, Math.Round(rate, 4));
    }
}
