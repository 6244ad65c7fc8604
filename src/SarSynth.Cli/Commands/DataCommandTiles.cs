// sarsynth data tile, look, caption, pairs: data of one's own, from products to what a training reads.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Figures;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;
using Spectre.Console;

namespace SarSynth.Cli.Commands;

/// <summary>The commands of `sarsynth data` that make and edit tiles.</summary>
static class DataCommandTiles
{
    public static Command Tile()
    {
        var scenes = new Argument<string[]>("SCENE") { Description = "SAR products or rasters.",
            Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--out", "-o") { Description = "Folder of the tiles.", Required = true };
        var defaults = new TilingRecipe();
        var size = new Option<int>("--size") { Description = "Side of a tile, pixels.", DefaultValueFactory = _ =>
            defaults.Size };
        var overlap = new Option<int>("--overlap") { Description = "Pixels that neighbours share." };
        var spacing = new Option<double?>("--spacing") { Description =
            "Pixel spacing of the tiles, metres; the product's own when left out." };
        var format = new Option<TileFormat>("--format")
        {
            Description = "Png: 16 bits, clipped to 0..1, read by the tools around Hugging Face; GeoTiff: float32 "
                + "with its place; "
                + "Complex: complex float32 with its place, for data pairs.",
        };
        var quantity = new Option<string>("--calibrate")
        {
            Description = "sigma, beta, gamma or none; where the product tells how.", DefaultValueFactory = _ =>
                "sigma",
        };
        quantity.AcceptOnlyFromAmong("sigma", "beta", "gamma", "none");
        var channel = new Option<string?>("--channel") { Description =
            "Channel of the products, as VV; the first when left out." };
        var kind = new Option<PixelKind?>("--kind") { Description =
            "What the pixels of plain rasters are, where these do not tell." };
        var caption = new Option<string?>("--caption") { Description =
            "Caption of every tile, or of those that no --vector tells of; data caption writes better ones." };
        var vectors = Vectors();
        var legend = Legend("Words for the layers' values: kit, worldcover, or a JSON object; the values as they are "
            + "when left out.");
        var empty = new Option<double>("--most-empty")
        {
            Description = "Largest share of a tile without data or filled with zeros.", DefaultValueFactory = _ =>
                defaults.MostEmpty,
        };
        var saturated = new Option<double>("--most-saturated")
        {
            Description = "Largest share of a tile above mean + 3 sigma of its scene.", DefaultValueFactory = _ =>
                defaults.MostSaturated,
        };
        var block = new Option<double?>("--block") { Description =
            "Side of the blocks of ground that go to one part, metres; eight tiles when left out." };
        var validation = new Option<double>("--validation") { Description = "Share of the blocks for validation.",
            DefaultValueFactory = _ => defaults.Validation };
        var test = new Option<double>("--test") { Description = "Share of the blocks for the test.",
            DefaultValueFactory = _ => defaults.Test };
        var rank = new Option<string>("--rank") { Description =
            "R/N: this process cuts every N-th scene from the R-th on, R from 0, beside others that it does not know "
            + "of; processes that mpiexec or srun started share the scenes by themselves.", DefaultValueFactory = _ =>
            "0/1" };
        var command = new Command("tile",
            "Scenes of any size become tiles with captions, parts by place, and a report; a run that stopped goes on.")
        {
            scenes, output, size, overlap, spacing, format, quantity, channel, kind, caption, vectors, legend, empty,
            saturated, block, validation, test, rank, CommonOptions.Seed, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) => Task.Run(() =>
        {
            var recipe = new TilingRecipe
            {
                Size = parsed.GetValue(size), Overlap = parsed.GetValue(overlap), Spacing = parsed.GetValue(spacing),
                Format = parsed.GetValue(format), Channel = parsed.GetValue(channel), Kind = parsed.GetValue(kind),
                Vectors = parsed.GetValue(vectors) is { Length: > 0 } given
                    ? [.. given.Select(VectorSource.Parse)] : null,
                Words = parsed.GetValue(legend) is { } told ? VectorClasses.Words(told) : null,
                Caption = parsed.GetValue(caption), MostEmpty = parsed.GetValue(empty),
                    MostSaturated = parsed.GetValue(saturated),
                Block = parsed.GetValue(block), Validation = parsed.GetValue(validation), Test = parsed.GetValue(test),
                Seed = parsed.GetValue(CommonOptions.Seed),
                Quantity = parsed.GetValue(quantity) switch
                {
                    "beta" => Backscatter.BetaNought,
                    "gamma" => Backscatter.GammaNought,
                    "none" => null,
                    _ => Backscatter.SigmaNought,
                },
            };
            var folder = parsed.GetRequiredValue(output);
            var (own, all) = Rank(parsed.GetRequiredValue(rank));
            return Shared.Run(parsed, ranks =>
            {
                if (ranks.Count > 1 && all > 1)
                    throw new ArgumentException($"--rank: found it in one of {ranks.Count} processes that were started "
                        + "together, expected it where they do not know of each other.");
                var set = ranks.Count == 1
                    ? TileMaker.Run(parsed.GetRequiredValue(scenes), folder, recipe, own, all, cancel)
                    : TileMaker.Run(parsed.GetRequiredValue(scenes), folder, recipe, ranks, cancel);
                if (ranks.IsFirst)
                    Tell(set, folder, parsed.GetValue(CommonOptions.Json));
                return 0;
            });
        }, cancel));
        return command;
    }

