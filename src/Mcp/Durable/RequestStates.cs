using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

/// <summary>
/// What a client of revision 2026-07-28 keeps for a call that waits for its answer, and sends with it. Sealed by AES-256-GCM with a key of
/// the store, so that it is what this server has written, for this caller, this tool and these arguments, at most an hour ago.
/// </summary>
internal sealed class RequestStates(ISharedStore store, TimeProvider time)
{
    private const string Prefix = "varve1.";
    private const byte RowFormat = 1;
    private const int KeyBytes = 32;
    private const int HeadBytes = 16 + sizeof(long);

    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(1);
    private static readonly int s_nonceBytes = AesGcm.NonceByteSizes.MaxSize;
    private static readonly int s_tagBytes = AesGcm.TagByteSizes.MaxSize;

    /// <summary>Of the map of sessions.</summary>
    private static readonly byte[] s_keyRow = [(byte)'k'];

    private volatile byte[]? _key;

    /// <summary>Whether it is meant to be one of these, and not one that a tool has made itself.</summary>
    public static bool IsOne(string? text) => text?.StartsWith(Prefix, StringComparison.Ordinal) == true;

    /// <param name="state">What it says.</param>
    /// <param name="boundTo">The caller, tool and arguments, in any form; the same to open it.</param>
    /// <param name="cancellation">Ends the wait for the store.</param>
    public async ValueTask<string> SealAsync(RequestState state, byte[] boundTo, CancellationToken cancellation)
    {
        byte[] key = await GetKeyAsync(cancellation);
        byte[] alias = Encoding.UTF8.GetBytes(state.Alias);
        byte[] plain = new byte[HeadBytes + alias.Length];
        state.Invocation.TryWriteBytes(plain, bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(plain.AsSpan(16), (time.GetUtcNow() + s_lifetime).ToUnixTimeMilliseconds());
        alias.CopyTo(plain, HeadBytes);
        byte[] whole = new byte[s_nonceBytes + plain.Length + s_tagBytes];
        Span<byte> nonce = whole.AsSpan(0, s_nonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var cipher = new AesGcm(key, s_tagBytes);
        cipher.Encrypt(nonce, plain, whole.AsSpan(s_nonceBytes, plain.Length), whole.AsSpan(s_nonceBytes + plain.Length), boundTo);
        return Prefix + Base64Url.EncodeToString(whole);
    }

    /// <returns>Null where it was changed, is another caller's or another call's, or is too old.</returns>
    public async ValueTask<RequestState?> OpenAsync(string text, byte[] boundTo, CancellationToken cancellation)
    {
        if (Decode(text) is not { } whole) return null;
        byte[] key = await GetKeyAsync(cancellation);
        byte[] plain = new byte[whole.Length - s_nonceBytes - s_tagBytes];
        using var cipher = new AesGcm(key, s_tagBytes);
        try
        {
            cipher.Decrypt(
                whole.AsSpan(0, s_nonceBytes), whole.AsSpan(s_nonceBytes, plain.Length), whole.AsSpan(s_nonceBytes + plain.Length), plain,
                boundTo);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
        long expires = BinaryPrimitives.ReadInt64LittleEndian(plain.AsSpan(16));
        if (expires <= time.GetUtcNow().ToUnixTimeMilliseconds()) return null;
        return new RequestState(new Guid(plain.AsSpan(0, 16), bigEndian: true), Encoding.UTF8.GetString(plain.AsSpan(HeadBytes)));
    }

    private static byte[]? Decode(string text)
    {
        ReadOnlySpan<char> encoded = text.AsSpan(Prefix.Length);
        byte[] whole = new byte[Base64Url.GetMaxDecodedLength(encoded.Length)];
        OperationStatus status = Base64Url.DecodeFromChars(encoded, whole, out _, out int written);
        return status != OperationStatus.Done || written < s_nonceBytes + HeadBytes + s_tagBytes ? null : whole[..written];
    }

    /// <summary>Made by the first who needs it, and kept for all that ever use the store.</summary>
    private async ValueTask<byte[]> GetKeyAsync(CancellationToken cancellation)
    {
        while (_key is null)
        {
            if (await store.GetAsync(InternalMaps.Sessions, s_keyRow, cancellation) is { } row)
            {
                if (row.Length != 1 + KeyBytes || row[0] != RowFormat)
                    throw new InvalidDataException($"The key of request states in the map '{InternalMaps.Sessions}' cannot be read.");
                _key = row[1..];
                break;
            }
            byte[] made = [RowFormat, .. RandomNumberGenerator.GetBytes(KeyBytes)];
            await store.WriteAsync(
                new StoreBatch
                {
                    Operations = [StoreOperation.Put(InternalMaps.Sessions, s_keyRow, made)],
                    Conditions = [StoreCondition.Absent(InternalMaps.Sessions, s_keyRow)],
                    Durability = Durability.Synced,
                },
                cancellation);
        }
        return _key;
    }
}

/// <summary>What a request state says.</summary>
/// <param name="Invocation">The call that waits.</param>
/// <param name="Alias">The question that it has asked.</param>
internal sealed record RequestState(Guid Invocation, string Alias);
