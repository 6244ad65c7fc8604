// Runs every strategy from the same start on the same tiles and budget, several seeds each, and measures what comes
// out.
using System.Diagnostics;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Evaluation;
using SarSynth.FineTuning;
using SarSynth.Radar.Images;
using SarSynth.Translation;
using TorchSharp;
using static TorchSharp.torch;
using Adapter = SarSynth.Diffusion.Adapters.Lora;

namespace SarSynth.Experiments;

/// <summary>The comparison of fine-tuning strategies.</summary>
public static partial class StrategyComparison
{
    /// <summary>Name of the row of the base as it is.</summary>
    public const string BaseName = "none";

    /// <summary>
    /// Runs what of the comparison has not run yet. A finished run is kept and not done again; a killed one goes on
    /// from its last checkpoint. The table is written anew after each run.
    /// </summary>
    /// <param name="recipe">Base, tiles, strategies, seeds and budget.</param>
    /// <param name="folder">Tiles, contrastive model, runs and table.</param>
    /// <param name="onRun">Told each run when it has been measured.</param>
    /// <param name="cancel">Stops after a step, with a checkpoint.</param>
    /// <exception cref="ArgumentException">A field that cannot be.</exception>
    /// <exception cref="IOException">The folder holds another comparison.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; run again to go on.</exception>
    public static StrategyTable Run(StrategiesRecipe recipe, string folder, Action<StrategyRun>? onRun = null,
        CancellationToken cancel = default)
    {
        recipe.Check();
        var start = BaseOf(recipe);
        RequireSame(recipe, folder);
        using var progress = Progress.Begin("comparing strategies");
        progress.Part(0.1, "tiles and contrastive model");
        var tiles = TilesOf(recipe, folder, cancel);
        using var words = WordsOf(recipe, folder, tiles, cancel);
        var test = CaptionedTiles.Read(tiles, Split.Test)
            ?? throw new TileException(tiles, "", "found no tiles of the part 'test', expected two or more");
        var judge = new StrategyJudge(test.Images, words);
        var captions = Captions(test, recipe.Images);
        var held = CaptionedTiles.Read(tiles, Split.Validation);
        var (other, retrieval) = (held is null ? null : judge.Measure(held.Images, held.Texts),
            words.Retrieve(test.Images, test.Texts));

        var all = Planned(recipe).ToList();
        var table = Table([]);
        var finished = new List<StrategyRun>();
        foreach (var (i, (entry, seed)) in all.Index())
        {
            cancel.ThrowIfCancellationRequested();
            progress.Part(0.1 + 0.9 * (i + 1) / all.Count, $"{entry.Name}, seed {seed}");
            var file = ResultOf(folder, entry.Name, seed);
            if (!File.Exists(file))
            {
                var run = One(recipe, entry, seed, start, tiles, folder, judge, captions, test.Images[0].Rows, cancel);
                KitJson.Write(file, run);
                onRun?.Invoke(run);
            }
            finished.Add(KitJson.Read<StrategyRun>(file));
            table = Table(finished);
            table.Write(folder, recipe);
        }
        progress.At(1);
        return table;

        StrategyTable Table(IReadOnlyList<StrategyRun> runs) =>
            new([.. Entries(recipe).Select(e => RowOf(e, [.. runs.Where(r => r.Strategy == e.Name)]))
                .OfType<StrategyRow>()], all.Count, other, retrieval);
    }

    private static IEnumerable<StrategyEntry> Entries(StrategiesRecipe recipe) =>
        recipe.Strategies.Prepend(new StrategyEntry(BaseName, []));

    // Seed by seed, so that all strategies have one run before any has two.
    private static IEnumerable<(StrategyEntry Entry, ulong Seed)> Planned(StrategiesRecipe recipe) =>
        recipe.Seeds.SelectMany(seed => Entries(recipe).Select(entry => (entry, seed)));

    private static string ResultOf(string folder, string name, ulong seed) =>
        Path.Combine(folder, "runs", FormattableString.Invariant($"{name}-{seed}.json"));

    private static string BaseOf(StrategiesRecipe recipe)
    {
        string start;
        try
        {
            start = File.Exists(recipe.Base) ? recipe.Base : EmbeddedData.FindModel(recipe.Base);
        }
        catch (FileNotFoundException missing) when (recipe.Base == "sarsynth-foundation")
        {
            throw new FileNotFoundException($"{missing.Message} It is made by ./sarsynth train --recipe foundation; "
                + "give its folder as --base.", missing.FileName, missing);
        }
        var card = Path.Combine(start, ModelCard.FileName);
        if (File.Exists(card) && KitJson.Read<ModelCard>(card).Airborne is not null)
            throw new ArgumentException($"recipe field 'base': {recipe.Base} has a normalisation of its own, expected "
                + "a model of pictures from 0 to 1, such as SDXL or sarsynth-foundation.");
        return start;
    }