    private static void Tell(TileSet set, string folder, bool json)
    {
        // Without its parts' indices the set is not whole yet: another rank writes the report.
        var report = Directory.Exists(Path.Combine(folder, ".work")) ? null : TileReport.Write(folder);
        if (json)
        {
            Console.WriteLine(KitJson.Serialize(set));
            return;
        }
        foreach (var scene in set.Scenes)
            Terminal.Line($"{scene.Name}: {scene.Kept} "
                + $"tiles{string.Concat(scene.Dropped.Select(d => $", {d.Value} dropped: {d.Key}"))}");
        Terminal.Line(string.Join(", ", set.Tiles.Select(part => $"{part.Key} {part.Value}")));
        Remark(set, folder);
        if (report is not null)
            Terminal.Line(report);
    }

    // What the numbers alone do not tell: that a part is empty, or that blocks are too small for the tiles.
    private static void Remark(TileSet set, string folder)
    {
        var kept = set.Tiles.Values.Sum();
        var border = set.Scenes.Sum(scene => scene.Dropped.GetValueOrDefault("border"));
        var empty = set.Tiles.Where(part => part.Value == 0).Select(part => part.Key).ToArray();
        if (kept == 0)
            Terminal.Remark($"no tile was kept: {folder}/{TileReport.FileName} tells why");
        else if (empty.Length > 0)
            Terminal.Remark($"no tile for {string.Join(" and ", empty)}: all ground lies in few blocks of "
                + $"{Text.Number(set.Recipe.Block, "m")}; a smaller --block spreads it, another --seed deals it anew");
        foreach (var (remark, scenes) in set.Scenes.SelectMany(scene => scene.Remarks.Where(r =>
            r.StartsWith(TileSet.VectorRemark, StringComparison.Ordinal)).Select(r => (r, scene.Name)))
            .GroupBy(r => r.r, r => r.Name).Select(g => (g.Key, g.ToList())))
            Terminal.Remark($"{string.Join(", ", scenes)}: {char.ToLowerInvariant(remark[0])}{remark[1..]}");
        if (border > kept / 2)
            Terminal.Remark($"{border} tiles lie between two parts: a larger --block than "
                + $"{Text.Number(set.Recipe.Block, "m")} keeps more");
    }

    public static Command Look()
    {
        var path = new Argument<string>("TILES") { Description =
            "Folder of tiles, of pairs or of shards, a shard, or a list of addresses." };
        var split = new Option<Split?>("--split") { Description = "Which part; all when left out." };
        var bare = new Option<bool>("--no-captions") { Description = "Tiles without captions are no error." };
        var command = new Command("look",
            "A quick look over all tiles by indices and headers: sizes, captions, what is wrong.") { path, split, bare,
            CommonOptions.Json };
        command.SetAction((parsed, cancel) => Task.Run(() =>
        {
            using var progress = Progress.Begin("looking at tiles");
            using var source = Tiles.Open(parsed.GetRequiredValue(path), new() { Split = parsed.GetValue(split),
                RequireCaptions = !parsed.GetValue(bare) });
            var check = source.Check(share => progress.At(share), cancel);
            progress.At(1);
            if (parsed.GetValue(CommonOptions.Json))
                Console.WriteLine(KitJson.Serialize(check));
            else
            {
                Terminal.Line($"{check.Tiles} tiles, {check.Captioned} with captions");
                foreach (var (size, count) in check.Sizes)
                    Terminal.Line($"{size}: {count}");
                foreach (var problem in check.Problems)
                    Terminal.Line(problem);
            }
            check.Require();
        }, cancel));
        return command;
    }

