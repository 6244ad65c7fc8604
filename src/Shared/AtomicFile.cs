// Files appear whole or not at all: written beside their place, flushed to the disk, renamed. Compiled into each
// project that writes files, for none of them may use another; each says in a part of its own how a failure is told.
namespace SarSynth;

/// <summary>A file beside its place that gets its name when it is complete and is deleted when it is not.</summary>
sealed partial class AtomicFile : IDisposable
{
    private readonly string place;
    private bool done;

    /// <summary>Chooses where to write; nothing is created yet.</summary>
    /// <param name="path">The file to create or replace; its folder must be there.</param>
    /// <param name="extension">Of the file beside it, for writers that go by that.</param>
    /// <exception cref="IOException">The folder is not there, or the place is a folder.</exception>
    public AtomicFile(string path, string extension = ".tmp")
    {
        place = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(place) ?? "/";
        if (!Directory.Exists(folder))
            throw Failure(path, "cannot be written: its folder does not exist", null);
        if (Directory.Exists(place))
            throw Failure(path, "cannot be written: it is a folder", null);
        Temporary = Path.Combine(folder, $".{Path.GetFileName(place)}.{Guid.NewGuid():N}{extension}");
    }

    /// <summary>Where to write.</summary>
    public string Temporary { get; }

    /// <summary>Writes text as UTF-8 without a byte-order mark; creates the folder.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="text">Its whole content.</param>
    public static void WriteText(string path, string text) => Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        writer.Write(text);
    });

    /// <summary>Writes bytes; creates the folder.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="bytes">Its whole content.</param>
    public static void WriteBytes(string path, ReadOnlySpan<byte> bytes)
    {
        var copy = bytes.ToArray();
        Write(path, stream => stream.Write(copy));
    }

    /// <summary>Writes a stream that becomes the file when all went well; creates the folder.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="write">Writes the content; what it throws leaves nothing behind.</param>
    public static void Write(string path, Action<Stream> write)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        using var file = new AtomicFile(path);
        using (var stream = new FileStream(
            file.Temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20))
        {
            write(stream);
        }
        file.Complete();
    }

    /// <summary>Flushes what was written to the disk and gives it its name.</summary>
    /// <exception cref="IOException">That failed.</exception>
    public void Complete()
    {
        try
        {
            using (var file = new FileStream(Temporary, FileMode.Open, FileAccess.ReadWrite))
                file.Flush(flushToDisk: true);
            File.Move(Temporary, place, overwrite: true);
            done = true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failure(place, $"cannot be written: {error.Message}", error);
        }
    }

    /// <summary>Deletes what was not completed, with the files that GDAL puts beside a raster.</summary>
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

    private static partial Exception Failure(string path, string problem, Exception? cause);
}