    private static void RequireSame(StrategiesRecipe recipe, string folder)
    {
        var path = Path.Combine(folder, "recipe.json");
        // More seeds or strategies may be asked for later; what a finished run hangs on may not change.
        var now = KitJson.Serialize(recipe with { Strategies = [], Seeds = [], Device = "", Name = "" });
        if (File.Exists(path))
        {
            var begun = KitJson.Read<StrategiesRecipe>(path);
            if (KitJson.Serialize(begun with { Strategies = [], Seeds = [], Device = "", Name = "" }) != now)
                throw new IOException($"{path}: found another comparison than the one asked for; give another folder.");
            foreach (var entry in recipe.Strategies)
            {
                if (begun.Strategies.FirstOrDefault(s => s.Name == entry.Name) is { } same
                    && KitJson.Serialize(same.Strategy) != KitJson.Serialize(entry.Strategy))
                    throw new IOException($"{path}: strategy '{entry.Name}' is another there; give another name or "
                        + "folder.");
            }
        }
        KitJson.Write(path, recipe);
    }

    private static string TilesOf(StrategiesRecipe recipe, string folder, CancellationToken cancel)
    {
        if (recipe.Tiles is not null)
            return recipe.Tiles;
        var tiles = Path.Combine(folder, "tiles");
        Directory.CreateDirectory(folder);
        SimulatedTiles.Write(recipe.Data, tiles, cancel);
        return tiles;
    }

    private static SarTextModel WordsOf(
        StrategiesRecipe recipe, string folder, string tiles, CancellationToken cancel)
    {
        var device = ComputeDevice.Find(recipe.Device);
        if (recipe.SarTextModel is { } given)
            return SarTextModel.Load(given, device);
        var own = Path.Combine(folder, "sar-text");
        if (!File.Exists(Path.Combine(own, SarText.ProvenanceFile)))
            SarText.Train(recipe.SarText! with { Tiles = tiles, Device = recipe.Device }, own, cancel: cancel);
        return SarTextModel.Load(own, device);
    }

    /// <summary>Captions of the test part, different ones first, spread over it.</summary>
    private static List<string> Captions(CaptionedTiles test, int count)
    {
        var different = test.Texts.Distinct(StringComparer.Ordinal).ToList();
        return [.. Enumerable.Range(0, count).Select(i => different[(int)((long)i * different.Count / count)
            % different.Count])];
    }

    private static StrategyRun One(StrategiesRecipe recipe, StrategyEntry entry, ulong seed, string start, string tiles,
        string folder, StrategyJudge judge, IReadOnlyList<string> captions, int side, CancellationToken cancel)
    {
        var at = Path.Combine(folder, "runs", FormattableString.Invariant($"{entry.Name}-{seed}"));
        var tuned = entry.Strategy.Count > 0 ? at : null;
        var clock = Stopwatch.StartNew();
        // Killed between the end of the training and the measures: the training is there.
        if (tuned is not null && !File.Exists(Path.Combine(at, FineTune.ProvenanceFile)))
        {
            // Tiles are not cut, so that latents are the same in every run.
            FineTune.Run(recipe.Budget.Recipe(entry.Name, start, tiles, entry.Strategy, seed, recipe.Device,
                Path.Combine(folder, "cache")), at, cancel: cancel);
        }
        var seconds = clock.Elapsed.TotalSeconds;
        using var model = Load(recipe, start, tuned);
        var trained = tuned is null ? 0 : TrainedNumbers(entry, model, at);
        var words = entry.Strategy.OfType<TokenStrategy>().Select(t => t.Word).ToList();
        var images = Generate(recipe, model, tuned, words, captions, seed * 100_000, side, cancel);
        Directory.CreateDirectory(Path.Combine(folder, "runs"));
        QuickLook.Write(Sheet(images), at + ".png", new FixedRemap(1));
        return new(entry.Name, seed, trained, seconds, judge.Measure(images, captions));
    }

