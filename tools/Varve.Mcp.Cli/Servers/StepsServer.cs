using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers;

internal sealed record UserRow(string UserId, string Username, string Email);

internal sealed record ProfileRow(string ProfileId, string UserId, string Bio, string AvatarUrl);

internal sealed record CreatedUserResult(string UserId, string ProfileId) : Outcome;

internal sealed record UserResult(UserRow? User = null) : Outcome;

internal sealed record ProfileResult(ProfileRow? Profile = null) : Outcome;

/// <summary>Two steps, each of them done once: after a crash between them the first one is not done again.</summary>
[McpServerToolType]
internal sealed class StepsServer(ISharedStore store)
{
    private const string Users = "users";
    private const string Profiles = "profiles";

    [McpServerTool(
        Name = "create_user_with_profile", Title = "Create a user with a profile", Destructive = false, OpenWorld = false,
        UseStructuredContent = true, OutputSchemaType = typeof(CreatedUserResult))]
    [Description("Create a user and then its profile, in two steps that are each done once. The same name is the same user.")]
    public static async Task<CallToolResult> CreateUserWithProfile(
        [Description("The user's name"), MinLength(1), MaxLength(Limits.NameChars)] string username,
        [Description("The user's e-mail address"), MaxLength(Limits.AddressChars)] string email,
        DurableContext context,
        [Description("A few words about the user"), MaxLength(Limits.TextChars)] string bio = "",
        [Description("Where the user's picture is"), MaxLength(Limits.LineChars)] string avatar_url = "")
    {
        string userId = await context.AtLeastOnceAsync($"create_user_{username}", step =>
        {
            var user = new UserRow($"user_{StableId.Of(8, username)}", username, email);
            step.Insert(Users, user.UserId, Rows.Write(user));
            return Task.FromResult(user.UserId);
        });
        string profileId = await context.AtLeastOnceAsync($"create_profile_{userId}", step =>
        {
            var profile = new ProfileRow($"profile_{userId}", userId, bio, avatar_url);
            step.Insert(Profiles, profile.ProfileId, Rows.Write(profile));
            return Task.FromResult(profile.ProfileId);
        });
        return Reply.Of(new CreatedUserResult(userId, profileId));
    }

    [McpServerTool(
        Name = "get_user", Title = "Read a user", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(UserResult))]
    [Description("Read a user by its id.")]
    public async Task<CallToolResult> GetUser(
        [Description("The user's id"), MaxLength(Limits.NameChars)] string user_id, CancellationToken cancellation)
    {
        UserRow? user = await new StoreMap(store, Users).FindAsync<UserRow>(user_id, cancellation);
        return user is null ? Reply.Error(new UserResult { Message = $"User not found: {user_id}" }) : Reply.Of(new UserResult(user));
    }

    [McpServerTool(
        Name = "get_profile", Title = "Read a profile", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(ProfileResult))]
    [Description("Read a profile by its id.")]
    public async Task<CallToolResult> GetProfile(
        [Description("The profile's id"), MaxLength(Limits.NameChars)] string profile_id, CancellationToken cancellation)
    {
        ProfileRow? profile = await new StoreMap(store, Profiles).FindAsync<ProfileRow>(profile_id, cancellation);
        return profile is null
            ? Reply.Error(new ProfileResult { Message = $"Profile not found: {profile_id}" })
            : Reply.Of(new ProfileResult(profile));
    }
}
