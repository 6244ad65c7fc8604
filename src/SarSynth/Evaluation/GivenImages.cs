// Images that somebody made, and true ones, in files or shards: pairs where their names agree, else two heaps.
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
    // As many as an index of squares tells apart; a class map has tens.
    private const int MostClasses = 64;

    /// <summary>Images that a model was trained on; empty where not known.</summary>
    public IReadOnlyList<AmplitudeImage> Training { get; init; } = [];

    /// <summary>Whether a path means WebDataset shards: one, a folder or a range of them, a list, an address.</summary>
    public static bool IsShards(string path) => ImageHeap.IsShards(path);

    /// <summary>Reads them.</summary>
    /// <param name="real">
    /// A file, a folder of files (not of its folders), or WebDataset shards: one, a folder or a range of them, a list.
    /// </param>
    /// <param name="generated">Likewise; two files are a pair whatever their names.</param>
    /// <param name="condition">
    /// Likewise, coarser images of the names of the true ones, a whole number of whose pixels lies in each of theirs;
    /// null for none. It needs pairs.
    /// </param>
    /// <param name="training">Images that a model was trained on; null where not known.</param>
    /// <param name="classes">
    /// Class maps of the names of the true images, on their grids: 0 to 63 a pixel, 255 for no class; null for none.
    /// They need pairs.
    /// </param>
    /// <exception cref="FileNotFoundException">Something is not there, or a folder has no image.</exception>
    /// <exception cref="InvalidDataException">A pair, a condition or a class map does not fit the true
    /// image.</exception>
    /// <exception cref="RasterException">A file is no raster.</exception>
    /// <exception cref="TileException">A shard or an index of captions is broken.</exception>
    public static GivenImages Read(string real, string generated, string? condition = null,
        string? training = null, string? classes = null)
    {
        var (truth, made) = (ImageHeap.Read(real), ImageHeap.Read(generated));
        var isPair = truth.IsFile && made.IsFile;
        var (truthName, madeName) = (truth.Name, made.Name == truth.Name ? "generated" : made.Name);
        var isPaired = isPair || made.Images.Keys.ToHashSet().SetEquals(truth.Images.Keys);
        var given = new GivenImages(truth.ToCandidate(truthName), made.ToCandidate(madeName), [])
        {
            Training = training is null ? [] : [.. ImageHeap.Read(training).Images.Values.Select(i => i.Image)],
        };
        if (!isPaired)
            return given;
        var (seen, maps) = (condition is null ? null : ImageHeap.Read(condition),
            classes is null ? null : ImageHeap.Read(classes));
        var scenes = new List<TruthScene>();
        foreach (var (name, one) in truth.Images)
        {
            var other = isPair ? made.Images.Values.Single() : made.Images[name];
            if ((one.Image.Rows, one.Image.Columns) != (other.Image.Rows, other.Image.Columns))
                throw new InvalidDataException($"{other.Source}: found {other.Image.Rows} x {other.Image.Columns}, "
                    + $"expected {one.Image.Rows} x {one.Image.Columns} as {one.Source} has.");
            scenes.Add(new(name, one.Image)
            {
                Satellite = seen is null ? null : Condition(Of(seen, name, isPair), one.Image),
                Map = maps is null ? null : Map(Of(maps, name, isPair), one.Image),
                Caption = one.Caption ?? other.Caption,
            });
        }
        return given with { Scenes = scenes };
    }

    /// <summary>Judges them, beside every second true image against the others where there are four or more.</summary>
    /// <param name="network">Looks at squares of the images; its rows are left out without it.</param>
    /// <param name="words">A SAR-text model; its rows are left out without it.</param>
    public TranslationTable ToTable(ResNet18? network = null, SarTextModel? words = null)
    {
        var halves = Truth.Images.Count >= 4;
        return Scenes.Count > 0
            ? TranslationTable.Of(Scenes, [Generated], training: Training, network: network, words: words,
                halves: halves) with { Truth = Truth.Name }
            : TranslationTable.Unpaired(Truth, [Generated], training: Training, network: network, words: words,
                halves: halves);
    }

    private static HeapImage Of(ImageHeap heap, string name, bool isPair) =>
        isPair && heap.Images.Count == 1 ? heap.Images.Values.Single()
            : heap.Images.TryGetValue(name, out var image) ? image : throw new FileNotFoundException(
                $"{heap.Path}: found no image '{name}', expected one for each true image.", heap.Path);

    private static AmplitudeImage Condition(HeapImage given, AmplitudeImage truth)
    {
        var image = given.Image;
        var scale = truth.Rows / image.Rows;
        return scale >= 1 && (image.Rows * scale, image.Columns * scale) == (truth.Rows, truth.Columns) ? image
            : throw new InvalidDataException($"{given.Source}: found {image.Rows} x {image.Columns}, expected "
                + $"{truth.Rows} x {truth.Columns} over one whole number.");
    }

    private static ClassMap Map(HeapImage given, AmplitudeImage truth)
    {
        var image = given.Image;
        if ((image.Rows, image.Columns) != (truth.Rows, truth.Columns))
            throw new InvalidDataException($"{given.Source}: found {image.Rows} x {image.Columns}, expected "
                + $"{truth.Rows} x {truth.Columns}: a class for each pixel of the true image.");
        return new(Array.ConvertAll(image.Pixels, p => float.IsNaN(p) || p == ClassMap.None ? ClassMap.None
            : p >= 0 && p < MostClasses && p == MathF.Floor(p) ? (byte)p : throw new InvalidDataException(
                FormattableString.Invariant($"{given.Source}: found a pixel of {p}, expected classes 0 to ")
                + FormattableString.Invariant($"{MostClasses - 1}, or 255 for none."))));
    }
}
