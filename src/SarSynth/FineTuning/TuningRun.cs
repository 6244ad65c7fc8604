// One fine-tuning: captions, latents and loss of a step, what is looked at between steps, and what is left at the end.
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>The networks, the data and the loss of one run.</summary>
internal sealed class TuningRun : ITuningStage, IDisposable
{
    // Embeddings of captions that stay the same are kept: SARLO-80's longest caption, 77 tokens of SDXL, takes 640 KB.
    private const int MostEmbeddings = 2048;

    private readonly FineTuneRecipe recipe;
    private readonly LatentDiffusion model;
    private readonly TunedParts parts;
    private readonly TileTensors tensors;
    private readonly Dictionary<string, PromptEmbeddings> embeddings = new(StringComparer.Ordinal);
    private readonly NoiseSchedule schedule;
    private readonly FrozenResults cache;
    private SignalLeak? leak;

    /// <param name="recipe">What is trained, and how.</param>
    /// <param name="model">The base; stays the caller's.</param>
    /// <param name="tensors">Tiles to tensors.</param>
    /// <param name="warn">Told of what is wrong with the cache.</param>
    public TuningRun(FineTuneRecipe recipe, LatentDiffusion model, TileTensors tensors, Action<string> warn)
    {
        (this.recipe, this.model, this.tensors) = (recipe, model, tensors);
        cache = new FrozenResults(recipe.Cache, model, warn);
        schedule = model.Sampler.Schedule;
        parts = new TunedParts(model, recipe);
        if (!recipe.GradientCheckpointing)
            return;
        model.Unet.BlockRunner = GradientCheckpointing.Run;
        foreach (var control in parts.Controls)
            control.Net.BlockRunner = GradientCheckpointing.Run;
    }

    /// <summary>Tiles whose brightness images begin with.</summary>
    public Func<IEnumerable<CutTile>>? LeakTiles { get; init; }

    /// <summary>What <see cref="LeakTiles"/> leave in the last noise of the schedule; null without tiles.</summary>
    public SignalLeak? Leak => leak ??= LeakTiles is null ? null : SignalLeak.Of(LeakTiles().Select(LatentsOf));

    /// <summary>The memory that steps and validations will take on tiles like one.</summary>
    public TrainingEstimate Estimate(TrainerOptions options, CutTile like, bool validates)
    {
        var factor = model.Vae.Config.Factor;
        var side = Math.Max(like.Tile.Rows, like.Tile.Columns) / factor;
        using var generator = Seeded.Generator(recipe.Seed);
        var step = new TrainingStep(0, 0, generator, 0);
        return TrainingEstimate.Of(options, parts.Parameters, Models,
            at => Loss([.. Enumerable.Repeat(Sized(like, (int)at * factor), recipe.Batch)], step), side, !validates
                ? null : at =>
            {
                using var noGradients = no_grad();
                return model.Generate(new GenerationRequest
                {
                    Text = parts.Caption(""), Steps = 1, Guidance = new Guidance(recipe.Validation.Guidance),
                    Height = (int)at * factor, Width = (int)at * factor,
                });
            },
            runner: !recipe.GradientCheckpointing ? null : runner =>
            {
                model.Unet.BlockRunner = runner;
                foreach (var control in parts.Controls)
                    control.Net.BlockRunner = runner;
            });
    }

    // Memory hangs on sizes alone, so that the pixels may be any.
    internal static CutTile Sized(CutTile like, int side) => new(new Tile
    {
        Key = like.Tile.Key, Source = like.Tile.Source, IsNormalised = true, Ceiling = 1, Captions = like.Tile.Captions,
        Image = new AmplitudeImage(side, side, [.. Enumerable.Repeat(0.5f, side * side)]),
        Conditions = [.. like.Tile.Conditions.Select(c => c with
        {
            Rows = side, Columns = side, IsNormalised = true, Pixels = new float[side * side],
        })],
    }, side, side, 0, 0);

    /// <summary>What is trained.</summary>
    public TunedParts Parts => parts;

    /// <summary>All networks that take part, the frozen ones too.</summary>
    public IReadOnlyList<nn.Module> Models =>
    [
        model.Unet, model.Vae, .. parts.Controls.Select(c => c.Net),
        .. new nn.Module?[] { model.Prompts.Encoder, model.Prompts.Encoder2 }.OfType<nn.Module>(),
    ];

    /// <summary>What the frozen networks made.</summary>
    public FrozenResults Cache => cache;

    /// <inheritdoc/>
    public string Name => "denoiser";

    /// <inheritdoc/>
    public FineTuneRecipe Recipe => recipe;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Parameter> Parameters => parts.Parameters;

