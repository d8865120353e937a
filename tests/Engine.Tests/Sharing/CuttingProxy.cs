using System.Net.Sockets;
using Varve.Native;

namespace Varve.Tests.Sharing;

/// <summary>Stands between clients and an owner, and cuts one connection after so many bytes of the owner's answers.</summary>
internal sealed class CuttingProxy : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _owner;

    public CuttingProxy(string path, string owner)
    {
        _owner = owner;
        Assert.True(PrivateFolder.TryMake(Path.GetDirectoryName(path)!));
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        _ = AcceptAsync();
    }

    /// <summary>Bytes of answers after which the connection is cut; once.</summary>
    public int? CutAfter { get; set; }

    /// <summary>Bytes of answers that have passed through the connection that was opened last.</summary>
    public int Passed { get; private set; }

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket client = await _listener.AcceptAsync();
                var owner = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await owner.ConnectAsync(new UnixDomainSocketEndPoint(_owner));
                Passed = 0;
                _ = PassAsync(client, owner);
                _ = AnswerAsync(owner, client);
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task PassAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[64 << 10];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and int bytes) await to.SendAsync(buffer.AsMemory(0, bytes));
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // Either side has gone.
        }

        from.Dispose();
        to.Dispose();
    }

    private async Task AnswerAsync(Socket owner, Socket client)
    {
        byte[] buffer = new byte[64 << 10];
        try
        {
            while (true)
            {
                if (CutAfter is { } cut && Passed >= cut)
                {
                    CutAfter = null;
                    break;
                }

                int room = CutAfter is { } limit ? Math.Min(buffer.Length, limit - Passed) : buffer.Length;
                int bytes = await owner.ReceiveAsync(buffer.AsMemory(0, room));
                if (bytes == 0) break;
                Passed += bytes;
                await client.SendAsync(buffer.AsMemory(0, bytes));
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // Either side has gone.
        }

        owner.Dispose();
        client.Dispose();
    }
}
