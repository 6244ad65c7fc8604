// The papers' figures on data and a base that the kit cannot bring: measured tiles, and SDXL.
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Translation;

namespace SarSynth.Experiments;

public sealed partial record PaperStudy
{
    /// <summary>Folders below that of --full: tiles in any layout that the kit reads, and a base.</summary>
    public const string TilesFolder = "sarlo-80", BaseFolder = "sdxl";

    /// <summary>The figures that tiles and a base change.</summary>
    public static IReadOnlyList<string> OfTiles { get; } = ["normalisation", "amplitude", "glcm"];

    /// <summary>What a folder of --full changes and what it does not, one line each.</summary>
    /// <param name="folder">With sarlo-80, sdxl, or both below it.</param>
    /// <exception cref="DirectoryNotFoundException">It has neither.</exception>
    public static IReadOnlyList<string> Changes(string folder)
    {
        var (tiles, start) = (Path.Combine(folder, TilesFolder), Path.Combine(folder, BaseFolder));
        if (!Directory.Exists(tiles))
            throw new DirectoryNotFoundException($"{folder}: found no folder '{TilesFolder}', expected one of tiles "
                + $"(shards of SARLO-80, or any that the kit reads), and '{BaseFolder}' beside it for a base.");
        var made = Directory.Exists(start) ? $", and images that {start} makes of the tiles' captions" : "";
        return
        [
            $"figures 5, 6 and 7 are of tiles of {tiles}: one half against the other{made}",
            "figure 8 stays as recorded; hours on a GPU make it anew: ./sarsynth train --recipe strategies "
                + $"{(made.Length > 0 ? $"--base {start} " : "")}-o OUT, with the tiles in the recipe's field 'tiles'",
            "figures 1 to 4, 9 and 10 stay: SARLO-80 has one scale, no pairs and no simulated images",
        ];
    }

    /// <summary>The study with figures 5 to 7 on tiles of somebody else's.</summary>
    /// <param name="folder">With sarlo-80 below it, and sdxl where there is one.</param>
    /// <param name="count">Tiles that are true, as many others, and images of the base; 2 or more.</param>
    /// <param name="cancel">Ends between images.</param>
    /// <exception cref="TileException">Too few tiles, of several sizes, or without captions for a base.</exception>
    public PaperStudy On(string folder, int count = 8, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        var (path, start) = (Path.Combine(folder, TilesFolder), Path.Combine(folder, BaseFolder));
        var withBase = Directory.Exists(start);
        using var source = Tiles.Open(path, new TileOptions { Conditions = [], RequireCaptions = withBase });
        var tiles = source.Sequence(new TileOrder { IsShuffled = false }).Take(2 * count).Select(s => s.Load())
            .DistinctBy(t => t.Key).ToList();
        if (tiles.Count < 4)
            throw new TileException(path, "", $"found {tiles.Count} tiles, expected 4 or more");
        if (tiles.FirstOrDefault(t => (t.Rows, t.Columns) != (tiles[0].Rows, tiles[0].Columns)) is { } other)
            throw new TileException(path, other.Key, $"found {other.Rows} x {other.Columns}, expected "
                + $"{tiles[0].Rows} x {tiles[0].Columns} as the first tile has");
        var half = tiles.Count / 2;
        AmplitudeImage[] images = [.. tiles.Select(t => new AmplitudeImage(t.Rows, t.Columns, t.ToUnitRange()))];
        var truth = new Candidate("tiles", images[..half]);
        var judged = new List<Candidate> { new("other tiles", images[half..(2 * half)]) };
        if (withBase)
        {
            using var model = Translator.Load(start);
            judged.Add(new($"{BaseFolder}, as it is", [.. Progress.Over("images of the base", tiles[..half], t => t.Key)
                .Select((t, i) => model.Generate(new TranslateRecipe
                {
                    Model = start, Prompt = t.Caption(), Seed = Settings.Seed + (ulong)i, Steps = Settings.Steps,
                    Guidance = 5,
                }, t.Rows, t.Columns, cancel))]));
        }
        var numbers = new List<PaperNumber>();
        MakeNormalisation(truth, numbers);
        MakeAmplitude(truth, judged, numbers);
        var texture = MakeTexture(truth, judged, numbers);
        return this with
        {
            Truth = truth, Judged = judged, Texture = texture,
            Numbers = [.. Numbers.Where(n => !OfTiles.Contains(n.Id.Split('/')[0])), .. numbers],
        };
    }
}
