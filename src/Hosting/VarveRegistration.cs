namespace Varve.Extensions.Hosting;

/// <summary>A database that was added to the services, by the name of its options.</summary>
internal sealed record VarveRegistration(string Name)
{
    /// <summary>As messages call it.</summary>
    public static string Describe(string name) => name.Length == 0 ? "The database" : $"The database '{name}'";
}
