// Downloads that go on where they stopped (RFC 9110, range requests) and that leave whole, checked files or none.
using System.Net;
using System.Net.Http.Headers;

namespace SarSynth.Data;

/// <summary>How far a download is.</summary>
/// <param name="Path">The file that will be there.</param>
/// <param name="Received">Bytes that are here, those of earlier runs included.</param>
/// <param name="Size">Bytes of the whole file.</param>
public readonly record struct DownloadProgress(string Path, long Received, long Size);

/// <summary>Downloads files of known size and checksum.</summary>
/// <remarks>
/// What has arrived lies in FILE.part beside the target until its checksum is right, and is used by the next run. One
/// run at a time may write it.
/// </remarks>
public sealed class Downloader
{
    private static readonly HttpClient shared =
        new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(30) })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };

    /// <summary>How often an address is tried before the next one is.</summary>
    public int Attempts { get; init; } = 4;

    /// <summary>Pause before the second attempt; it doubles with every further one.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a server may send nothing.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Downloads a file.</summary>
    /// <param name="file">Its addresses, size and checksum.</param>
    /// <param name="target">Where it shall be; it appears there whole and checked, or not at all.</param>
    /// <param name="progress">Told of every block that arrives.</param>
    /// <param name="cancellation">Ends it; what has arrived is kept.</param>
    /// <exception cref="ManifestException">
    /// No address gives the file; the message tells what each of them did.
    /// </exception>
    public async Task FetchAsync(ManifestFile file, string target, IProgress<DownloadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        if (file.Urls.Count == 0)
            throw new ManifestException($"{target}: there is no address to download it from.");
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(target))!);
        var part = target + ".part";
        using (var stream = OpenPart(part, target))
        {
            RequireSpace(target, file.Size - stream.Length);
            var failures = new List<string>();
            if (!await FromAnywhere(file, stream, target, failures, progress, cancellation).ConfigureAwait(false))
                throw new ManifestException($"{target}: cannot be downloaded. {string.Join(" ", failures)}");
            stream.Flush(flushToDisk: true);
        }
        File.Move(part, target, overwrite: true);
    }

    private async Task<bool> FromAnywhere(ManifestFile file, FileStream part, string target, List<string> failures,
        IProgress<DownloadProgress>? progress,
        CancellationToken cancellation)
    {
        foreach (var url in file.Urls)
        {
            var pause = Pause;
            for (var attempt = 1; ; attempt++)
            {
                var (failure, again) = await Try(file, url, part, target, progress, cancellation).ConfigureAwait(false);
                if (failure is null)
                    return true;
                if (!again || attempt >= Attempts)
                {
                    failures.Add($"{url}: {failure}{(attempt > 1 ? $" ({attempt} attempts)" : "")}.");
                    break;
                }
                await Task.Delay(pause, cancellation).ConfigureAwait(false);
                pause *= 2;
            }
        }
        return false;
    }

    /// <summary>One request; returns why it did not give the file, and whether to ask the same server again.</summary>
    private async Task<(string? Failure, bool Again)> Try(ManifestFile file, Uri url, FileStream part, string target,
        IProgress<DownloadProgress>? progress, CancellationToken cancellation)
    {
        if (part.Length > file.Size)
            part.SetLength(0);
        var resumed = part.Length > 0;
        try
        {
            if (part.Length < file.Size)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, url);
                if (resumed)
                    request.Headers.Range = new RangeHeaderValue(part.Length, null);
                using var response =
                    await Patiently(c => shared.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, c),
                    cancellation).ConfigureAwait(false);
                if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
                {
                    part.SetLength(0);
                    return ("the server has no such range", true);
                }
                if (!response.IsSuccessStatusCode)
                    return ($"the server answered {(int)response.StatusCode} {response.ReasonPhrase}",
                        (int)response.StatusCode is 408 or 429 or >= 500);
                if (response.StatusCode != HttpStatusCode.PartialContent
                    || response.Content.Headers.ContentRange?.From != part.Length)
                {
                    part.SetLength(0);
                    resumed = false;
                }
                if (await Receive(response, file, part, target, progress, cancellation)
                    .ConfigureAwait(false) is { } tooLong)
                    return (tooLong, false);
                if (part.Length < file.Size)
                    return ($"the connection ended after {part.Length} of {file.Size} bytes", true);
            }
            part.Flush();
            part.Position = 0;
            var found = Convert.ToHexStringLower(await System.Security.Cryptography.SHA256.HashDataAsync(part,
                cancellation).ConfigureAwait(false));
            if (found == file.Sha256)
                return (null, false);
            part.SetLength(0);
            // The beginning may stem from an older file of the server: once more from the start.
            return ($"found SHA-256 {found}, expected {file.Sha256}", resumed);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException)
        {
            return (e.InnerException is { } inner && e is HttpRequestException
                ? $"{e.Message.TrimEnd('.')}: {inner.Message.TrimEnd('.')}" : e.Message.TrimEnd('.'), true);
        }
    }

    private async Task<string?> Receive(HttpResponseMessage response, ManifestFile file, FileStream part, string target,
        IProgress<DownloadProgress>? progress, CancellationToken cancellation)
    {
        using var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        var buffer = new byte[1 << 17];
        part.Position = part.Length;
        while (true)
        {
            var count = await Patiently(c => body.ReadAsync(buffer, c).AsTask(), cancellation).ConfigureAwait(false);
            if (count == 0)
                return null;
            if (part.Length + count > file.Size)
            {
                part.SetLength(0);
                return $"the server sends more than the {file.Size} bytes that the manifest tells of";
            }
            await part.WriteAsync(buffer.AsMemory(0, count), cancellation).ConfigureAwait(false);
            progress?.Report(new DownloadProgress(target, part.Length, file.Size));
        }
    }

    private async Task<T> Patiently<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            return await call(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"the server sent nothing for {Patience.TotalSeconds:0.#} s");
        }
    }

    private static FileStream OpenPart(string part, string target)
    {
        try
        {
            return new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new ManifestException($"{target}: cannot write {part}: {e.Message} Another download "
                + $"of it may be running.", e);
        }
    }

    private static void RequireSpace(string target, long bytes)
    {
        var free = new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(target))!).AvailableFreeSpace;
        if (bytes > free)
            throw new ManifestException($"{target}: needs {bytes} bytes more, but the disk has {free} left.");
    }
}