    /// <summary>The base with what a run left: a whole pipeline, an autoencoder, adapters, words.</summary>
    private static Translator Load(StrategiesRecipe recipe, string start, string? run)
    {
        var whole = run is null ? null : Path.Combine(run, "pipeline");
        var options = new WeightOptions(Device: ComputeDevice.Find(recipe.Device), Type: ScalarType.Float32);
        var pipeline = LatentDiffusion.Load(Directory.Exists(whole) ? whole : start, options);
        if (run is not null && Path.Combine(run, "vae") is var vae && Directory.Exists(vae))
        {
            pipeline.Vae.Dispose();
            pipeline = pipeline with { Vae = ModelFolder.Load<AutoencoderKL>(vae, options) };
        }
        return new Translator(new ModelCard(), pipeline);
    }

    /// <summary>Images of captions, amplitudes from 0 to 1.</summary>
    private static List<AmplitudeImage> Generate(StrategiesRecipe recipe, Translator model, string? run,
        IReadOnlyList<string> words, IReadOnlyList<string> captions, ulong seed, int side, CancellationToken cancel)
    {
        string[] Files(string pattern) => run is null ? []
            : [.. Directory.GetFiles(run, pattern).Order(StringComparer.Ordinal)];
        var one = new TranslateRecipe
        {
            Guidance = recipe.Guidance, Steps = recipe.SamplerSteps,
            // The base has no tiles: it begins with pure noise.
            SignalLeak = run is null ? null : Path.Combine(run, FineTune.LeakFile),
            Adapters = [.. Files(Adapter.FileName).Select(f => new AdapterRecipe(f))],
            Tokens = [.. Files("learned_embeds*.safetensors").Select(f => new TokenRecipe(f))],
        };
        var images = new List<AmplitudeImage>();
        foreach (var (i, caption) in Progress.Over("making images", captions.Index().ToList(), c => $"{c.Index + 1}"))
        {
            images.Add(model.Generate(one with
            {
                // As in training: the learned words in front.
                Prompt = string.Join(' ', words.Append(caption)), Seed = seed + (ulong)i,
            }, side, side, cancel));
        }
        return images;
    }

    private static long TrainedNumbers(StrategyEntry entry, Translator model, string run)
    {
        var pipeline = model.Pipeline;
        long Of(nn.Module? part) => part?.parameters().Sum(p => p.numel()) ?? 0;
        long InFile(string file)
        {
            using var tensors = SafeTensorsFile.Open(file);
            // alpha is a setting beside the trained matrices.
            return tensors.Header.Entries.Where(e => !e.Name.EndsWith(".alpha", StringComparison.Ordinal))
                .Sum(e => e.Shape.Aggregate(1L, (a, b) => a * b));
        }
        var whole = entry.Strategy.OfType<FullStrategy>().Sum(f => Of(f.Part switch
        {
            "unet" => pipeline.Unet,
            "text_encoder" => pipeline.Prompts.Encoder,
            _ => pipeline.Prompts.Encoder2,
        })) + entry.Strategy.OfType<VaeStrategy>().Where(v => v.Rank is null).Sum(v => VaeNumbers(v, pipeline.Vae));
        string[] patterns = [Adapter.FileName, "learned_embeds*.safetensors",
            "vae_lora.safetensors"];
        return whole + patterns.SelectMany(p => Directory.GetFiles(run, p)).Sum(InFile);
    }

    /// <summary>Numbers of an autoencoder that a strategy without a rank trains.</summary>
    internal static long VaeNumbers(VaeStrategy strategy, AutoencoderKL vae) => vae.named_parameters()
        .Where(p => strategy.Part == VaePart.All || VaeTuning.IsOfDecoder(p.name)).Sum(p => p.parameter.numel());

    /// <summary>Images side by side, eight to a row.</summary>
    private static AmplitudeImage Sheet(IReadOnlyList<AmplitudeImage> images)
    {
        var (side, across) = (images[0].Rows, Math.Min(8, images.Count));
        var down = (images.Count + across - 1) / across;
        var sheet = new float[down * side * across * side];
        foreach (var (i, image) in images.Index())
        {
            for (var r = 0; r < side; r++)
                image.Pixels.AsSpan(r * side, side)
                    .CopyTo(sheet.AsSpan((i / across * side + r) * across * side + i % across * side));
        }
        return new(down * side, across * side, sheet);
    }

    private static StrategyRow? RowOf(StrategyEntry entry, IReadOnlyList<StrategyRun> runs) =>
        runs.Count == 0 ? null : new(entry.Name, entry.Paper, runs.Count, runs[0].Trained,
            SeedInterval.Of([.. runs.Select(r => r.Measures.AmplitudeKl)]),
            SeedInterval.Of([.. runs.Select(r => r.Measures.GlcmDistance)]),
            SeedInterval.Of([.. runs.Select(r => r.Measures.TextAlignment)]),
            SeedInterval.Of([.. runs.Select(r => r.Seconds)]));
}
