// What vector layers tell of the ground: class maps and captions of tiles from roads, buildings, land use.
using System.Globalization;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>A layer of a vector file, and the attribute that tells its features apart.</summary>
/// <param name="File">GeoPackage, GeoJSON, Shapefile, or another that GDAL reads.</param>
/// <param name="Layer">The layer; null where the file has one.</param>
/// <param name="Field">The attribute; null takes all features for what the layer's name says.</param>
public sealed record VectorSource(string File, string? Layer = null, string? Field = null)
{
    /// <summary>
    /// Reads FILE, FILE:LAYER, FILE:FIELD (of a file of one layer) or FILE:LAYER:FIELD.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="RasterException">It has no such layer, or several and the words name none.</exception>
    public static VectorSource Parse(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        // A name may hold colons itself: the longest part that is there is the file.
        var words = text.Split(':');
        var used = Enumerable.Range(0, words.Length).Select(left => words.Length - left)
            .FirstOrDefault(n => Path.Exists(string.Join(':', words[..n])));
        if (used == 0 || words.Length - used > 2)
            throw new FileNotFoundException(
                $"vector layer '{text}': no such file, expected FILE, FILE:LAYER, FILE:FIELD or FILE:LAYER:FIELD.",
                text);
        var file = string.Join(':', words[..used]);
        return words[used..] switch
        {
            [] => new(file),
            [var word] => VectorLayer.LayersOf(file) is var layers && (layers.Count != 1 || layers[0] == word)
                ? new(file, word) : new(file, null, word),
            [var layer, var field] => new(file, layer.Length > 0 ? layer : null, field),
            _ => throw new ArgumentException(text),
        };
    }
}

/// <summary>The classes of vector layers, with their codes. Draws for one scene after the other.</summary>
public sealed class VectorClasses : IDisposable
{
    private const int MostClasses = byte.MaxValue;

    private readonly List<VectorLayer> layers = [];
    private readonly Dictionary<string, ushort> codes = new(StringComparer.Ordinal);

    private VectorClasses(IReadOnlyList<VectorSource> sources, IReadOnlyDictionary<string, string>? words)
    {
        var left = new SortedSet<string>(StringComparer.Ordinal);
        var names = new SortedDictionary<int, string>();
        foreach (var source in sources)
        {
            var layer = VectorLayer.Open(source.File, source.Layer, source.Field);
            layers.Add(layer);
            IReadOnlyList<string> values = layer.Field is null ? [layer.Name] : layer.Values();
            if (words is null && layer.Field is not null && values.Count > 0 && values.All(IsNumber))
                throw new RasterException(source.File, $"layer '{layer.Name}': field '{layer.Field}' holds numbers, "
                    + "expected a legend with their words");
            foreach (var value in values)
            {
                if (words is null)
                    Number(value, value.Replace('_', ' '));
                else if (!words.ContainsKey(value))
                    left.Add(value);
            }
        }
        // A legend tells the codes, too: numbers are their own, words have theirs by their order.
        var isCoded = words?.Keys.All(key => IsNumber(key)
            && int.Parse(key, CultureInfo.InvariantCulture) is > 0 and <= MostClasses) == true;
        foreach (var (value, word) in words ?? new Dictionary<string, string>())
        {
            if (isCoded)
                names[codes[value] = ushort.Parse(value, CultureInfo.InvariantCulture)] = word;
            else
                Number(value, word);
        }
        Legend = new ClassLegend(names);
        Left = [.. left];
        if (names.Count > MostClasses)
            throw new RasterException(sources[0].File, $"found {names.Count} different values, expected at most "
                + $"{MostClasses}: give a legend with the words of those that matter");
        if (words is not null && codes.Count > 0 && layers.All(l => l.Field is null && !words.ContainsKey(l.Name)))
            throw new RasterException(sources[0].File, $"layer '{layers[0].Name}' is not in the legend, and no field "
                + $"tells its features apart: expected one of its fields {string.Join(", ", layers[0].Fields)}");

        void Number(string value, string word)
        {
            if (names.FirstOrDefault(n => n.Value == word) is { Key: > 0 } known)
                codes[value] = (ushort)known.Key;
            else
                names[codes[value] = (ushort)(names.Count + 1)] = word;
        }
    }

    /// <summary>Words of the codes; 0 is ground of which the layers tell nothing.</summary>
    public ClassLegend Legend { get; }

    /// <summary>What features have that the legend has no words for, and that is left out.</summary>
    public IReadOnlyList<string> Left { get; }

