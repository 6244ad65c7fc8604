// A shard behind an address as a stream: a request from the wanted byte on, and others where the connection breaks.
using System.Net;
using System.Net.Http.Headers;

namespace SarSynth.Data;

/// <summary>Reads a part of a file on a server.</summary>
/// <param name="address">The file.</param>
/// <param name="from">First byte.</param>
/// <param name="to">The first byte that is not read any more; null for the file's end.</param>
internal sealed class ShardDownload(string address, long from, long? to) : ForwardStream
{
    private const int Attempts = 4;

    private static readonly HttpClient client =
        new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(30) })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(60);

    private HttpResponseMessage? response;
    private Stream? body;
    private long position = from;
    private long? length;

    public override long Position { get => position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        if (to is { } end)
            buffer = buffer[..(int)Math.Min(buffer.Length, end - position)];
        if (buffer.IsEmpty)
            return 0;
        var bytes = new byte[buffer.Length];
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                body ??= Request();
                using var limit = new CancellationTokenSource(patience);
                var read = body.ReadAsync(bytes, limit.Token).AsTask().GetAwaiter().GetResult();
                // A server that closes early gives no error.
                if (read == 0 && length is { } all && position < all)
                    throw new IOException($"the connection ended after {position} of {all} bytes");
                bytes.AsSpan(0, read).CopyTo(buffer);
                position += read;
                return read;
            }
            catch (Exception error) when (error is IOException or HttpRequestException or OperationCanceledException
                && error is not TileException)
            {
                Drop();
                if (attempt == Attempts)
                {
                    var cause = error is OperationCanceledException
                        ? $"the server sent nothing for {patience.TotalSeconds} s" : error.Message;
                    throw new TileException(
                        address, "", $"cannot be read from byte {position} on: {cause} ({Attempts} attempts)", error);
                }
                Thread.Sleep(TimeSpan.FromSeconds(0.1 * (1 << 2 * (attempt - 1))));
            }
        }
    }

    private Stream Request()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (position > 0 || to is not null)
            request.Headers.Range = new RangeHeaderValue(position, to - 1);
        using var limit = new CancellationTokenSource(patience);
        response = client.Send(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        if ((int)response.StatusCode is 408 or 429 or >= 500)
            throw new IOException($"the server answered {(int)response.StatusCode} {response.ReasonPhrase}");
        if (!response.IsSuccessStatusCode)
            throw new TileException(address, "",
                $"the server answered {(int)response.StatusCode} {response.ReasonPhrase}, expected the shard");
        if (request.Headers.Range is not null && response.StatusCode != HttpStatusCode.PartialContent && position > 0)
            throw new TileException(address, "",
                "the server gives no parts of files, expected it to: a run cannot go on in the middle of a shard");
        length = position + response.Content.Headers.ContentLength;
        return response.Content.ReadAsStream();
    }

    private void Drop()
    {
        body?.Dispose();
        response?.Dispose();
        (body, response) = (null, null);
    }

    protected override void Dispose(bool disposing)
    {
        Drop();
        base.Dispose(disposing);
    }
}
