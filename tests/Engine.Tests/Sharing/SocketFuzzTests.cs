using System.Buffers.Binary;
using System.Net.Sockets;
using Varve.Sharing;
using static Varve.Tests.Sharing.SharingHouse;

namespace Varve.Tests.Sharing;

/// <summary>Whatever comes over the socket, the owner goes on serving the others.</summary>
public sealed class SocketFuzzTests : IAsyncLifetime
{
    private const int Inputs = 300;

    private readonly SharingHouse _house = new();
    private SharedStore _owner = null!;
    private SharedStore _peer = null!;

    public async Task InitializeAsync()
    {
        _owner = await _house.OpenAsync();
        _peer = await _house.OpenAsync();
        await _peer.WriteAsync(Put("kept", "k", "v"));
    }

    public async Task DisposeAsync() => await _house.DisposeAsync();

    [Fact]
    public async Task Random_bytes_before_and_behind_a_hello_end_their_connection_alone()
    {
        for (int seed = 0; seed < Inputs; seed++)
        {
            var random = new Random(seed);
            byte[] bytes = new byte[random.Next(1, 4_000)];
            random.NextBytes(bytes);
            if (bytes.Length > 100 && random.Next(2) == 0) BinaryPrimitives.WriteInt32LittleEndian(bytes, random.Next(100));
            await SendAsync(random.Next(2) == 0 ? bytes : [.. Hello(), .. bytes]);
        }

        await CheckAsync();
    }

    [Fact]
    public async Task Valid_frames_in_any_order_cut_anywhere_are_answered_or_end_their_connection()
    {
        for (int seed = 0; seed < Inputs; seed++)
        {
            var random = new Random(seed);
            var buffer = new FrameBuffer();
            for (int count = random.Next(1, 60); count > 0; count--) AddFrame(buffer, random);
            byte[] bytes = [.. Hello(), .. buffer.Written.Span];
            for (int changes = random.Next(3); changes > 0; changes--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            await SendAsync(bytes[..random.Next(1, bytes.Length + 1)]);
        }

        await CheckAsync();
    }

    [Fact]
    public async Task A_length_of_gigabytes_takes_no_memory_and_no_time()
    {
        for (int i = 0; i < 20; i++)
        {
            byte[] large = new byte[64];
            BinaryPrimitives.WriteUInt32LittleEndian(large, i % 2 == 0 ? uint.MaxValue : 1u << 23);
            large[4] = (byte)FrameKind.Write;
            await SendAsync([.. Hello(), .. large]);
        }

        await CheckAsync();
    }

    [Fact]
    public async Task A_version_that_is_not_known_is_refused_by_name()
    {
        using Socket socket = await _house.ConnectAsync();
        var buffer = new FrameBuffer();
        int start = buffer.Begin(FrameKind.Hello, 0);
        buffer.UInt32(SharingProtocol.Magic);
        buffer.Number(SharingProtocol.Version + 1);
        buffer.Text("what comes in later versions");
        buffer.End(start);
        await socket.SendAsync(buffer.Written);
        byte[] answer = await ReadToEndAsync(socket);
        Assert.Equal((byte)FrameKind.Refusal, answer[SharingProtocol.LengthBytes]);
        Assert.Equal(SharingProtocol.Version, answer[^1]);
    }

    [Fact]
    public async Task A_number_of_a_request_under_way_is_not_given_twice()
    {
        using Socket socket = await _house.ConnectAsync();
        var buffer = new FrameBuffer();
        for (int i = 0; i < 2; i++)
        {
            int start = buffer.Begin(FrameKind.Feed, 1);
            StoreCodec.WriteFeed(buffer, new StoreFeed { After = 0 });
            buffer.End(start);
        }

        await socket.SendAsync((byte[])[.. Hello(), .. buffer.Written.Span]);
        await ReadToEndAsync(socket);
        await CheckAsync();
    }

    private static void AddFrame(FrameBuffer buffer, Random random)
    {
        FrameKind[] kinds =
        [
            FrameKind.Hello, FrameKind.Get, FrameKind.Range, FrameKind.Write, FrameKind.Feed, FrameKind.Maps, FrameKind.Cancel,
            FrameKind.Credit, FrameKind.Ping,
        ];
        FrameKind kind = random.Next(40) == 0 ? (FrameKind)random.Next(256) : kinds[random.Next(1, kinds.Length)];
        int start = buffer.Begin(kind, random.Next(8) == 0 ? (uint)random.Next(5) : (uint)random.Next());
        string map = "fuzz" + random.Next(3);
        byte[] key = new byte[random.Next(20)];
        random.NextBytes(key);
        switch (kind)
        {
            case FrameKind.Get:
                buffer.Text(map);
                buffer.Rest(key);
                break;
            case FrameKind.Range:
                StoreCodec.WriteRange(buffer, new StoreRange { Map = map, Limit = random.Next(), BytesMax = random.Next(), Start = key });
                break;
            case FrameKind.Write:
                StoreBatch batch = new()
                {
                    Conditions = [new StoreCondition((StoreConditionKind)random.Next(4), map, key, key)],
                    Operations = [new StoreOperation((StoreOperationKind)random.Next(4), map, key, new byte[random.Next(3_000)])],
                    Durability = (Durability)random.Next(4),
                };
                StoreCodec.WriteBatch(buffer, (batch, new BatchAttempt(UuidV7.Next(), random.Next(2) == 0)));
                break;
            case FrameKind.Feed:
                StoreCodec.WriteFeed(buffer, new StoreFeed { After = (ulong)random.Next(50), Map = random.Next(2) == 0 ? map : null });
                break;
            case FrameKind.Credit:
                buffer.Number(random.Next());
                break;
        }

        buffer.End(start);
    }

    private static byte[] Hello()
    {
        var buffer = new FrameBuffer();
        int start = buffer.Begin(FrameKind.Hello, 0);
        StoreCodec.WriteHello(buffer, new Hello(SharingProtocol.Version, Guid.NewGuid(), Environment.ProcessId));
        buffer.End(start);
        return buffer.Written.ToArray();
    }

    private async Task SendAsync(byte[] bytes)
    {
        using Socket socket = await _house.ConnectAsync();
        try
        {
            await socket.SendAsync(bytes);
            socket.Shutdown(SocketShutdown.Send);
            await ReadToEndAsync(socket);
        }
        catch (SocketException)
        {
            // The owner has had enough of it.
        }
    }

    private static async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        using var read = new MemoryStream();
        using var limit = new CancellationTokenSource(WaitMax);
        byte[] buffer = new byte[16 << 10];
        try
        {
            while (await socket.ReceiveAsync(buffer, limit.Token) is > 0 and int bytes) read.Write(buffer, 0, bytes);
        }
        catch (SocketException)
        {
            // Cut off: what has come counts.
        }

        return read.ToArray();
    }

    private async Task CheckAsync()
    {
        Assert.Equal((StoreRole.Owner, StoreRole.Peer), (_owner.Role, _peer.Role));
        Assert.Equal("v", Text(await _peer.GetAsync("kept", Utf8("k"))));
        Assert.True((await _peer.WriteAsync(Put("kept", "k2", "v"))).IsCommitted);

        // Of all the connections that there were, only the peer's is left.
        using var limit = new CancellationTokenSource(WaitMax);
        int held;
        do
        {
            var range = new StoreRange { Map = "$varve/sessions", Limit = 1_000 };
            held = (await _owner.ReadRangeAsync(range, limit.Token)).Entries.Count;
        }
        while (held > 2);
        Assert.Equal(2, held);
    }
}
