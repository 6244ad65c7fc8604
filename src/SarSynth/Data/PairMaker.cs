// Pairs of one's own: two folders whose images have equal names, or airborne samples and the satellite's view of them.
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Data;

/// <summary>Makes paired scenes, as training reads them, from images that are there.</summary>
public static class PairMaker
{
    /// <summary>Pairs the images of two folders by their names.</summary>
    /// <param name="airborne">Fine images; captions and parts come along where an index tells them.</param>
    /// <param name="satellite">Coarse images of the same names (extensions and folders do not count).</param>
    /// <param name="folder">Folder of the pairs; scenes of the same name are replaced.</param>
    /// <param name="caption">Caption of the images that have none; null refuses those.</param>
    /// <param name="split">Part of the images whose part nothing tells.</param>
    /// <exception cref="TileException">
    /// A name has no partner, an image cannot be read, or sizes are no whole factor apart.
    /// </exception>
    public static PairedDataset Join(
        string airborne, string satellite, string folder, string? caption = null, Split split = Split.Train)
    {
        var coarse = new Dictionary<string, string>();
        foreach (var file in Directory.Exists(satellite) ? Directory.EnumerateFiles(satellite, "*",
            SearchOption.AllDirectories)
            .Where(f => TileImages.Extensions.Contains(Path.GetExtension(f).ToLowerInvariant()))
                .Order(StringComparer.Ordinal)
            : throw new DirectoryNotFoundException($"{satellite}: no such folder, expected the satellite's images."))
        {
            if (!coarse.TryAdd(Path.GetFileNameWithoutExtension(file), file))
                throw new TileException(satellite, Path.GetFileNameWithoutExtension(file),
                    "found more than one file of this name, expected one");
        }
        return Write(airborne, folder, caption, split, "Pairs of two folders", source =>
        {
            if (source.FirstOrDefault(name => !coarse.ContainsKey(name)) is { } alone)
                throw new TileException(satellite, alone,
                    $"found no image of this name, expected the partner of one of {airborne}");
        }, (tile, name) =>
        {
            var (image, _) = TileImages.Read(coarse[name], satellite, name);
            return (tile.Image.ToAmplitude(), image.ToAmplitude());
        });
    }

    /// <summary>Pairs airborne samples with what a satellite would have seen of them.</summary>
    /// <param name="airborne">Complex images that tell their spacing: complex tiles, or single-look scenes.</param>
    /// <param name="recipe">The recipe for an image of these facts.</param>
    /// <param name="folder">Folder of the pairs; scenes of the same name are replaced.</param>
    /// <param name="caption">Caption of the images that have none; null refuses those.</param>
    /// <param name="split">Part of the images whose part nothing tells.</param>
    /// <exception cref="TileException">An image cannot be read, is not complex, or does not fit the recipe.</exception>
    public static PairedDataset Degrade(string airborne, Func<SarMetadata, SatelliteRecipe> recipe, string folder,
        string? caption = null, Split split = Split.Train)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return Write(airborne, folder, caption, split, "Airborne images and the satellite's view of them", _ => { },
            (tile, name) =>
        {
            if (tile.Image is not ComplexImage samples)
                throw new TileException(tile.Source, tile.Key, "found detected pixels, expected complex samples: "
                    + "the satellite's view is made from the spectrum (data tile --format complex)");
            // The recipe's noise is in units of sigma nought: tiles that were normalised get their amplitude back.
            if (tile.Ceiling is { } ceiling)
                samples = new ComplexImage(samples.Rows, samples.Columns,
                    Array.ConvertAll(samples.Pixels, s => s * (float)ceiling), samples.Metadata, samples.GeoReference);
            try
            {
                // Different tiles get different noise; the same tile always gets the same.
                var own = recipe(samples.Metadata);
                var view = (own with { Seed = NameHash.Seed(own.Seed, name) }).Apply(samples);
                return (samples.ToAmplitude(), view.ToAmplitude());
            }
            catch (ArgumentException error)
            {
                throw new TileException(tile.Source, tile.Key, error.Message, error);
            }
        });
    }

    private static PairedDataset Write(
        string airborne, string folder, string? caption, Split split, string description,
            Action<IEnumerable<string>> check,
        Func<Tile, string, (AmplitudeImage Airborne, AmplitudeImage Satellite)> pair)
    {
        using var source = Tiles.Open(airborne, new TileOptions { RequireCaptions = caption is null, Conditions = [] });
        if (source.Count is not { } count)
            throw new TileException(airborne, "", "found shards, expected a folder of images");
        var steps = source.Sequence(new TileOrder { IsShuffled = false }).Take((int)count).ToList();
        string[] names = source is ImageFolderTiles images ? [.. images.Keys.Select(NameOf)]
            : throw new TileException(airborne, "", "found paired scenes, expected a folder of images");
        if (names.GroupBy(n => n).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new TileException(airborne, twice.Key, "found more than one image of this name, expected one");
        check(names);
        return PairedDataset.Write(folder, description, "unknown", Progress.Over("pairing", steps).Select((step, i) =>
        {
            var tile = step.Load();
            var (fine, coarse) = pair(tile, names[i]);
            try
            {
                return (new PairedScene(names[i], fine, coarse, [new TileCaption(
                    0, 0, Math.Max(fine.Rows, fine.Columns), tile.Captions.Count > 0 ? tile.Caption() : caption!)]),
                        tile.Split ?? split);
            }
            catch (ArgumentException error)
            {
                throw new TileException(tile.Source, tile.Key, error.Message, error);
            }
        }));
    }

    private static string NameOf(string key) => key[(key.LastIndexOf('/') + 1)..];
}
