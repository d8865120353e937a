using System.Net.Sockets;
using System.Runtime.InteropServices;
using Varve.Native;

namespace Varve.Sharing;

/// <summary>Who is at the other end of a local socket.</summary>
internal static class PeerIdentity
{
    private const int SocketLevelLinux = 1;
    private const int CredentialsLinux = 17;
    private const int CredentialsBytes = 12;
    private const int UserOffset = 4;

    /// <summary>
    /// False where it is known to be another user. Elsewhere than on Linux the folder of the socket, which is the user's alone, has to do.
    /// </summary>
    public static bool IsSameUser(Socket socket)
    {
        if (!OperatingSystem.IsLinux()) return true;
        return TryRead(socket, out _, out uint user) && user == PrivateFolder.UserId;
    }

    /// <summary>The process that listens, or listened, at the other end; 0 where the system does not say it.</summary>
    public static int ProcessOf(Socket socket) => OperatingSystem.IsLinux() && TryRead(socket, out int process, out _) ? process : 0;

    // credentials := process:i32 | user:u32 | group:u32
    private static bool TryRead(Socket socket, out int process, out uint user)
    {
        Span<byte> credentials = stackalloc byte[CredentialsBytes];
        credentials.Clear();
        bool isRead;
        try
        {
            isRead = socket.GetRawSocketOption(SocketLevelLinux, CredentialsLinux, credentials) == CredentialsBytes;
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            isRead = false;
        }

        process = MemoryMarshal.Read<int>(credentials);
        user = MemoryMarshal.Read<uint>(credentials[UserOffset..]);
        return isRead;
    }
}