    /// <inheritdoc/>
    public IReadOnlyList<ParameterGroup> Groups => parts.Groups;

    /// <inheritdoc/>
    public IReadOnlyList<(string Prefix, nn.Module Network)> Networks => parts.TrainedNetworks;

    /// <inheritdoc/>
    public Autocast? Autocast => parts.Autocast;

    /// <summary>Pixels that the sides of images must be multiples of: what autoencoder and UNet halve.</summary>
    public int Multiple => model.Vae.Config.Factor * (1 << (model.Unet.Config.BlockOutChannels.Length - 1));

    /// <inheritdoc/>
    public Tensor Loss(IReadOnlyList<CutTile> batch, TrainingStep step) => Loss(batch, step, training: true);

    private Tensor Loss(IReadOnlyList<CutTile> batch, TrainingStep step, bool training)
    {
        using var scope = NewDisposeScope();
        parts.DropsOut = training;
        var tiles = batch.Select(b => b.Tile).ToList();
        var (latents, mask) = Latents(batch, step, training);
        var (text, pooled) = Text(tiles, step, training);
        var sizes = Sizes(batch, pooled);
        var conditions = parts.Controls.Select(c => Condition(tiles, c, step, training)).ToList();
        return DiffusionLoss.Draw(schedule, (noisy, time) =>
        {
            List<Tensor>? down = null;
            Tensor? mid = null;
            foreach (var (control, condition) in parts.Controls.Zip(conditions))
            {
                var residuals = control.Net.forward(noisy, time, text, condition, text_embeds: pooled, time_ids: sizes);
                down = down is null ? [.. residuals.Down] : [.. down.Zip(residuals.Down, (a, b) => a.Plus(b))];
                mid = mid is null ? residuals.Mid : mid.Plus(residuals.Mid);
            }
            return model.Unet.forward(noisy, time, text, pooled, sizes,
                down_block_additional_residuals: down, mid_block_additional_residual: mid);
        }, latents, step, recipe.Loss, mask).MoveToOuterDisposeScope();
    }

    /// <summary>Mean loss over tiles, without captions or conditions left out; the same noise at every call.</summary>
    public double Validate(IReadOnlyList<CutTile> tiles, Generator generator)
    {
        using var noGradients = no_grad();
        var (sum, count) = (0.0, 0);
        foreach (var group in tiles.GroupBy(t => (t.Tile.Rows, t.Tile.Columns)))
        {
            foreach (var batch in group.Chunk(recipe.Batch))
            {
                using var scope = NewDisposeScope();
                sum += batch.Length * Loss(batch, new TrainingStep(0, 0, generator, count), training: false).ToDouble();
                count += batch.Length;
            }
        }
        return sum / count;
    }

    /// <summary>Images of the recipe's prompts, or of the first two captions.</summary>
    public IEnumerable<StageSample> Samples(IReadOnlyList<CutTile> held)
    {
        var prompts = recipe.Validation.Prompts ?? [.. held.Select(t => t.Tile).Where(t => t.Captions.Count > 0)
            .Select(t => t.Caption(recipe.Caption)).Take(2)];
        var size = (held[0].Tile.Rows, held[0].Tile.Columns);
        foreach (var (i, prompt) in prompts.Index())
        {
            var image = Sample(prompt, i, size);
            yield return new StageSample(prompt, image, image);
        }
    }