    public static Command Caption()
    {
        var folder = new Argument<string>("TILES") { Description =
            "Folder with metadata.jsonl, in it or in its parts." };
        var set = new Option<string?>("--set") { Description = "This caption for every tile." };
        var replace = new Option<string[]>("--replace") { Description = "OLD NEW: words wherever they stand.",
            Arity = new ArgumentArity(2, 2), AllowMultipleArgumentsPerToken = true };
        var prefix = new Option<string?>("--prefix") { Description =
            "Words before every caption that does not begin with them, as <SAR>." };
        var from = new Option<string?>("--from") { Description =
            "A .csv or .jsonl file with columns file_name and text." };
        var texts = new Option<string?>("--from-txt") { Description =
            "Folder of .txt files of the images' names; 'beside' for beside the images." };
        var classes = new Option<string?>("--from-classes") { Description =
            "Folder of class maps of the images' names." };
        var vectors = Vectors();
        var legend = Legend("Words for the codes of class maps (worldcover when left out) or for the layers' values: "
            + "kit, worldcover, or a JSON object from code or value to words.");
        var column = new Option<string>("--column") { Description = "Column of the captions.",
            DefaultValueFactory = _ => "text" };
        var preview = new Option<bool>("--dry-run") { Description = "Only count what would change." };
        var command = new Command("caption",
            "Captions of a folder edited in bulk, in this order: taken from a source, replaced, prefixed; whole or "
                + "not at all.")
        {
            folder, set, from, texts, classes, vectors, legend, replace, prefix, column, preview, CommonOptions.Seed,
                CommonOptions.Json,
        };
        command.SetAction(parsed =>
        {
            var sources = new List<CaptionSource>();
            if (parsed.GetValue(set) is { } text)
                sources.Add(CaptionEdit.Set(text));
            if (parsed.GetValue(from) is { } file)
                sources.Add(CaptionEdit.Column(Names.ExistingPath(file), parsed.GetRequiredValue(column)));
            if (parsed.GetValue(texts) is { } beside)
                sources.Add(CaptionEdit.Sidecars(beside == "beside" ? null : Names.ExistingPath(beside)));
            if (parsed.GetValue(classes) is { } maps)
                sources.Add(CaptionEdit.ClassMaps(maps, ClassLegend.Find(parsed.GetValue(legend) ?? "worldcover"),
                    parsed.GetValue(CommonOptions.Seed)));
            using var layers = parsed.GetValue(vectors) is { Length: > 0 } given
                ? VectorClasses.Open([.. given.Select(VectorSource.Parse)],
                    parsed.GetValue(legend) is { } told ? VectorClasses.Words(told) : null) : null;
            if (layers is not null)
                sources.Add(CaptionEdit.Vectors(parsed.GetRequiredValue(folder), layers,
                    parsed.GetValue(CommonOptions.Seed)));
            if (layers?.Left.Count > 0)
                Terminal.Remark($"left out, for the legend has no words for it: {string.Join(", ", layers.Left)}");
            if (sources.Count > 1)
                throw new ArgumentException(
                    "data caption: found more than one of --set, --from, --from-txt, --from-classes, --vector, "
                        + "expected one source.");
            if (parsed.GetValue(replace) is [var old, var now])
                sources.Add(CaptionEdit.Replace(old, now));
            if (parsed.GetValue(prefix) is { } words)
                sources.Add(CaptionEdit.Prefix(words));
            if (sources.Count == 0)
                throw new ArgumentException(
                    "data caption: found nothing to do, expected --set, --from, --from-txt, --from-classes, "
                        + "--vector, --replace or --prefix.");
            var done = CaptionEdit.Run(parsed.GetRequiredValue(folder), (path, name, caption) =>
                sources.Aggregate(caption, (kept, source) => source(path, name, kept) ?? kept),
                parsed.GetRequiredValue(column), parsed.GetValue(preview));
            var tiles = parsed.GetRequiredValue(folder);
            if (done.Changed > 0 && !parsed.GetValue(preview) && File.Exists(Path.Combine(tiles, TileReport.FileName)))
                TileReport.Write(tiles);
            if (parsed.GetValue(CommonOptions.Json))
                Console.WriteLine(KitJson.Serialize(new { done.Tiles, done.Changed, done.Without }));
            else
                Terminal.Line($"{done.Tiles} tiles: {done.Changed} captions "
                    + $"{(parsed.GetValue(preview) ? "would change" : "changed")}, {done.Without} tiles without one");
        });
        return command;
    }

