// Trains a CLIP on SAR tiles and their captions. Radford et al. (2021).
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Evaluation;

/// <summary>Captioned tiles in memory.</summary>
/// <param name="Images">Amplitudes from 0 to 1.</param>
/// <param name="Captions">The phrasings of each.</param>
internal sealed record CaptionedTiles(IReadOnlyList<AmplitudeImage> Images, IReadOnlyList<string[]> Captions)
{
    /// <summary>The first phrasing of each.</summary>
    public IReadOnlyList<string> Texts => [.. Captions.Select(c => c[0])];

    /// <summary>Reads a part of a folder; null where the folder has no such part.</summary>
    public static CaptionedTiles? Read(string folder, Split part)
    {
        ITileSource source;
        try
        {
            source = Tiles.Open(folder, new TileOptions { Split = part, Conditions = [] });
        }
        catch (TileException none) when (none.Key.Length == 0)
        {
            return null;
        }
        using (source)
        {
            var (images, captions) = (new List<AmplitudeImage>(), new List<string[]>());
            var count = source.Count ?? throw new TileException(folder, "", "found shards, expected a folder of tiles");
            foreach (var step in source.Sequence(new TileOrder { IsShuffled = false }).Take((int)count))
            {
                var tile = step.Load();
                images.Add(new AmplitudeImage(tile.Rows, tile.Columns, tile.ToUnitRange()));
                captions.Add([.. tile.Captions.Select(c => c.Value)]);
            }
            return new(images, captions);
        }
    }
}

/// <summary>Trains contrastive models of SAR tiles.</summary>
public static class SarText
{
    /// <summary>File that a finished training has, with recipe, versions and retrieval.</summary>
    public const string ProvenanceFile = "training.provenance.json";

    /// <summary>Trains; a run that was killed goes on from its last checkpoint, a finished one is left as it is.
    /// </summary>
    /// <param name="recipe">Tiles, network and steps.</param>
    /// <param name="folder">Folder of the model, and until the end of checkpoints, tiles and log.</param>
    /// <param name="onStep">Told every step; <see cref="Progress"/> is told too.</param>
    /// <param name="cancel">Stops after a step, with a checkpoint.</param>
    /// <returns>Retrieval on the validation part, on the training part where there is none.</returns>
    /// <exception cref="ArgumentException">A field that cannot be.</exception>
    /// <exception cref="TileException">Tiles that cannot be read or have no captions.</exception>
    /// <exception cref="CheckpointException">A configuration that is not known, or checkpoints of another
    /// training.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; run again to go on.</exception>
    public static RetrievalResult Train(SarTextRecipe recipe, string folder, Action<TrainingProgress>? onStep = null,
        CancellationToken cancel = default)
    {
        recipe.Check();
        var device = ComputeDevice.Find(recipe.Device);
        using var progress = Progress.Begin("training sar-text");
        progress.Part(0.3);
        var tiles = recipe.Tiles ?? Path.Combine(folder, "tiles");
        if (recipe.Tiles is null)
            SimulatedTiles.Write(recipe.Data, tiles, cancel);
        var training = CaptionedTiles.Read(tiles, Split.Train)
            ?? throw new TileException(tiles, "", "found no tiles to train on, expected a part 'train'");
        var held = CaptionedTiles.Read(tiles, Split.Validation);
        progress.At(0.3);
        using var model = New(recipe, training, device);
        var parameters = model.Clip.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var checkpoints = Path.Combine(folder, "training");
        Directory.CreateDirectory(checkpoints);
        using (var log = new TrainingLog(Path.Combine(folder, "log.jsonl"), null))
        {
            using var result = Trainer.Run(new TrainerOptions
            {
                Folder = checkpoints, Steps = recipe.Steps, LearningRate = recipe.LearningRate,
                Schedule = new(LrShape.Cosine, recipe.Warmup),
                Optimizer = new AdamWOptions(WeightDecay: recipe.WeightDecay),
                // CLIP's factor is a temperature, not a weight: nothing pulls it to zero.
                Groups = [new("logit_scale", recipe.LearningRate, WeightDecay: 0)],
                CheckpointEvery = recipe.CheckpointEvery, ValidateEvery = recipe.CheckpointEvery,
                Seed = unchecked((long)recipe.Seed),
            }, parameters, step => Draw(training, recipe, (ulong)step.Step), (batch, _) => Loss(model, batch), step =>
            {
                log.Write(step);
                progress.At(0.3 + 0.7 * step.Step / step.Steps, FormattableString.Invariant(
                    $"step {step.Step}/{step.Steps}, loss {step.Loss:F3}, {step.StepsPerSecond:F1} steps/s"));
                onStep?.Invoke(step);
            }, cancel, held is null ? null : _ => HeldLoss(model, held, recipe));
            cancel.ThrowIfCancellationRequested();
        }
        model.Clip.eval();
        var judged = held ?? training;
        var retrieval = model.Retrieve(judged.Images, judged.Texts);
        model.Save(folder);
        Provenance.Of("train", recipe, recipe.Seed, [], Directory.GetFiles(folder, "*.safetensors"), device.ToString())
            .With(retrieval, [], []).Write(Path.Combine(folder, ProvenanceFile));
        Directory.Delete(checkpoints, recursive: true);
        progress.At(1);
        return retrieval;
    }

