using System.Runtime.InteropServices;

namespace Varve.Simulation;

/// <summary>
/// The bytes of a simulated file, in pages: a page that was never written takes no memory, and copies share pages until one
/// side writes. Not thread-safe, except that copies may be used beside each other.
/// </summary>
internal sealed class SparseBytes
{
    public const int PageBytes = 4096;

    // Stands for a page that has disk space but no content yet. Never owned, so never written.
    private static readonly byte[] ZeroPage = new byte[PageBytes];

    private readonly List<Page> _pages = [];
    private long _allocatedPages;

    public long Length { get; private set; }

    /// <summary>Bytes of disk space taken: whole pages that were written or allocated, not holes.</summary>
    public long AllocatedBytes => _allocatedPages * PageBytes;

    public SparseBytes Copy()
    {
        // From now on neither side owns a page: the first to write copies it.
        Span<Page> pages = CollectionsMarshal.AsSpan(_pages);
        for (int i = 0; i < pages.Length; i++) pages[i].IsOwned = false;
        var copy = new SparseBytes { Length = Length, _allocatedPages = _allocatedPages };
        copy._pages.AddRange(_pages);
        return copy;
    }

    public int Read(Span<byte> destination, long offset)
    {
        int readable = (int)Math.Clamp(Length - offset, 0, destination.Length);
        int done = 0;
        while (done < readable)
        {
            (int page, int inPage, int count) = Locate(offset + done, readable - done);
            Span<byte> part = destination.Slice(done, count);
            byte[]? bytes = page < _pages.Count ? _pages[page].Bytes : null;
            if (bytes is null) part.Clear();
            else bytes.AsSpan(inPage, count).CopyTo(part);
            done += count;
        }

        return readable;
    }

    /// <summary>Writes, raising the length when needed; a gap before <paramref name="offset"/> reads as zero.</summary>
    public void Write(ReadOnlySpan<byte> source, long offset)
    {
        int done = 0;
        while (done < source.Length)
        {
            (int page, int inPage, int count) = Locate(offset + done, source.Length - done);
            source.Slice(done, count).CopyTo(Owned(page).AsSpan(inPage, count));
            done += count;
        }

        if (source.Length > 0) Length = Math.Max(Length, offset + source.Length);
    }

    public void SetLength(long bytes)
    {
        if (bytes < Length)
        {
            int kept = (int)((bytes + PageBytes - 1) / PageBytes);
            for (int i = kept; i < _pages.Count; i++) _allocatedPages -= _pages[i].Bytes is null ? 0 : 1;
            if (kept < _pages.Count) _pages.RemoveRange(kept, _pages.Count - kept);

            // What was cut off must read as zero when the file grows again.
            int inPage = (int)(bytes % PageBytes);
            if (inPage > 0 && kept <= _pages.Count && _pages[kept - 1].Bytes is not null) Owned(kept - 1).AsSpan(inPage).Clear();
        }

        Length = bytes;
    }

    public void Allocate(long bytes)
    {
        int pages = (int)((bytes + PageBytes - 1) / PageBytes);
        while (_pages.Count < pages) _pages.Add(default);
        Span<Page> all = CollectionsMarshal.AsSpan(_pages);
        for (int i = 0; i < pages; i++)
        {
            if (all[i].Bytes is not null) continue;
            all[i].Bytes = ZeroPage;
            _allocatedPages++;
        }

        Length = Math.Max(Length, bytes);
    }

    /// <summary>The disk space that a write of this range would take anew.</summary>
    public long MissingBytes(long offset, long count)
    {
        long missing = 0;
        for (long at = offset; at < offset + count; at += PageBytes - (at % PageBytes))
        {
            int page = (int)(at / PageBytes);
            if (page >= _pages.Count || _pages[page].Bytes is null) missing += PageBytes;
        }

        return missing;
    }

    public byte[] ToArray()
    {
        byte[] bytes = new byte[Length];
        Read(bytes, 0);
        return bytes;
    }

    private static (int Page, int InPage, int Count) Locate(long offset, int countMax)
    {
        int inPage = (int)(offset % PageBytes);
        return ((int)(offset / PageBytes), inPage, Math.Min(PageBytes - inPage, countMax));
    }

    private byte[] Owned(int index)
    {
        while (_pages.Count <= index) _pages.Add(default);
        ref Page page = ref CollectionsMarshal.AsSpan(_pages)[index];
        if (page.IsOwned) return page.Bytes!;
        if (page.Bytes is null) _allocatedPages++;
        page.Bytes = page.Bytes is null ? new byte[PageBytes] : (byte[])page.Bytes.Clone();
        page.IsOwned = true;
        return page.Bytes;
    }

    private struct Page
    {
        public byte[]? Bytes;
        public bool IsOwned;
    }
}
