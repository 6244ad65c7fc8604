// Images of a file, a folder or shards by their names, with the captions that lie beside them.
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Evaluation;

/// <summary>An image of a heap.</summary>
/// <param name="Source">Its file or shard, for messages.</param>
/// <param name="Image">Its amplitudes.</param>
/// <param name="Caption">What it is said to show; null where nothing is said.</param>
internal sealed record HeapImage(string Source, AmplitudeImage Image, string? Caption);

/// <summary>Images by name, in the order of their names.</summary>
/// <param name="Path">As it was given.</param>
/// <param name="IsFile">Whether it is one file.</param>
/// <param name="Images">The images.</param>
internal sealed record ImageHeap(string Path, bool IsFile, SortedDictionary<string, HeapImage> Images)
{
    private static readonly string[] extensions =
        [".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy", ".h5", ".hdf5", ".nc", ".img", ".vrt", ".ntf", ".nitf"];

    /// <summary>Name of the file or folder.</summary>
    public string Name => NameOf(Path);

    /// <summary>Whether a path means shards.</summary>
    public static bool IsShards(string path) => ShardList.IsAddress(path)
        || path.EndsWith(".tar", StringComparison.OrdinalIgnoreCase)
        || File.Exists(path) && System.IO.Path.GetExtension(path).ToLowerInvariant() is ".txt" or ".lst"
        || Directory.Exists(path) && ShardList.InFolder(path).Count > 0;

    /// <summary>Reads all that a path means.</summary>
    public static ImageHeap Read(string path)
    {
        if (IsShards(path))
            return new(path, false, Shards(path));
        var files = Files(path);
        var captions = Captions(path);
        var images = new SortedDictionary<string, HeapImage>(StringComparer.Ordinal);
        foreach (var (name, file) in Progress.Over($"reading {NameOf(path)}", [.. files], f => f.Key))
        {
            using var raster = SarRaster.Open(file);
            images[name] = new(file, raster.Read().ToAmplitude(),
                captions.GetValueOrDefault(System.IO.Path.GetFullPath(file)));
        }
        return new(path, File.Exists(path), images);
    }

    /// <summary>The images under a name.</summary>
    public Candidate ToCandidate(string name) => new(name, [.. Images.Values.Select(i => i.Image)])
    {
        Captions = Images.Values.Any(i => i.Caption is not null) ? [.. Images.Values.Select(i => i.Caption)] : null,
    };

    private static SortedDictionary<string, HeapImage> Shards(string path)
    {
        var images = new SortedDictionary<string, HeapImage>(StringComparer.Ordinal);
        using var tiles = Tiles.Open(path, new TileOptions { RequireCaptions = false, Conditions = [] });
        var seen = new HashSet<TileReference>();
        foreach (var step in tiles.Sequence(new TileOrder { IsShuffled = false }))
        {
            // The sequence never ends: the first tile again is the end of the shards.
            if (!seen.Add(step.Reference))
                break;
            var tile = step.Load();
            if (!images.TryAdd(tile.Key, new(tile.Source, tile.Image.ToAmplitude(),
                tile.Captions.Count > 0 ? tile.Captions[0].Value : null)))
                throw new TileException(tile.Source, tile.Key, "found two images of this name, expected one");
        }
        return images;
    }

    // Of a folder with an index, by full path.
    private static Dictionary<string, string> Captions(string path) => !Directory.Exists(path)
        || !File.Exists(System.IO.Path.Combine(path, TileIndex.JsonLines))
            && !File.Exists(System.IO.Path.Combine(path, TileIndex.Csv)) ? []
        : TileIndex.Read(path, "text").Where(row => row.Captions.Count > 0).ToDictionary(
            row => System.IO.Path.GetFullPath(row.File), row => row.Captions[0].Value);

    private static SortedDictionary<string, string> Files(string path)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (File.Exists(path))
        {
            found[NameOf(path)] = path;
            return found;
        }
        if (!Directory.Exists(path))
            throw new FileNotFoundException($"{path}: does not exist, expected a file, a folder of images or shards.",
                path);
        string[] all = [.. Directory.GetFiles(path).Where(f => extensions.Contains(ExtensionOf(f)))
            .Order(StringComparer.Ordinal)];
        var rasters = all.Where(f => !IsPicture(f)).Select(NameOf).ToHashSet(StringComparer.Ordinal);
        // translate and simulate write a picture beside each raster: the same image once more, of 8 bits.
        foreach (var file in all.Where(f => !IsPicture(f) || !rasters.Contains(NameOf(f))))
            if (!found.TryAdd(NameOf(file), file))
                throw new InvalidDataException($"{path}: found two images '{NameOf(file)}' "
                    + $"({System.IO.Path.GetFileName(found[NameOf(file)])}, {System.IO.Path.GetFileName(file)}), "
                    + "expected one of a name.");
        return found.Count > 0 ? found
            : throw new FileNotFoundException($"{path}: found no image ({string.Join(", ", extensions)}).", path);
    }

    private static bool IsPicture(string path) => ExtensionOf(path) is ".png" or ".jpg" or ".jpeg";

    private static string ExtensionOf(string path) => System.IO.Path.GetExtension(path).ToLowerInvariant();

    private static string NameOf(string path) => System.IO.Path.GetFileNameWithoutExtension(
        System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path)));
}
