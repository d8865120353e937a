using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Varve.Mcp.Http;
using Varve.Mcp.Tests.Fakes;

// Old versions of TLS, and what is told of their ciphers, are obsolete.
#pragma warning disable SYSLIB0039, SYSLIB0058

namespace Varve.Mcp.Tests.Http;

/// <summary>Real handshakes, with a certificate made for the test.</summary>
public sealed class TlsTests : IDisposable
{
    private const string Key = "a-key-of-more-than-thirty-two-characters";
    private const byte AlertRecord = 0x15;
    private const byte HandshakeRecord = 0x16;
    private const byte Fatal = 2;
    private const ushort Tls11 = 0x0302;
    private const ushort Tls12 = 0x0303;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly X509Certificate2 _certificate = MakeCertificate();

    public void Dispose() => _certificate.Dispose();

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.None)]
    public async Task S21_a_client_with_a_key_comes_in_over_tls(SslProtocols protocols)
    {
        await using McpHost host = await StartAsync(IPAddress.Loopback, options => options.Http.ApiKeys.Add("me", Key));
        using SocketsHttpHandler handler = new() { UseProxy = false };
        handler.SslOptions.EnabledSslProtocols = protocols;
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
            certificate!.GetCertHashString() == _certificate.GetCertHashString();
        using HttpClient client = new(handler) { Timeout = s_patience };
        using HttpRequestMessage request = host.ModernCall("who");
        request.Headers.Add("X-API-Key", Key);
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.Equal("me", RawRequests.Messages(await response.Content.ReadAsStringAsync()).Last().Text());
    }

    [Fact]
    public async Task S21_versions_of_tls_before_1_2_are_refused_whatever_the_system_allows()
    {
        SslProtocols allowed = SslProtocols.None;
        await using McpHost host = await StartAsync(IPAddress.Loopback, observe: https => allowed = https.SslProtocols);
        byte[] refusal = await SayHelloAsync(host.Url.Port, Tls11);
        if (refusal.Length > 0) Assert.Equal((AlertRecord, Fatal), (refusal[0], refusal[5]));
        byte[] answer = await SayHelloAsync(host.Url.Port, Tls12);
        Assert.Equal(HandshakeRecord, answer[0]);
        Assert.Equal(SslProtocols.Tls12 | SslProtocols.Tls13, allowed);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12, true)]
    [InlineData(SslProtocols.Tls13, true)]
    [InlineData(SslProtocols.Tls, false)]
    [InlineData(SslProtocols.Tls11, false)]
    public async Task S21_a_request_over_an_old_tls_is_refused_where_the_program_has_let_it_in(SslProtocols protocol, bool isAdmitted)
    {
        using ServiceProvider services = new ServiceCollection().AddVarveMcp().Services.BuildServiceProvider();
        DefaultHttpContext context = new();
        context.Features.Set<ITlsHandshakeFeature>(new Handshake(protocol));
        context.Request.Scheme = "https";
        context.Request.Host = new HostString("localhost");
        Assert.Equal(isAdmitted, await services.GetRequiredService<RequestGuard>().AdmitAsync(context));
        Assert.Equal(isAdmitted ? 200 : 403, context.Response.StatusCode);
    }

    [Fact]
    public async Task S21_what_a_program_says_of_kestrel_itself_is_kept()
    {
        await using McpHost host = await McpHost.StartAsync(
            addServices: services => services.Configure<KestrelServerOptions>(kestrel =>
            {
                kestrel.ConfigureHttpsDefaults(https => https.ServerCertificate = _certificate);
                kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps());
                kestrel.Limits.MaxConcurrentConnections = 7;
            }));
        Assert.Equal("https", host.Url.Scheme);
        Assert.Equal(7, host.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits.MaxConcurrentConnections);
    }

    [Fact]
    public async Task S21_an_address_that_others_reach_is_bound_with_tls_alone()
    {
        static void Allow(VarveMcpOptions options)
        {
            options.Http.AllowRemote = true;
            options.Http.ApiKeys.Add("me", Key);
        }

        await Assert.ThrowsAsync<InvalidOperationException>(() => McpHost.StartAsync(Allow, address: "http://0.0.0.0:0"));
        await using McpHost host = await StartAsync(IPAddress.Any, Allow);
        Assert.Equal("https", host.Url.Scheme);
    }

    /// <summary>What Kestrel says of a handshake.</summary>
    private sealed class Handshake(SslProtocols protocol) : ITlsHandshakeFeature
    {
        public SslProtocols Protocol => protocol;

        public CipherAlgorithmType CipherAlgorithm => CipherAlgorithmType.None;

        public int CipherStrength => 0;

        public HashAlgorithmType HashAlgorithm => HashAlgorithmType.None;

        public int HashStrength => 0;

        public ExchangeAlgorithmType KeyExchangeAlgorithm => ExchangeAlgorithmType.None;

        public int KeyExchangeStrength => 0;
    }

    /// <summary>As programs do it: Kestrel's endpoint is told before this library's services are added.</summary>
    private Task<McpHost> StartAsync(
        IPAddress address, Action<VarveMcpOptions>? configure = null, Action<HttpsConnectionAdapterOptions>? observe = null) =>
        McpHost.StartAsync(configure, services => services.Configure<KestrelServerOptions>(kestrel =>
            kestrel.Listen(address, 0, listen => listen.UseHttps(https =>
            {
                https.ServerCertificate = _certificate;
                observe?.Invoke(https);
            }))));

    private static X509Certificate2 MakeCertificate()
    {
        using RSA key = RSA.Create(2_048);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));

        // Windows and macOS want a key that came from a file.
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), password: null);
    }

    /// <summary>
    /// The first message of a client that speaks no later version, byte by byte: the system's own client may refuse to speak it.
    /// </summary>
    /// <returns>The first bytes of the answer; none where the connection was closed.</returns>
    private static async Task<byte[]> SayHelloAsync(int port, ushort version)
    {
        using CancellationTokenSource patience = new(s_patience);
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, port, patience.Token);
        await client.GetStream().WriteAsync(Hello(version), patience.Token);
        byte[] answer = new byte[7];
        try
        {
            int read = await client.GetStream().ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false, patience.Token);
            return answer[..read];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static byte[] Hello(ushort version)
    {
        byte[] suites = Numbers(0xC02F, 0xC030, 0xC013, 0xC014, 0x009C, 0x002F, 0x0035);
        byte[] extensions =
        [
            .. Extension(10, Block(Numbers(0x001D, 0x0017, 0x0018))),                                        // groups
            .. Extension(11, [1, 0]),                                                                        // formats of points
            .. version < Tls12 ? [] : Extension(13, Block(Numbers(0x0403, 0x0804, 0x0401, 0x0501))),      // signatures
        ];
        byte[] body = [.. Numbers(version), .. RandomNumberGenerator.GetBytes(32), 0, .. Block(suites), 1, 0, .. Block(extensions)];
        byte[] message = [1, 0, .. Block(body)];
        return [HandshakeRecord, .. Numbers(0x0301), .. Block(message)];
    }

    private static byte[] Extension(ushort type, byte[] content) => [.. Numbers(type), .. Block(content)];

    /// <summary>Bytes behind their length.</summary>
    private static byte[] Block(byte[] content) => [.. Numbers((ushort)content.Length), .. content];

    private static byte[] Numbers(params ushort[] numbers) =>
        [.. numbers.SelectMany(number => (byte[])[(byte)(number >> 8), (byte)number])];
}
