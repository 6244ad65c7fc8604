// The rows of a translation as they are finished, in files beside the result: what was killed goes on where it was, and
// processes that share a scene put their rows into one result.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Data;

namespace SarSynth.Translation;

/// <summary>One of several processes that make one result together; which of them ends last puts it together.</summary>
/// <param name="Index">Which, from 0.</param>
/// <param name="Count">How many there are.</param>
public readonly record struct Shard(int Index, int Count)
{
    /// <summary>A process that makes the whole.</summary>
    public static Shard Whole { get; } = new(0, 1);

    /// <summary>The strips of this process, of all in turn.</summary>
    internal (int From, int To) Of(int strips) =>
        ((int)((long)Index * strips / Count), (int)((Index + 1L) * strips / Count));
}

/// <summary>A folder of strips of rows beside a result that is not finished.</summary>
internal sealed class TranslationParts
{
    /// <summary>Rows of a strip.</summary>
    public const int StripRows = 512;

    private const string JobFile = "job.json";

    private readonly string folder;
    private readonly int rows, lineBytes;

    private TranslationParts(string folder, int rows, int lineBytes) =>
        (this.folder, this.rows, this.lineBytes) = (folder, rows, lineBytes);

    /// <summary>Where the strips of a result lie.</summary>
    public static string FolderOf(string output) => output + ".parts";

    /// <summary>Whether there are strips of a result, or a place for them.</summary>
    public static bool IsBegun(string output) => File.Exists(Path.Combine(FolderOf(output), JobFile));

    /// <summary>Opens what is there of a result, or begins it.</summary>
    /// <param name="output">The result.</param>
    /// <param name="job">All that its pixels depend on.</param>
    /// <param name="rows">Rows of the result.</param>
    /// <param name="lineBytes">Bytes of a row.</param>
    /// <param name="replace">Whether strips of another job give way.</param>
    /// <exception cref="IOException">Strips of another job are there.</exception>
    public static TranslationParts Open(string output, JsonObject job, int rows, int lineBytes, bool replace)
    {
        var folder = FolderOf(output);
        var file = Path.Combine(folder, JobFile);
        var text = KitJson.Serialize(job);
        if (File.Exists(file) && File.ReadAllText(file) is var begun && begun != text)
        {
            if (!replace)
            {
                throw new IOException($"{folder}: holds finished rows of another translation ({Difference(begun, job)}"
                    + " is another); --force begins anew");
            }
            Directory.Delete(folder, recursive: true);
        }
        if (!File.Exists(file))
            AtomicFile.WriteText(file, text);
        return new(folder, rows, lineBytes);
    }

    /// <summary>Whether nothing is missing.</summary>
    public bool IsWhole => Enumerable.Range(0, Strips).All(IsThere);

    private int Strips => (rows + StripRows - 1) / StripRows;

    /// <summary>Rows that a process has to make, without those that are there.</summary>
    public IReadOnlyList<(int From, int To)> Missing(Shard shard)
    {
        var (from, to) = shard.Of(Strips);
        List<(int From, int To)> missing = [];
        for (var strip = from; strip < to; strip++)
        {
            if (IsThere(strip))
                continue;
            var (first, end) = (strip * StripRows, Math.Min((strip + 1) * StripRows, rows));
            // What lies side by side is made in one go: its windows are computed once.
            if (missing.Count > 0 && missing[^1].To == first)
                missing[^1] = (missing[^1].From, end);
            else
                missing.Add((first, end));
        }
        return missing;
    }

    /// <summary>Takes rows in turn; each strip appears when it is whole.</summary>
    public Rows Write() => new(this);

    /// <summary>The strips, top to bottom.</summary>
    public IEnumerable<byte[]> Read() => Enumerable.Range(0, Strips).Select(strip => File.ReadAllBytes(PathOf(strip)));

    /// <summary>Waits until no other process puts the result together.</summary>
    /// <returns>The lock; null where another has put it together, and the strips are gone.</returns>
    public IDisposable? Lock(CancellationToken cancel)
    {
        while (File.Exists(Path.Combine(folder, JobFile)))
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                var held = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite,
                    FileShare.None);
                // It may have gone between the two.
                if (File.Exists(Path.Combine(folder, JobFile)))
                    return held;
                held.Dispose();
            }
            catch (DirectoryNotFoundException)
            {
                return null;
            }
            catch (IOException)
            {
                Thread.Sleep(50);
            }
        }
        return null;
    }

    /// <summary>Removes the strips.</summary>
    public void Delete() => Directory.Delete(folder, recursive: true);

    /// <summary>Removes the folder where it holds no strip yet.</summary>
    public void DeleteIfEmpty()
    {
        if (Directory.Exists(folder) && !Enumerable.Range(0, Strips).Any(IsThere))
            Delete();
    }

    private bool IsThere(int strip) => new FileInfo(PathOf(strip)) is { Exists: true } file
        && file.Length == (long)(Math.Min((strip + 1) * StripRows, rows) - strip * StripRows) * lineBytes;

    private string PathOf(int strip) => Path.Combine(folder,
        string.Create(CultureInfo.InvariantCulture, $"rows-{strip * StripRows:D7}.bin"));

    // The first field in which two jobs differ.
    private static string Difference(string begun, JsonObject job)
    {
        try
        {
            var before = JsonNode.Parse(begun)!.AsObject();
            var field = job.Select(f => f.Key).First(key => before[key]?.ToJsonString() != job[key]?.ToJsonString());
            return job[field] is JsonObject now && before[field] is JsonObject was
                ? $"{field}.{now.Select(f => f.Key).First(k => was[k]?.ToJsonString() != now[k]?.ToJsonString())}"
                : field;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return JobFile;
        }
    }

    /// <summary>Rows on their way into strips.</summary>
    internal sealed class Rows(TranslationParts parts) : IDisposable
    {
        private AtomicFile? file;
        private FileStream? stream;

        /// <summary>The next row, or the first of others.</summary>
        public void Add<T>(int row, ReadOnlySpan<T> line) where T : unmanaged
        {
            var (strip, within) = Math.DivRem(row, StripRows);
            if (within == 0)
            {
                Dispose();
                file = new AtomicFile(parts.PathOf(strip));
                stream = new FileStream(file.Temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20);
            }
            stream!.Write(MemoryMarshal.AsBytes(line));
            if (within + 1 < StripRows && row + 1 < parts.rows)
                return;
            stream.Dispose();
            file!.Complete();
            Dispose();
        }

        public void Dispose()
        {
            stream?.Dispose();
            file?.Dispose();
            (stream, file) = (null, null);
        }
    }
}
