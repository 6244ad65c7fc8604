// Downloads from a server on this machine that hangs up, lies, stalls and forgets, as real ones do.
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using SarSynth.Data;

namespace SarSynth.Tests.Data;

public sealed class DownloaderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-download-").FullName;
    private readonly byte[] content = new byte[300_000];
    private readonly Downloader downloader = new() { Pause = TimeSpan.FromMilliseconds(5),
        Patience = TimeSpan.FromMinutes(2) };

    public DownloaderTests() => new Random(7).NextBytes(content);

    private string Target => Path.Combine(folder, "deep", "file.bin");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private ManifestFile FileAt(params Uri[] urls) =>
        new("file.bin", content.Length, Convert.ToHexStringLower(SHA256.HashData(content))) { Urls = urls };

    [Fact]
    public async Task WholeFileArrivesWithProgress()
    {
        using var server = new Server(_ => Answer(200, content));
        var seen = new List<DownloadProgress>();
        await downloader.FetchAsync(FileAt(server.Address), Target, new Direct(seen.Add));
        Assert.Equal(content, File.ReadAllBytes(Target));
        Assert.Equal((content.Length, content.Length), ((int)seen[^1].Received, (int)seen[^1].Size));
        Assert.Equal(["file.bin"], Directory.GetFiles(Path.GetDirectoryName(Target)!).Select(Path.GetFileName));
    }

    [Fact]
    public async Task ConnectionThatEndsIsTakenUpWhereItWas()
    {
        using var server = new Server(request => request.From == 0
            ? Answer(200, content, cut: 100_000)
            : Answer(206, content[request.From..],
                $"Content-Range: bytes {request.From}-{content.Length - 1}/{content.Length}",
                cut: request.From < 150_000 ? 90_000 : null));
        await downloader.FetchAsync(FileAt(server.Address), Target);
        Assert.Equal(content, File.ReadAllBytes(Target));
        Assert.Equal([0, 100_000, 190_000], server.Requests.Select(r => r.From));
    }

    [Fact]
    public async Task NextRunGoesOnFromWhatAnEarlierOneLeft()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Target)!);
        File.WriteAllBytes(Target + ".part", content[..250_000]);
        using var server =
            new Server(request =>
            Answer(206, content[request.From..],
            $"Content-Range: bytes {request.From}-{content.Length - 1}/{content.Length}"));
        await downloader.FetchAsync(FileAt(server.Address), Target);
        Assert.Equal(content, File.ReadAllBytes(Target));
        Assert.Equal([250_000], server.Requests.Select(r => r.From));
    }

    [Fact]
    public async Task StaleBeginningIsThrownAwayOnce()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Target)!);
        File.WriteAllBytes(Target + ".part", new byte[1000]);
        using var server = new Server(request => request.From == 0
            ? Answer(200, content)
            : Answer(206, content[request.From..],
                $"Content-Range: bytes {request.From}-{content.Length - 1}/{content.Length}"));
        await downloader.FetchAsync(FileAt(server.Address), Target);
        Assert.Equal(content, File.ReadAllBytes(Target));
        Assert.Equal([1000, 0], server.Requests.Select(r => r.From));
    }

    [Fact]
    public async Task ServerWithoutRangesStartsAnew()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Target)!);
        File.WriteAllBytes(Target + ".part", content[..1000]);
        using var server = new Server(_ => Answer(200, content));
        await downloader.FetchAsync(FileAt(server.Address), Target);
        Assert.Equal(content, File.ReadAllBytes(Target));
    }

    [Fact]
    public async Task WrongContentIsRefusedAndLeavesNothing()
    {
        var other = (byte[])content.Clone();
        other[5]++;
        using var server = new Server(_ => Answer(200, other));
        var message = (await Assert.ThrowsAsync<ManifestException>(() =>
            downloader.FetchAsync(FileAt(server.Address), Target))).Message;
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(other)), message);
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(content)), message);
        Assert.False(File.Exists(Target));
        Assert.Single(server.Requests);
        Assert.Equal(0, new FileInfo(Target + ".part").Length);
    }

    [Fact]
    public async Task MoreThanTheManifestTellsIsRefused()
    {
        using var server = new Server(_ => Answer(200, [.. content, 1]));
        Assert.Contains("more than the 300000 bytes",
            (await Assert.ThrowsAsync<ManifestException>(() => downloader.FetchAsync(FileAt(server.Address), Target)))
                .Message);
        Assert.False(File.Exists(Target));
    }

    [Fact]
    public async Task NextAddressIsTriedAndEveryFailureIsTold()
    {
        using var gone = new Server(_ => Answer(404, []));
        using var busy = new Server(_ => Answer(503, []));
        using var good = new Server(_ => Answer(200, content));
        var message = (await Assert.ThrowsAsync<ManifestException>(() =>
            downloader.FetchAsync(FileAt(gone.Address, busy.Address), Target))).Message;
        Assert.Contains($"{gone.Address}: the server answered 404", message);
        Assert.Contains($"{busy.Address}: the server answered 503", message);
        Assert.Single(gone.Requests);                        // 404 will not change
        Assert.Equal(4, busy.Requests.Count);                // 503 may
        await downloader.FetchAsync(FileAt(gone.Address, good.Address), Target);
        Assert.Equal(content, File.ReadAllBytes(Target));
    }

    [Fact]
    public async Task ServerThatSaysNothingIsLeft()
    {
        using var server = new Server(_ => Answer(200, content, cut: 1000, stall: true));
        var hasty = new Downloader { Attempts = 2, Pause = TimeSpan.FromMilliseconds(5),
            Patience = TimeSpan.FromSeconds(3) };
        Assert.Contains("sent nothing for 3 s",
            (await Assert.ThrowsAsync<ManifestException>(() => hasty.FetchAsync(FileAt(server.Address), Target)))
            .Message);
        Assert.Equal(1000, new FileInfo(Target + ".part").Length);   // kept for the next run
    }

    [Fact]
    public async Task CancellingKeepsWhatArrived()
    {
        using var server = new Server(_ => Answer(200, content, cut: 2000, stall: true));
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            downloader.FetchAsync(FileAt(server.Address), Target,
            new Direct(p => { if (p.Received >= 2000) stop.Cancel(); }), stop.Token));
        Assert.False(File.Exists(Target));
        Assert.Equal(2000, new FileInfo(Target + ".part").Length);
    }

    [Fact]
    public async Task TwoAtOnceDoNotMix()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Target)!);
        using var other = new FileStream(Target + ".part", FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        Assert.Contains("Another download",
            (await Assert.ThrowsAsync<ManifestException>(() =>
            downloader.FetchAsync(FileAt(new Uri("http://127.0.0.1:9/")), Target))).Message);
    }

    [Fact]
    public async Task StoreFetchesWhatIsMissingOnly()
    {
        using var server = new Server(_ => Answer(200, content));
        var manifest = new Manifest("set", ManifestKind.Dataset, "Set", "MIT", [FileAt(server.Address)]);
        var store = new ManifestStore(folder, Path.Combine(folder, "data"));
        var paths = await store.FetchAsync(manifest, downloader);
        Assert.Equal([Path.Combine(folder, "data", "set", "file.bin")], paths);
        await store.FetchAsync(manifest, downloader);
        Assert.Single(server.Requests);
    }

    private static Reply Answer(int status, byte[] body, string header = "", int? cut = null, bool stall = false) =>
        new(status, body, header, cut, stall);

    private sealed record Reply(int Status, byte[] Body, string Header, int? Cut, bool Stall);

    private sealed record Request(int From);

    private sealed class Direct(Action<DownloadProgress> told) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => told(value);
    }

    /// <summary>Answers each request of one connection, then closes it; "cut" ends the body early.</summary>
    private sealed class Server : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly Func<Request, Reply> answer;
        private readonly CancellationTokenSource end = new();

        public Server(Func<Request, Reply> answer)
        {
            this.answer = answer;
            listener.Start();
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/file.bin");
            _ = Task.Run(Listen);
        }

        public Uri Address { get; }

        public List<Request> Requests { get; } = [];

        public void Dispose()
        {
            end.Cancel();
            listener.Stop();
        }

        private async Task Listen()
        {
            while (!end.IsCancellationRequested)
            {
                var client = await listener.AcceptTcpClientAsync(end.Token);
                _ = Task.Run(() => Serve(client));
            }
        }

        private async Task Serve(TcpClient client)
        {
            using var _ = client;
            using var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
            var from = 0;
            while (await reader.ReadLineAsync(end.Token) is { Length: > 0 } line)
            {
                if (line.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase))
                    from = int.Parse(line["Range: bytes=".Length..].TrimEnd('-'));
            }
            var request = new Request(from);
            lock (Requests)
                Requests.Add(request);
            var reply = answer(request);
            var head = $"HTTP/1.1 {reply.Status} Status\r\nContent-Length: {reply.Body.Length}\r\nConnection: "
                + $"close\r\n{(reply.Header.Length > 0 ? reply.Header + "\r\n" : "")}\r\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(head), end.Token);
            await stream.WriteAsync(reply.Body.AsMemory(0, Math.Min(reply.Cut ?? int.MaxValue, reply.Body.Length)),
                end.Token);
            await stream.FlushAsync(end.Token);
            if (reply.Stall)
                await Task.Delay(Timeout.Infinite, end.Token);
        }
    }
}