    private static SarTextModel New(SarTextRecipe recipe, CaptionedTiles training, Device device)
    {
        manual_seed(unchecked((long)recipe.Seed));
        var length = (int?)recipe.Clip["text_config"]?["max_position_embeddings"]
            ?? throw new CheckpointException("recipe field 'clip'",
                "field 'text_config.max_position_embeddings' is missing, expected a number of tokens");
        var tokenizer = ClipTokenizer.Train(training.Captions.SelectMany(c => c), recipe.Vocabulary, length);
        tokenizer.Warn = _ => { };
        var json = (JsonObject)recipe.Clip.DeepClone();
        var text = json["text_config"]!;
        text["vocab_size"] = tokenizer.VocabularySize;
        (text["bos_token_id"], text["eos_token_id"], text["pad_token_id"]) =
            (tokenizer.BeginId, tokenizer.EndId, tokenizer.PadId);
        var clip = new CLIPModel(CLIPConfig.FromJson(json.ToJsonString(), "recipe field 'clip'"));
        using (no_grad())
        {
            foreach (var (_, module) in clip.named_modules())
            {
                if (module is Embedding table)
                    nn.init.normal_(table.weight!, 0, 0.02);
            }
        }
        clip.to(device);
        // Mean and spread over all pixels of the training tiles, rounded as the file has them.
        var (sum, squares, count) = (0.0, 0.0, 0L);
        foreach (var pixel in training.Images.SelectMany(i => i.Pixels))
            (sum, squares, count) = (sum + pixel, squares + (double)pixel * pixel, count + 1);
        var mean = sum / count;
        return new(clip, tokenizer, Math.Round(mean, 4), Math.Max(1e-4, Math.Round(Math.Sqrt(squares / count
            - mean * mean), 4)));
    }

    private sealed record Pairs(IReadOnlyList<AmplitudeImage> Images, IReadOnlyList<string> Texts);

    /// <summary>A batch of a step: no two of one caption, which the loss would tell apart in vain.</summary>
    private static Pairs Draw(CaptionedTiles tiles, SarTextRecipe recipe, ulong step)
    {
        var random = new SplitMix(recipe.Seed, step, 0x7061_6972);
        var (images, texts, seen) = (new List<AmplitudeImage>(), new List<string>(), new HashSet<string>());
        for (var draws = 0; images.Count < recipe.Batch && draws < 20 * recipe.Batch; draws++)
        {
            var i = random.Next(tiles.Images.Count);
            // Flips along azimuth only: along range shadows would turn towards the radar.
            var (flip, phrasing) = (random.Next(2) == 1, random.Next(tiles.Captions[i].Length));
            // Phrasings of one tile say the same: the first stands for all.
            if (!seen.Add(tiles.Captions[i][0]))
                continue;
            images.Add(flip ? Flipped(tiles.Images[i]) : tiles.Images[i]);
            texts.Add(tiles.Captions[i][phrasing]);
        }
        return images.Count >= 2 ? new(images, texts) : throw new InvalidDataException(
            "tiles: found one caption for all, expected two or more to tell apart.");
    }

    private static AmplitudeImage Flipped(AmplitudeImage image)
    {
        var pixels = new float[image.Pixels.Length];
        for (var r = 0; r < image.Rows; r++)
            image.Pixels.AsSpan((image.Rows - 1 - r) * image.Columns, image.Columns)
                .CopyTo(pixels.AsSpan(r * image.Columns));
        return new(image.Rows, image.Columns, pixels);
    }

    private static Tensor Loss(SarTextModel model, Pairs batch)
    {
        using var scope = NewDisposeScope();
        return ContrastiveLoss.Of(model.Clip.get_image_features(model.Pixels(batch.Images)),
            model.Clip.get_text_features(model.Ids(batch.Texts)), model.Clip.LogitScale).MoveToOuterDisposeScope();
    }

    // The same pairs every time; of one caption each.
    private static double HeldLoss(SarTextModel model, CaptionedTiles held, SarTextRecipe recipe)
    {
        using var loss = Loss(model, Draw(held, recipe with { Batch = Math.Min(recipe.Batch, held.Images.Count) }, 0));
        return loss.ToDouble();
    }
}
