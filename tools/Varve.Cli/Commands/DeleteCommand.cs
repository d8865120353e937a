using System.CommandLine;

namespace Varve.Cli.Commands;

/// <summary><c>varve delete KEY</c></summary>
internal static class DeleteCommand
{
    public static VarveCommand Create()
    {
        Option<string> data = Inputs.Data();
        Option<string> map = Inputs.Map();
        Option<bool> hex = Inputs.Hex("The key, and the value of --if-value, are");
        var conditions = new ConditionOptions();
        Argument<string> key = Inputs.Key();
        var command = new VarveCommand(
            "delete",
            "Remove a key; on disk when the command returns. No error where the map does not have the key.",
            "varve delete greeting",
            "varve delete --map photos cat.jpg",
            "varve delete --map locks job --if-value \"$OWNER\"",
            "varve delete --hex 00ff")
        {
            key,
            data,
            map,
            hex,
            conditions.IfValue,
        };
        command.Run((parsed, _) =>
        {
            bool isHex = parsed.GetValue(hex);
            byte[] keyBytes = Inputs.Bytes(parsed.GetRequiredValue(key), isHex, "key");
            Condition condition = conditions.Read(parsed, isHex);
            using Database database = Inputs.OpenForWriting(parsed.GetRequiredValue(data), createIfMissing: false);
            string name = parsed.GetRequiredValue(map);
            SortedMap target = condition.NeedsEntry ? database.GetMap(name) : Inputs.RequireMap(database, name);
            using WriteBatch batch = database.CreateBatch();
            batch.Delete(target, keyBytes);
            condition.Write(database, batch, target, keyBytes);
            database.Close();
            return ExitCode.Ok;
        });
        return command;
    }
}
