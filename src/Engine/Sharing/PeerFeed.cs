using System.Threading.Channels;

namespace Varve.Sharing;

/// <summary>A feed that the owner sends: what has come and was not read yet.</summary>
internal sealed class PeerFeed : PeerCall
{
    private readonly Channel<(FeedItem Item, int Bytes)> _items =
        Channel.CreateUnbounded<(FeedItem, int)>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    public override bool IsDue => false;

    public ChannelReader<(FeedItem Item, int Bytes)> Items => _items.Reader;

    public override bool TryAnswer(in Frame frame)
    {
        if (frame.Kind == FrameKind.Position)
        {
            var reader = new BodyReader(frame.Body.Span);
            ulong position = reader.Number();
            return reader.IsWhole && Add(new FeedItem(null, position), bytes: 0);
        }

        // Its memory becomes the batch's own.
        if (frame.Kind != FrameKind.Changes || StoreCodec.ReadChanges(frame.Body.ToArray()) is not { } batch) return false;
        return Add(new FeedItem(batch, batch.Sequence), frame.Body.Length);
    }

    public override void Fail(Exception failure) => _items.Writer.TryComplete(failure);

    private bool Add(FeedItem item, int bytes)
    {
        _items.Writer.TryWrite((item, bytes));
        return true;
    }
}
