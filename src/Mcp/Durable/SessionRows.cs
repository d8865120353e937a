using System.Text;
using System.Text.Json;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Sessions;

namespace Varve.Mcp.Durable;

/// <summary>The rows of sessions in <c>$varve/sessions</c>, and those by which they expire.</summary>
internal static class SessionRows
{
    private const byte Kind = (byte)'s';
    private const byte ExpiryKind = 18;

    public static byte[] Key(string id) => new RowWriter().Byte(Kind).Rest(Encoding.UTF8.GetBytes(id)).ToArray();

    public static byte[] Encode(SessionRecord session)
    {
        RowWriter row = RowWriter.Value().Time(session.LastUsed.ToUnixTimeMilliseconds()).Text(session.Principal)
            .Text(session.LogLevel ?? "").Number(session.Subscriptions.Count);
        foreach (string uri in session.Subscriptions) row.Text(uri);
        return row.Rest(JsonSerializer.SerializeToUtf8Bytes(session.Client, McpJsonUtilities.DefaultOptions)).ToArray();
    }

    public static SessionRecord Decode(string id, ReadOnlySpan<byte> value)
    {
        RowReader reader = RowReader.OfValue(value);
        long lastUsed = reader.Time();
        string principal = reader.Text();
        string level = reader.Text();
        List<string> subscriptions = [];
        for (int left = reader.Number(); left > 0 && !reader.IsAtEnd; left--) subscriptions.Add(reader.Text());
        byte[] client = reader.Rest();
        if (!reader.IsWhole) reader.Throw(InternalMaps.Sessions);
        return new SessionRecord(id, principal, ReadClient(client), DateTimeOffset.FromUnixTimeMilliseconds(lastUsed))
        {
            LogLevel = level.Length > 0 ? level : null,
            Subscriptions = subscriptions,
        };
    }

    public static byte[] ExpiryKey(SessionRecord session) => new RowWriter().Byte(ExpiryKind)
        .SortedTime(session.LastUsed.ToUnixTimeMilliseconds()).Rest(Encoding.UTF8.GetBytes(session.Id)).ToArray();

    /// <summary>All rows by which sessions expire: where they begin, and the first key behind them.</summary>
    public static (byte[] Start, byte[] End) AllExpiry => ([ExpiryKind], [ExpiryKind + 1]);

    public static (DateTimeOffset LastUsed, string Id) ReadExpiry(ReadOnlySpan<byte> key)
    {
        RowReader reader = new(key);
        reader.Byte();
        (long lastUsed, string id) = (reader.SortedTime(), reader.RestText());
        if (!reader.IsWhole) reader.Throw(InternalMaps.Expiry);
        return (DateTimeOffset.FromUnixTimeMilliseconds(lastUsed), id);
    }

    private static InitializeRequestParams ReadClient(byte[] json)
    {
        try
        {
            return JsonSerializer.Deserialize<InitializeRequestParams>(json, McpJsonUtilities.DefaultOptions)
                ?? throw new InvalidDataException("A session's row holds no client.");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException("A session's row holds a client that cannot be read.", exception);
        }
    }
}
