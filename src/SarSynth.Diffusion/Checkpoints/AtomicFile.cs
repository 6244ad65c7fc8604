// Files appear whole or not at all: write beside, flush, rename.
namespace SarSynth.Diffusion.Checkpoints;

/// <summary>Writes files so that a reader, or a killed run, never meets half of one.</summary>
public static class AtomicFile
{
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

    /// <summary>Calls <paramref name="write"/> with a stream beside <paramref name="path"/> and renames it when all went well.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="write">Writes the content; what it throws leaves nothing behind.</param>
    public static void Write(string path, Action<Stream> write)
    {
        path = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var beside = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(beside, path, overwrite: true);
        }
        finally
        {
            if (File.Exists(beside))
                File.Delete(beside);
        }
    }
}
