using System.Threading.Channels;

namespace Varve.Mcp.Tests.Fakes;

/// <summary>What came, in order; a test waits for the next, and not for long.</summary>
internal sealed class Notices<T>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Channel<T> _notices = Channel.CreateUnbounded<T>();

    public int Count => _notices.Reader.Count;

    public void Add(T notice) => _notices.Writer.TryWrite(notice);

    public Task<T> NextAsync() => _notices.Reader.ReadAsync().AsTask().WaitAsync(Patience);

    public async Task<List<T>> NextAsync(int count)
    {
        List<T> notices = [];
        while (notices.Count < count) notices.Add(await NextAsync());
        return notices;
    }
}
