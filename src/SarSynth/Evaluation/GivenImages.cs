// Images that somebody made, and true ones, in files: pairs where their names agree, else two heaps.
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Evaluation;

/// <summary>Images to be judged, as they lie in files.</summary>
/// <param name="Truth">The true images, called as their file or folder.</param>
/// <param name="Generated">The others.</param>
/// <param name="Scenes">Each true image with what belongs to it; empty where names do not agree.</param>
public sealed record GivenImages(Candidate Truth, Candidate Generated, IReadOnlyList<TruthScene> Scenes)
{
    /// <summary>Images that a model was trained on; empty where not known.</summary>
    public IReadOnlyList<AmplitudeImage> Training { get; init; } = [];

    private static readonly string[] extensions =
        [".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy", ".h5", ".hdf5", ".nc", ".img", ".vrt", ".ntf", ".nitf"];

    /// <summary>Reads them.</summary>
    /// <param name="real">A file, or a folder of files (not of its folders).</param>
    /// <param name="generated">Likewise; two files are a pair whatever their names.</param>
    /// <param name="condition">
    /// Likewise, coarser images of the names of the true ones, a whole number of whose pixels lies in each of theirs;
    /// null for none. It needs pairs.
    /// </param>
    /// <param name="training">A file or a folder of images that a model was trained on; null where not known.</param>
    /// <exception cref="FileNotFoundException">Something is not there, or a folder has no image.</exception>
    /// <exception cref="InvalidDataException">A pair, or a condition, does not fit the true image.</exception>
    /// <exception cref="RasterException">A file is no raster.</exception>
    public static GivenImages Read(string real, string generated, string? condition = null,
        string? training = null)
    {
        var (truth, made) = (Files(real), Files(generated));
        var isPair = File.Exists(real) && File.Exists(generated);
        var seen = condition is null ? null : Files(condition);
        if (isPair && seen is { Count: 1 })
            seen = new() { [truth.Keys.Single()] = seen.Values.Single() };
        if (isPair)
            made = new() { [truth.Keys.Single()] = made.Values.Single() };
        var (truthName, madeName) = (NameOf(real), NameOf(generated) == NameOf(real) ? "generated" : NameOf(generated));
        var areAlike = made.Keys.ToHashSet().SetEquals(truth.Keys);
        var images = Progress.Over("reading", [.. truth, .. made], f => f.Key).Select(f => ReadOne(f.Value)).ToArray();
        var heaps = (Truth: new Candidate(truthName, images[..truth.Count]),
            Made: new Candidate(madeName, images[truth.Count..]));
        AmplitudeImage[] known = training is null ? []
            : [.. Progress.Over("reading training images", [.. Files(training)], f => f.Key)
                .Select(f => ReadOne(f.Value))];
        if (!areAlike)
            return new(heaps.Truth, heaps.Made, []) { Training = known };
        var scenes = new List<TruthScene>();
        foreach (var (i, name) in truth.Keys.Index())
        {
            var (one, other) = (heaps.Truth.Images[i], heaps.Made.Images[i]);
            if ((one.Rows, one.Columns) != (other.Rows, other.Columns))
                throw new InvalidDataException($"{made[name]}: found {other.Rows} x {other.Columns}, expected "
                    + $"{one.Rows} x {one.Columns} as {truth[name]} has.");
            scenes.Add(new(name, one) { Satellite = seen is null ? null : Condition(seen, name, one, condition!) });
        }
        return new(heaps.Truth, heaps.Made, scenes) { Training = known };
    }

    /// <summary>Judges them.</summary>
    /// <param name="network">Looks at squares of the images; its rows are left out without it.</param>
    public TranslationTable ToTable(ResNet18? network = null) => Scenes.Count > 0
        ? TranslationTable.Of(Scenes, [Generated], training: Training, network: network) with { Truth = Truth.Name }
        : TranslationTable.Unpaired(Truth, [Generated], training: Training, network: network);

    private static AmplitudeImage Condition(
        SortedDictionary<string, string> seen, string name, AmplitudeImage truth, string folder)
    {
        if (!seen.TryGetValue(name, out var file))
            throw new FileNotFoundException(
                $"{folder}: found no image '{name}', expected one for each true image.", folder);
        var image = ReadOne(file);
        var scale = truth.Rows / image.Rows;
        return scale >= 1 && (image.Rows * scale, image.Columns * scale) == (truth.Rows, truth.Columns) ? image
            : throw new InvalidDataException($"{file}: found {image.Rows} x {image.Columns}, expected {truth.Rows} x "
                + $"{truth.Columns} over one whole number.");
    }

    private static AmplitudeImage ReadOne(string file)
    {
        using var raster = SarRaster.Open(file);
        return raster.Read().ToAmplitude();
    }

    private static SortedDictionary<string, string> Files(string path)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (File.Exists(path))
        {
            found[NameOf(path)] = path;
            return found;
        }
        if (!Directory.Exists(path))
            throw new FileNotFoundException($"{path}: does not exist, expected a file or a folder of images.", path);
        foreach (var file in Directory.GetFiles(path)
            .Where(f => extensions.Contains(Path.GetExtension(f).ToLowerInvariant())).Order(StringComparer.Ordinal))
            if (!found.TryAdd(NameOf(file), file))
                throw new InvalidDataException($"{path}: found two images '{NameOf(file)}', expected one of a name.");
        return found.Count > 0 ? found
            : throw new FileNotFoundException($"{path}: found no image ({string.Join(", ", extensions)}).", path);
    }

    private static string NameOf(string path) =>
        Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
}
