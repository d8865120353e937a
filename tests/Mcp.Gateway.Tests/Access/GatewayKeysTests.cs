using Varve.Mcp.Gateway.Access;

namespace Varve.Mcp.Gateway.Tests.Access;

/// <summary>S4: which keys a gateway takes.</summary>
public sealed class GatewayKeysTests : IDisposable
{
    private const string Good = "q8Zr1vXw5LkT0mNsY3bHcJfD7gPaE2uV";
    private const string Other = "Hn4Rz8LwQ2xVb6TkY0mJcFdS3gPaE7uK";

    private readonly string _file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void S4_without_a_key_one_is_made_and_shown_once()
    {
        GatewayKeys first = GatewayKeys.Read(null, null, isDevelopment: false, isRemote: false);
        Assert.Equal(first.Made, Assert.Single(first.Keys).Value);
        Assert.True(first.Made!.Length >= 43);
        Assert.NotEqual(first.Made, GatewayKeys.Read("", "", isDevelopment: false, isRemote: false).Made);
        Assert.Throws<InvalidOperationException>(() => GatewayKeys.Read(null, null, isDevelopment: false, isRemote: true));
    }

    [Fact]
    public void S4_keys_come_between_commas_with_or_without_names()
    {
        GatewayKeys keys = GatewayKeys.Read($" ci:{Good} , {Other},", null, isDevelopment: false, isRemote: true);
        Assert.Null(keys.Made);
        Assert.Equal(2, keys.Keys.Count);
        Assert.Equal(Good, keys.Keys["ci"]);
        string name = keys.Keys.Single(key => key.Value == Other).Key;
        Assert.StartsWith("key-", name, StringComparison.Ordinal);
        Assert.Contains(name, GatewayKeys.Read(Other, null, isDevelopment: false, isRemote: false).Keys.Keys);
    }

    [Theory]
    [InlineData("super-secret")]
    [InlineData("changeme")]
    [InlineData("short")]
    [InlineData("super-secret-super-secret-super-secret")]
    [InlineData("name:CHANGEME-q8Zr1vXw5LkT0mNsY3bHcJfD7gPaE2uV")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void S4_a_key_that_others_may_guess_is_refused_outside_Development(string key)
    {
        InvalidOperationException refused =
            Assert.Throws<InvalidOperationException>(() => GatewayKeys.Read(key, null, isDevelopment: false, isRemote: false));
        Assert.DoesNotContain(key[(key.IndexOf(':') + 1)..], refused.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Single(GatewayKeys.Read(key, null, isDevelopment: true, isRemote: false).Keys);
    }

    [Theory]
    [InlineData($"local:{Good}")]
    [InlineData($"a b:{Good}")]
    [InlineData($":{Good}")]
    [InlineData("name:")]
    [InlineData($"a:{Good},b:{Good}")]
    [InlineData($"a:{Good},a:{Other}")]
    [InlineData("name:with spaces in the middle of it, ")]
    [InlineData("name:nöt-äscii-but-lông-ënough-to-be-a-key")]
    public void S4_keys_and_names_that_cannot_be_used_are_refused(string keys) => Assert.Throws<InvalidOperationException>(
        () => GatewayKeys.Read(keys, null, isDevelopment: true, isRemote: false));

    [Fact]
    public void S4_a_file_of_keys_is_read_by_its_owner_alone()
    {
        File.WriteAllText(_file, $"# who\nci:{Good}\n\n  laptop:{Other}\r\n");
        if (!OperatingSystem.IsWindows())
        {
            foreach (UnixFileMode open in new[] { UnixFileMode.GroupRead, UnixFileMode.OtherRead, UnixFileMode.GroupWrite })
            {
                File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite | open);
                Assert.Throws<InvalidOperationException>(() => GatewayKeys.Read(null, _file, isDevelopment: true, isRemote: false));
            }
            File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        GatewayKeys keys = GatewayKeys.Read(null, _file, isDevelopment: false, isRemote: true);
        Assert.Equal((Good, Other), (keys.Keys["ci"], keys.Keys["laptop"]));
        Assert.Throws<InvalidOperationException>(() => GatewayKeys.Read(null, _file + ".not", isDevelopment: false, isRemote: false));
        File.WriteAllText(_file, Good);
        Assert.Throws<InvalidOperationException>(() => GatewayKeys.Read(null, _file, isDevelopment: false, isRemote: false));
    }
}