    /// <summary>Opens layers.</summary>
    /// <param name="sources">One or more; what a later one has lies over what an earlier one has.</param>
    /// <param name="words">
    /// Words of an attribute's values, or of a layer's name; null takes these as they are. Values without words are
    /// left out.
    /// </param>
    /// <exception cref="FileNotFoundException">A file is not there.</exception>
    /// <exception cref="RasterException">
    /// A file cannot be read, has no such layer or field, or does not tell its reference system; or there are more
    /// classes than a map holds.
    /// </exception>
    public static VectorClasses Open(IReadOnlyList<VectorSource> sources, IReadOnlyDictionary<string, string>? words)
    {
        ArgumentNullException.ThrowIfNull(sources);
        if (sources.Count == 0)
            throw new ArgumentException("vector layers: found none, expected one or more.");
        return new(sources, words);
    }

    /// <summary>The words of a legend: a JSON object from values to words, or "kit" or "worldcover".</summary>
    /// <exception cref="FileNotFoundException">Neither a name nor a file.</exception>
    /// <exception cref="InvalidDataException">The file is no such object.</exception>
    public static IReadOnlyDictionary<string, string> Words(string nameOrFile) =>
        File.Exists(nameOrFile) ? KitJson.Read<Dictionary<string, string>>(nameOrFile)
            : ClassLegend.Find(nameOrFile).Names.ToDictionary(n => n.Key.ToString(CultureInfo.InvariantCulture),
                n => n.Value);

    /// <summary>What of the layers lies in a scene.</summary>
    /// <param name="scene">Its file, for messages.</param>
    /// <param name="place">Where it lies.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Its columns.</param>
    /// <exception cref="RasterException">It does not tell where it lies.</exception>
    public VectorScene On(string scene, GeoReference? place, int rows, int columns) =>
        new(Legend, [.. layers.SelectMany(layer => layer.On(scene, place, rows, columns))
            .Where(feature => codes.ContainsKey(feature.Value)).Select(feature => (feature, codes[feature.Value]))]);

    /// <summary>Closes the files.</summary>
    public void Dispose() => layers.ForEach(layer => layer.Dispose());

    private static bool IsNumber(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);
}

/// <summary>What vector layers tell of one scene. Safe for several threads.</summary>
public sealed class VectorScene
{
    private readonly ClassLegend legend;
    private readonly (PlacedFeature Feature, ushort Code)[] areas, others;

    internal VectorScene(ClassLegend legend, IReadOnlyList<(PlacedFeature Feature, ushort Code)> features)
    {
        this.legend = legend;
        areas = [.. features.Where(f => f.Feature.Kind == FeatureKind.Area)];
        others = [.. features.Where(f => f.Feature.Kind != FeatureKind.Area)];
    }

    /// <summary>How many features lie in it.</summary>
    public int Count => areas.Length + others.Length;

    /// <summary>What is in a window: codes row by row, lines and points over areas, and a caption of it.</summary>
    /// <param name="window">Inside the scene.</param>
    /// <param name="seed">Seed of the phrasings.</param>
    /// <param name="key">The tile's name: with the seed it chooses the phrasing.</param>
    /// <returns>Codes of the legend, 0 for nothing; the caption is null where there is nothing.</returns>
    public (float[] Codes, string? Caption) Of(RasterWindow window, ulong seed, string key)
    {
        var ground = PlacedFeature.Draw(areas, window);
        var shares = Counts(ground).Select(c => (Name: legend.Names[c.Key], Share: c.Value / (double)ground.Length))
            .GroupBy(c => c.Name).Select(g => (g.Key, g.Sum(c => c.Share))).ToArray();
        var map = Array.ConvertAll(ground, code => (float)code);
        var over = new List<(string Name, FeatureKind Kind)>();
        foreach (var kind in (FeatureKind[])[FeatureKind.Line, FeatureKind.Point])
        {
            // A way that only cuts a corner is not what the tile shows.
            var least = kind == FeatureKind.Line ? Math.Max(1, Math.Min(window.Rows, window.Columns) / 16) : 1;
            var drawn = PlacedFeature.Draw(others.Where(f => f.Feature.Kind == kind), window);
            over.AddRange(Counts(drawn).Where(c => c.Value >= least).OrderByDescending(c => c.Value)
                .Select(c => (legend.Names[c.Key], kind)));
            for (var i = 0; i < map.Length; i++)
                map[i] = drawn[i] > 0 ? drawn[i] : map[i];
        }
        return (map, ClassLegend.Caption(shares, [.. over.Where(o => o.Kind == FeatureKind.Line).Select(o => o.Name)
            .Distinct()], [.. over.Where(o => o.Kind == FeatureKind.Point).Select(o => o.Name).Distinct()], seed, key));
    }

    private static SortedDictionary<int, int> Counts(ushort[] codes)
    {
        var counts = new SortedDictionary<int, int>();
        foreach (var code in codes)
        {
            if (code > 0)
                counts[code] = counts.GetValueOrDefault(code) + 1;
        }
        return counts;
    }
}
