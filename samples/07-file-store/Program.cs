// Files in a database: written from streams, read in pieces, looked at without a copy, listed without their content, and backed up by a
// checkpoint.
using System.Security.Cryptography;
using System.Text;
using Varve;
using Varve.Samples;

return Sample.Run(directory =>
{
    const int SongBytes = 3_000_000;
    byte[] song = new byte[SongBytes];
    new Random(1).NextBytes(song);
    "RIFF"u8.CopyTo(song);
    string backup = directory + "-backup";

    using (Database database = Database.Open(directory))
    {
        SortedMap files = database.GetMap("files");

        // From a stream: the content is never in an array of ours as a whole. A real one is a FileStream or a request's body.
        using (var source = new MemoryStream(song)) files.Put("music/song.wav"u8, source, SongBytes);
        files.Put("notes/today.txt", "buy milk");
        files.Put("notes/tomorrow.txt", "sell cow");

        // A flush comes by itself once there is enough; now the song is in a table, in checked pieces of 64 KiB.
        database.Flush();

        // To a stream: one piece in memory at a time. It seeks, too: the last hundred bytes read one piece of the file.
        using (Stream content = files.OpenValue("music/song.wav"u8)!)
        {
            Sample.Check("the song is as it was", SHA256.HashData(content).SequenceEqual(SHA256.HashData(song)), true);
            content.Seek(-100, SeekOrigin.End);
            byte[] end = new byte[100];
            content.ReadExactly(end);
            Sample.Check("its end is as it was", end.SequenceEqual(song[^100..]), true);
        }

        // A look without a copy: the lease keeps the value where it stands, in memory or in the block cache, until it is disposed.
        using (ValueLease note = files.Lease("notes/today.txt"u8))
        {
            Sample.Check("the note begins with", Encoding.UTF8.GetString(note.Value[..3]), "buy");
        }

        // A listing reads no content of large files.
        var names = new List<string>();
        foreach (ReadOnlySpan<byte> name in files.All().Keys) names.Add(Encoding.UTF8.GetString(name));
        Sample.Check("files", string.Join(", ", names), "music/song.wav, notes/today.txt, notes/tomorrow.txt");

        // A checkpoint is a database of its own, made of hard links: quick, and small as long as the tables are shared.
        ulong moment = database.Checkpoint(backup);
        Sample.Check("the checkpoint shows everything", moment, database.LatestSequence);

        // The mistake that backups are for.
        files.DeletePrefix("music/"u8);
        Sample.Check("the song is gone", files.Contains("music/song.wav"u8), false);

        // Back from the checkpoint, again without holding it as a whole.
        using (Database old = Database.Open(backup, new DatabaseOptions { Mode = OpenMode.ReadOnly }))
        using (Stream content = old.GetMap("files").OpenValue("music/song.wav"u8)!)
        {
            files.Put("music/song.wav"u8, content, (int)content.Length);
        }
    }

    using (Database database = Database.Open(directory, new DatabaseOptions { Mode = OpenMode.ReadOnly }))
    {
        using Stream content = database.GetMap("files").OpenValue("music/song.wav"u8)!;
        Sample.Check("the song is back", SHA256.HashData(content).SequenceEqual(SHA256.HashData(song)), true);
    }
});