    public static Command Pairs()
    {
        var airborne = new Argument<string>("AIRBORNE") { Description = "Folder of airborne images or tiles." };
        var satellite = new Argument<string?>("SATELLITE") { Description =
            "Folder of the satellite's images of the same names.", Arity = ArgumentArity.ZeroOrOne };
        var output = new Option<string>("--out", "-o") { Description = "Folder of the pairs.", Required = true };
        var sensor = new Option<string?>("--sensor") { Description =
            "Instead of SATELLITE: a sensor whose view is made of complex airborne images; a name or JSON." };
        var recipe = new Option<string?>("--recipe",
            "-r") { Description = "Instead of SATELLITE: a JSON file of a satellite recipe." };
        var caption = new Option<string?>("--caption") { Description = "Caption of the images that have none." };
        var split = new Option<Split>("--split") { Description = "Part of the images whose part nothing tells." };
        var command = new Command("pairs",
            "Pairs to train a translation on: two folders with equal names, or one and the satellite's view of it.")
        {
            airborne, satellite, output, sensor, recipe, caption, split, CommonOptions.Json,
        };
        command.SetAction(parsed =>
        {
            var (fine, coarse, folder) = (parsed.GetRequiredValue(airborne), parsed.GetValue(satellite),
                parsed.GetRequiredValue(output));
            var (name, file) = (parsed.GetValue(sensor), parsed.GetValue(recipe));
            if (((string?[])[coarse, name, file]).Count(given => given is not null) != 1)
                throw new ArgumentException("data pairs: expected one of SATELLITE, --sensor, --recipe.");
            Func<SarMetadata, SatelliteRecipe>? view = null;
            if (name is not null && SimulatedScenes.FindSensor(name) is var found)
                view = facts => SatelliteRecipe.Of(found, facts);
            else if (file is not null
                && SatelliteRecipe.FromJson(File.ReadAllText(Names.ExistingPath(file))) is var told)
                view = _ => told;
            var set = view is null
                ? PairMaker.Join(fine, coarse!, folder, parsed.GetValue(caption), parsed.GetValue(split))
                : PairMaker.Degrade(fine, view, folder, parsed.GetValue(caption), parsed.GetValue(split));
            if (parsed.GetValue(CommonOptions.Json))
                Console.WriteLine(KitJson.Serialize(set));
            else
                Terminal.Line($"{Path.Combine(folder, PairedDataset.FileName)}: {set.Scenes.Count} pairs");
        });
        return command;
    }

    private static Option<string[]> Vectors() => new("--vector")
    {
        Description = "A vector layer of the ground (GeoPackage, GeoJSON, Shapefile) that captions are made of, as "
            + "roads.gpkg, roads.gpkg:LAYER, roads.gpkg:FIELD or roads.gpkg:LAYER:FIELD; several lie over each other.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static Option<string?> Legend(string description) => new("--legend") { Description = description };

    private static (int Rank, int Ranks) Rank(string text)
    {
        var parts = text.Split('/');
        return parts.Length == 2 && int.TryParse(parts[0], out var rank) && int.TryParse(parts[1], out var ranks)
            ? (rank, ranks) : throw new ArgumentException($"--rank: found '{text}', expected R/N, as 0/4.");
    }
}
