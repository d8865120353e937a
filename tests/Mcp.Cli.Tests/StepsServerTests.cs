using System.Text.Json;

namespace Varve.Mcp.Cli.Tests;

public sealed class StepsServerTests : ServerHouse
{
    [Fact]
    public async Task Both_steps_leave_their_rows()
    {
        await using TestServer server = await TestServer.StartAsync(Database, "steps");
        JsonElement made = await server.GetAsync(
            "create_user_with_profile", new { username = "alice", email = "a@example.com", bio = "Hello" });
        string userId = made.GetProperty("user_id").GetString()!;
        Assert.Equal($"profile_{userId}", made.GetProperty("profile_id").GetString());
        JsonElement user = (await server.GetAsync("get_user", new { user_id = userId })).GetProperty("user");
        Assert.Equal("alice", user.GetProperty("username").GetString());
        JsonElement profile = (await server.GetAsync("get_profile", new { profile_id = $"profile_{userId}" })).GetProperty("profile");
        Assert.Equal("Hello", profile.GetProperty("bio").GetString());
        Assert.Equal("", profile.GetProperty("avatar_url").GetString());
    }

    [Fact]
    public async Task What_is_not_there_is_an_error()
    {
        await using TestServer server = await TestServer.StartAsync(Database, "steps");
        JsonElement user = await server.GetErrorAsync("get_user", new { user_id = "x" });
        Assert.Equal("User not found: x", user.GetProperty("message").GetString());
        JsonElement profile = await server.GetErrorAsync("get_profile", new { profile_id = "x" });
        Assert.Equal("Profile not found: x", profile.GetProperty("message").GetString());
    }
}
