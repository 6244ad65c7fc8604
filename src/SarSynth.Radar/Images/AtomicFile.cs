// A file that appears whole or not at all.
namespace SarSynth.Radar.Images;

/// <summary>A temporary file beside its target, renamed when it is complete and deleted when it is not.</summary>
internal sealed class AtomicFile : IDisposable
{
    private readonly string target;
    private bool done;

    /// <exception cref="RasterException">The folder is not there or the target is a folder.</exception>
    public AtomicFile(string path, string extension)
    {
        target = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(target) ?? "/";
        if (!Directory.Exists(folder))
            throw new RasterException(path, "cannot be written: its folder does not exist");
        if (Directory.Exists(target))
            throw new RasterException(path, "cannot be written: it is a folder");
        Temporary = Path.Combine(folder, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}{extension}");
    }

    /// <summary>Where to write.</summary>
    public string Temporary { get; }

    /// <summary>Flushes what was written to the disk and gives it its name.</summary>
    /// <exception cref="RasterException">That failed.</exception>
    public void Complete()
    {
        try
        {
            using (var file = new FileStream(Temporary, FileMode.Open, FileAccess.ReadWrite))
                file.Flush(flushToDisk: true);
            File.Move(Temporary, target, overwrite: true);
            done = true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RasterException(target, $"cannot be written: {error.Message}", error);
        }
    }

    public void Dispose()
    {
        if (done)
            return;
        foreach (var file in (string[])[Temporary, Temporary + ".aux.xml", Temporary + ".ovr"])
        {
            try
            {
                File.Delete(file);
            }
            catch (IOException)
            {
                // The folder may have gone; there is nothing left to clean.
            }
        }
    }
}
