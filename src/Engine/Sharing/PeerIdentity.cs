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

        // credentials := process:i32 | user:u32 | group:u32
        Span<byte> credentials = stackalloc byte[CredentialsBytes];
        try
        {
            int bytes = socket.GetRawSocketOption(SocketLevelLinux, CredentialsLinux, credentials);
            return bytes == CredentialsBytes && MemoryMarshal.Read<uint>(credentials[UserOffset..]) == PrivateFolder.UserId;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