    private AmplitudeImage Sample(string prompt, int number, (int Rows, int Columns) size)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        parts.DropsOut = false;
        return tensors.Amplitude(model.Decode(model.Denoise(new GenerationRequest
        {
            Text = parts.Caption(prompt), Seed = recipe.Seed + (ulong)number, Steps = recipe.Validation.Steps,
            Guidance = new Guidance(recipe.Validation.Guidance), Height = size.Rows, Width = size.Columns, Leak = Leak,
        })));
    }

    public void Dispose()
    {
        model.Unet.BlockRunner = null;
        parts.Dispose();
        foreach (var kept in embeddings.Values)
            kept.Dispose();
    }

    private Tensor LatentsOf(CutTile tile)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var (image, factor) = (tensors.Images([tile.Tile]), model.Vae.Config.Factor);
        // Without noise: the posterior's mean.
        var none = zeros([1, model.Vae.Config.LatentChannels, tile.Tile.Rows / factor, tile.Tile.Columns / factor],
            device: model.Device);
        return cache.Latents(image, none, keep: recipe.IsWhole(tile)).MoveToOuterDisposeScope();
    }

    private (Tensor Latents, Tensor? Mask) Latents(IReadOnlyList<CutTile> batch, TrainingStep step, bool training)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        List<Tile> tiles = [.. batch.Select(t => t.Tile)];
        var images = tensors.Images(tiles);
        var (rows, columns) = (tiles[0].Rows, tiles[0].Columns);
        var factor = model.Vae.Config.Factor;
        // One by one: a batch of the autoencoder's full-size features is what memory runs out of.
        var noise = randn([tiles.Count, model.Vae.Config.LatentChannels, rows / factor, columns / factor], device: CPU,
            generator: step.Generator);
        var latents = cat([.. batch.Select((tile, i) => cache.Latents(images.narrow(0, i, 1),
            noise.narrow(0, i, 1).to(model.Device), keep: !training || recipe.IsWhole(tile)))]);
        var valid = tiles.Select(t => t.Validity()).ToList();
        Tensor? mask = null;
        if (valid.Any(v => v.Contains(0f)))
        {
            var pixels = tensor(valid.SelectMany(v => v).ToArray(), device: CPU).reshape(tiles.Count, 1, rows, columns);
            mask = DiffusionLoss.MaskOfLatents(pixels, factor).to(model.Device);
        }
        return (latents.MoveToOuterDisposeScope(), mask?.MoveToOuterDisposeScope());
    }

    private (Tensor Text, Tensor? Pooled) Text(List<Tile> tiles, TrainingStep step, bool training)
    {
        var kept = Draws(tiles.Count, step);
        var encoded = tiles.Select((tile, i) => training && kept[i] < recipe.CaptionDropout
            ? Empty() : Encoded(parts.Caption(tile.Captions.Count == 0 ? "" : tile.Caption(recipe.Caption)))).ToList();
        return (cat([.. encoded.Select(e => e.Text)]), encoded[0].Pooled is null ? null
            : cat([.. encoded.Select(e => e.Pooled!)]));
    }

    // What guidance takes for "no prompt": zeros in SDXL, else the empty prompt. Where text is trained they keep
    // gradients, of zero: a batch all of whose captions are left out has no others.
    private PromptEmbeddings Empty()
    {
        var empty = Encoded("");
        if (!model.ForceZerosForEmptyPrompt)
            return empty;
        Tensor Zeros(Tensor like) => parts.TrainsText ? like.Times(0.0) : zeros_like(like);
        return new PromptEmbeddings(Zeros(empty.Text), empty.Pooled is { } pooled ? Zeros(pooled) : null);
    }

    private PromptEmbeddings Encoded(string prompt)
    {
        if (parts.TrainsText)
            return model.Prompts.Encode(prompt, gradients: is_grad_enabled());
        if (embeddings.TryGetValue(prompt, out var known))
            return known;
        var made = cache.Embeddings(prompt);
        if (embeddings.Count < MostEmbeddings)
        {
            made.Text.DetachFromDisposeScope();
            made.Pooled?.DetachFromDisposeScope();
            embeddings[prompt] = made;
        }
        return made;
    }

    /// <summary>
    /// SDXL: size of the tile before the cut, corner of the cut, its size. Podell et al. (2023), section 2.2.
    /// </summary>
    private Tensor? Sizes(IReadOnlyList<CutTile> batch, Tensor? pooled)
    {
        if (model.Unet.Config.AdditionEmbedType != "text_time")
            return null;
        var width = model.Unet.Config.ProjectionClassEmbeddingsInputDim!.Value - (int)pooled!.shape[1];
        if (width != 6 * model.Unet.Config.AdditionTimeEmbedDim!.Value)
            throw new ArgumentException(
                "the base is a refiner, which is told aesthetic scores: expected the base model.");
        float[] ids = [.. batch.SelectMany(t =>
            new float[] { t.Rows, t.Columns, t.Top, t.Left, t.Tile.Rows, t.Tile.Columns })];
        return tensor(ids, device: model.Device).reshape(batch.Count, 6);
    }

    private Tensor Condition(List<Tile> tiles, TunedControl control, TrainingStep step, bool training)
    {
        var condition = tensors.Conditions(tiles, control.Strategy, control.Net.Config, model.Vae.Config.Factor);
        if (!training || recipe.ConditionDropout == 0)
            return condition.to(model.Device);
        var keep = Draws(tiles.Count, step).Select(d => d < recipe.ConditionDropout ? 0f : 1f).ToArray();
        return (condition * tensor(keep, device: CPU).reshape(-1, 1, 1, 1)).to(model.Device);
    }

    private static float[] Draws(int count, TrainingStep step)
    {
        using var draws = rand([count], device: CPU, generator: step.Generator);
        return draws.data<float>().ToArray();
    }
}
