// Captions written from what is in a scene or a part of it, in several phrasings.
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>Writes captions; the same scene and window give the same words.</summary>
internal sealed class SceneCaptions(Scene scene)
{
    // Things worth naming, most telling first.
    private static readonly string[] Telling =
    [
        "aircraft", "runway", "hangar", "apron", "taxiway", "ship", "crane", "pier", "quay", "container stack",
            "container yard", "warehouse", "train", "railway line",
        "tank", "industrial hall", "parking lot", "park", "courtyard", "farm", "river", "stream", "lake", "road",
            "pylon", "corner reflector",
        "ploughed field", "crop field", "meadow", "fallow field", "garden", "fence",
    ];

    private static readonly string[] OfRadar = ["SAR image of", "radar image showing", "SAR image showing",
        "high-resolution radar image with", "synthetic aperture radar view of"];

    /// <summary>Phrasings of one window.</summary>
    public string[] Phrasings(
        int row, int column, int rows, int columns, int count, IReadOnlyList<string>? openings = null)
    {
        openings ??= OfRadar;
        var covers = Covers(row, column, rows, columns);
        var things = Things(row, column, rows, columns);
        var random = new SeededRandom(scene.Seed, "caption",
            ((long)(scene.OriginRow + row) << 32) ^ (uint)(scene.OriginColumn + column));
        string main = covers.Count > 0 ? covers[0] : "open ground";
        string rest = Join(covers.Skip(1).Take(2));
        string objects = Join(things.Take(4));
        var phrasings = new string[count];
        int first = random.Integer(0, openings.Count);
        for (int k = 0; k < count; k++)
        {
            string opening = openings[(first + k) % openings.Count];
            string ground = rest.Length == 0 ? main : ((first + k) % 3) switch
            {
                0 => $"{main} with {rest}",
                1 => $"{main}, {rest}",
                _ => $"{main} and some {rest}",
            };
            phrasings[k] = objects.Length == 0 ? $"{opening} {ground}" : ((first + k) % 2) switch
            {
                0 => $"{opening} {ground}, {objects}",
                _ => $"{opening} {objects} among {ground}",
            };
        }
        return phrasings;
    }

    private List<string> Covers(int row, int column, int rows, int columns)
    {
        var counts = new int[256];
        for (int r = row; r < row + rows; r++)
        {
            foreach (byte code in scene.Classes.AsSpan(r * scene.Columns + column, columns))
                counts[code]++;
        }
        return [.. counts.Select((n, code) => (Share: n / (double)(rows * columns), Cover: (LandCover)code))
            .Where(c => c.Share > 0.06)
            .OrderByDescending(c => c.Share).Select(c => Word(c.Cover, c.Share))];
    }

    private List<string> Things(int row, int column, int rows, int columns)
    {
        var inside = scene.Objects.Where(o => o.Row >= row && o.Row < row + rows && o.Column >= column
            && o.Column < column + columns)
            .GroupBy(o => o.Name).ToDictionary(g => g.Key, g => g.Count());
        var things = Telling.Where(inside.ContainsKey).Select(name => Count(name, inside[name])).ToList();
        if (inside.TryGetValue("building", out int buildings))
            things.Insert(Math.Min(1, things.Count), buildings > 12 ? "dense buildings" : buildings > 2
                ? "several buildings" : buildings == 2 ? "two buildings" : "a building");
        if (inside.TryGetValue("vehicle", out int vehicles))
            things.Add(vehicles > 12 ? "many vehicles" : vehicles > 2 ? "some vehicles" : "a vehicle");
        return things;
    }

    private static string Count(string name, int count)
    {
        string plural = name is "aircraft" ? name : name.EndsWith("ry", StringComparison.Ordinal) ? name[..^1] + "ies"
            : name + "s";
        string article = "aeiou".Contains(name[0]) ? "an" : "a";
        return count switch { 1 => $"{article} {name}", 2 => $"two {plural}", 3 => $"three {plural}", <= 6 =>
            $"several {plural}", _ => $"many {plural}" };
    }

    private static string Word(LandCover cover, double share) => cover switch
    {
        LandCover.BareSoil => "bare soil",
        LandCover.Grass => "grassland",
        LandCover.Crop => "crops",
        LandCover.Shrub => "shrubs",
        LandCover.Tree => share > 0.4 ? "dense forest" : "trees",
        LandCover.Water => "water",
        LandCover.Asphalt => "asphalt",
        LandCover.Concrete => "concrete",
        LandCover.Gravel => "gravel",
        LandCover.Roof => share > 0.25 ? "dense built-up land" : "roofs",
        LandCover.Metal => "metal structures",
        LandCover.Rail => "rails",
        LandCover.Sand => "sand",
        _ => "paved ground",
    };

    private static string Join(IEnumerable<string> words)
    {
        var list = words.ToList();
        return list.Count switch { 0 => "", 1 => list[0], _ =>
            string.Join(", ", list.Take(list.Count - 1)) + " and " + list[^1] };
    }
}
