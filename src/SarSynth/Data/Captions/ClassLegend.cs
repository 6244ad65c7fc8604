// Captions from class maps: what covers a tile and how much of it, in several phrasings.
using SarSynth.Radar.Simulation;

namespace SarSynth.Data;

/// <summary>Words for the codes of a class map.</summary>
/// <param name="Names">A code and its words, as they stand within a sentence: "tree cover", "water".</param>
public sealed record ClassLegend(IReadOnlyDictionary<int, string> Names)
{
    private const double LeastShare = 0.03, Some = 0.1, Much = 0.4, Most = 0.75;

    /// <summary>The classes of the kit's simulated scenes.</summary>
    public static ClassLegend Kit { get; } = new(Enum.GetValues<LandCover>().ToDictionary(cover => (int)cover, Words));

    /// <summary>ESA WorldCover 10 m (product user manual, version 2.0, table of classes).</summary>
    public static ClassLegend WorldCover { get; } = new(new Dictionary<int, string>
    {
        [10] = "tree cover", [20] = "shrubland", [30] = "grassland", [40] = "cropland", [50] = "built-up land",
        [60] = "bare ground or sparse vegetation", [70] = "snow and ice", [80] = "permanent water",
            [90] = "herbaceous wetland",
        [95] = "mangroves", [100] = "moss and lichen",
    });

    /// <summary>A legend by its name ("kit", "worldcover") or from a JSON file: an object from code to words.</summary>
    /// <param name="nameOrFile">Name or file.</param>
    /// <exception cref="FileNotFoundException">Neither a name nor a file.</exception>
    /// <exception cref="InvalidDataException">The file is no such object.</exception>
    public static ClassLegend Find(string nameOrFile) => nameOrFile.ToLowerInvariant() switch
    {
        "kit" => Kit,
        "worldcover" => WorldCover,
        _ when File.Exists(nameOrFile) => new(KitJson.Read<Dictionary<int, string>>(nameOrFile)),
        _ => throw new FileNotFoundException(
            $"legend '{nameOrFile}': no such file, and the kit's own are kit, worldcover.", nameOrFile),
    };

    /// <summary>Shares of the classes of a map, largest first; pixels without data are left out.</summary>
    /// <param name="codes">Codes; NaN marks no data.</param>
    /// <exception cref="InvalidDataException">A code without words.</exception>
    public IReadOnlyList<(string Name, double Share)> Shares(ReadOnlySpan<float> codes)
    {
        var counts = new SortedDictionary<int, int>();
        var all = 0;
        foreach (var code in codes)
        {
            if (float.IsNaN(code))
                continue;
            all++;
            counts[(int)code] = counts.GetValueOrDefault((int)code) + 1;
        }
        // Codes of one name count as one class; equal shares keep the codes' order.
        return [.. counts.GroupBy(c => Names.TryGetValue(c.Key, out var name) ? name : throw new InvalidDataException(
                $"class map: found code {c.Key}, expected one of the legend's "
                    + $"{string.Join(", ", Names.Keys.Order())}."))
            .Select(g => (g.Key, Share: g.Sum(c => c.Value) / (double)all)).OrderByDescending(c => c.Share)];
    }

    /// <summary>
    /// A caption of a map: its classes above 3 %, largest first, each with how much of the tile it is.
    /// </summary>
    /// <param name="codes">Codes; NaN marks no data.</param>
    /// <param name="seed">Seed of the phrasings.</param>
    /// <param name="key">The tile's name: with the seed it chooses the phrasing.</param>
    /// <returns>The caption; null where the map holds no data.</returns>
    /// <exception cref="InvalidDataException">A code without words.</exception>
    public string? Caption(ReadOnlySpan<float> codes, ulong seed, string key)
    {
        var shares = Shares(codes).Where(c => c.Share >= LeastShare).ToArray();
        if (shares.Length == 0)
            return null;
        var (random, opening) = Opening(seed, key);
        return $"{opening} {Cover(shares, ref random)}";
    }

    /// <summary>
    /// A caption of what is known of a tile, and need not be all of it: areas above 3 %, largest first, then what runs
    /// through it and what stands in it.
    /// </summary>
    /// <param name="areas">Classes and their shares of the tile.</param>
    /// <param name="lines">What runs through it.</param>
    /// <param name="points">What stands in it.</param>
    /// <param name="seed">Seed of the phrasings.</param>
    /// <param name="key">The tile's name: with the seed it chooses the phrasing.</param>
    /// <returns>The caption; null where nothing is known.</returns>
    internal static string? Caption(IReadOnlyList<(string Name, double Share)> areas, IReadOnlyList<string> lines,
        IReadOnlyList<string> points, ulong seed, string key)
    {
        var shares = areas.Where(c => c.Share >= LeastShare).OrderByDescending(c => c.Share).ToArray();
        if (shares.Length + lines.Count + points.Count == 0)
            return null;
        var (random, opening) = Opening(seed, key);
        // What nothing tells of is ground: a little water alone is no image of water.
        var ground = shares.Length == 0 ? "ground" : shares[0].Share >= 1 - shares.Sum(c => c.Share)
            ? Cover(shares, ref random) : random.Next(2) == 0 ? $"ground with {Join(shares.Select(Amount))}"
            : $"ground and {Join(shares.Select(c => $"{c.Name} ({Percent(c.Share)})"))}";
        var ways = lines.Count == 0 ? "" : random.Next(2) == 0 ? $", crossed by {Join(lines)}"
            : $", with {Join(lines)} running through";
        return $"{opening} {ground}{ways}{(points.Count == 0 ? "" : $", with {Join(points)} in it")}";
    }

    private static (SplitMix Random, string Opening) Opening(ulong seed, string key)
    {
        var random = new SplitMix(seed, NameHash.Of(key));
        string[] openings = ["SAR image of", "radar image showing", "SAR image showing",
            "synthetic aperture radar view of"];
        var opening = openings[random.Next(openings.Length)];
        return (random, opening);
    }

    private static string Cover((string Name, double Share)[] shares, ref SplitMix random) =>
        shares.Length == 1 ? shares[0].Name : random.Next(3) switch
        {
            0 => $"{Amount(shares[0])}, {Join(shares[1..].Select(Amount))}",
            1 => $"{shares[0].Name} ({Percent(shares[0].Share)}) with "
                + $"{Join(shares[1..].Select(c => $"{c.Name} ({Percent(c.Share)})"))}",
            _ => $"{shares[0].Name} with {Join(shares[1..].Select(Amount))}",
        };

    private static string Amount((string Name, double Share) cover) => cover.Share switch
    {
        >= Most => $"mostly {cover.Name}",
        >= Much => $"much {cover.Name}",
        >= Some => $"some {cover.Name}",
        _ => $"a little {cover.Name}",
    };

    private static string Percent(double share) => $"{Math.Round(100 * share):0} %";

    private static string Join(IEnumerable<string> words) => words.ToArray() is { Length: > 1 } several
        ? string.Join(", ", several[..^1]) + " and " + several[^1] : string.Concat(words);

    private static string Words(LandCover cover) => cover switch
    {
        LandCover.BareSoil => "bare soil",
        LandCover.Grass => "grassland",
        LandCover.Crop => "crops",
        LandCover.Shrub => "shrubs",
        LandCover.Tree => "trees",
        LandCover.Metal => "metal structures",
        LandCover.Rail => "rails",
        LandCover.Roof => "roofs",
        LandCover.Pavement => "paved ground",
        _ => cover.ToString().ToLowerInvariant(),
    };
}
