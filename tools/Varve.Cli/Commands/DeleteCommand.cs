using System.CommandLine;

namespace Varve.Cli.Commands;

/// <summary><c>varve delete KEY</c></summary>
internal static class DeleteCommand
{
    public static VarveCommand Create()
    {
        Option<string> data = Inputs.Data();
        Option<string> map = Inputs.Map();
        Option<bool> hex = Inputs.Hex("The key is");
        Argument<string> key = Inputs.Key();
        var command = new VarveCommand(
            "delete",
            "Remove a key; on disk when the command returns. No error where the map does not have the key.",
            "varve delete greeting",
            "varve delete --map photos cat.jpg",
            "varve delete --hex 00ff")
        {
            key,
            data,
            map,
            hex,
        };
        command.Run((parsed, _) =>
        {
            byte[] keyBytes = Inputs.Bytes(parsed.GetRequiredValue(key), parsed.GetValue(hex), "key");
            using Database database = Inputs.OpenForWriting(parsed.GetRequiredValue(data), createIfMissing: false);
            Inputs.RequireMap(database, parsed.GetRequiredValue(map)).Delete(keyBytes, Durability.Synced);
            database.Close();
            return ExitCode.Ok;
        });
        return command;
    }
}
