// The autoencoder's own training: what of it is trained, its loss, what is looked at, what is left at the end.
// Rombach et al. (2022), section 3.1 and appendix G.
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Adapter = SarSynth.Diffusion.Adapters.Lora;

namespace SarSynth.FineTuning;

/// <summary>An autoencoder that is trained on tiles.</summary>
internal sealed class VaeTuning : ITuningStage, IDisposable
{
    /// <summary>Folder of the result, as diffusers opens it.</summary>
    public const string Folder = "vae";

    private const string LoraName = "vae_lora.safetensors", Rival = "discriminator";

    private readonly FineTuneRecipe recipe;
    private readonly VaeStrategy strategy;
    private readonly AutoencoderKL vae;
    private readonly TileTensors tensors;
    private readonly AutoencoderLossRecipe terms;
    private readonly Adapter? lora;
    private readonly PatchDiscriminator? rival;
    private readonly Dictionary<string, Parameter> parameters = new(StringComparer.Ordinal);
    private readonly List<ParameterGroup> groups = [];
    private readonly Device device;

    /// <param name="recipe">What is trained; its autoencoder's strategy is there.</param>
    /// <param name="model">The base, whose autoencoder is frozen but for what the strategy trains.</param>
    /// <param name="tensors">Tiles to tensors.</param>
    /// <exception cref="ArgumentException">A target that no layer of the autoencoder is named by.</exception>
    public VaeTuning(FineTuneRecipe recipe, LatentDiffusion model, TileTensors tensors)
    {
        strategy = recipe.Vae!;
        this.recipe = recipe with
        {
            Steps = strategy.Steps ?? recipe.Steps, Batch = strategy.Batch ?? recipe.Batch,
            Crop = strategy.Crop ?? recipe.Crop,
        };
        (vae, this.tensors) = (model.Vae, tensors);
        device = vae.parameters().First().device;
        terms = strategy.Loss with { Scale = tensors.Scale };
        // The 16-bit copies want gradients where their masters are trained.
        foreach (var (name, parameter) in vae.named_parameters())
            parameter.requires_grad = IsTrained(name);
        if (recipe.Precision == Precision.Bfloat16)
            Autocast = new Autocast(vae);
        if (recipe.GradientCheckpointing)
            vae.BlockRunner = GradientCheckpointing.Run;
        if (strategy.Rank is { } rank)
        {
            lora = Adapter.Create(new Dictionary<string, nn.Module> { ["vae"] = vae },
                strategy.Targets ?? VaeStrategy.Layers, rank, strategy.Alpha ?? rank, recipe.Seed);
            Train("vae_lora", lora.Parameters, strategy.LearningRate);
        }
        else
        {
            var all = Autocast?.Masters ?? vae.named_parameters().ToDictionary(p => p.name, p => p.parameter);
            Train("vae", all.Where(p => IsTrained(p.Key)).ToDictionary(), strategy.LearningRate);
        }
        if (strategy.Adversarial is not { } against)
            return;
        manual_seed(unchecked((long)recipe.Seed));
        rival = new PatchDiscriminator(vae.Config.OutChannels, against.Width);
        rival.to(device);
        Train(Rival, rival.named_parameters().ToDictionary(p => p.name, p => p.parameter), against.LearningRate);
    }

    /// <inheritdoc/>
    public string Name => "autoencoder";

    /// <inheritdoc/>
    public FineTuneRecipe Recipe => recipe;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Parameter> Parameters => parameters;

    /// <inheritdoc/>
    public IReadOnlyList<ParameterGroup> Groups => groups;

    /// <inheritdoc/>
    public Autocast? Autocast { get; private set; }

    /// <inheritdoc/>
    public Tensor Loss(IReadOnlyList<CutTile> batch, TrainingStep step)
    {
        using var scope = NewDisposeScope();
        var images = Images(batch);
        using var posterior = Encode(images);
        var restored = Decode(posterior.Sample(step.Generator));
        var compared = Compared(batch, images, restored);
        var loss = AutoencoderLoss.Of(terms, images, compared, posterior.Mean, posterior.LogVar);
        if (rival is not null)
        {
            var against = strategy.Adversarial!;
            if (step.Step >= against.Start)
                loss = loss.Plus(rival.GeneratorLoss(compared).Times(against.Weight));
            loss = loss.Plus(rival.DiscriminatorLoss(images, compared));
        }
        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>Mean loss of what the posterior's mean gives, without the adversarial term.</summary>
    public double Validate(IReadOnlyList<CutTile> tiles, Generator generator)
    {
        using var noGradients = no_grad();
        var sum = 0.0;
        foreach (var tile in tiles)
        {
            using var scope = NewDisposeScope();
            var images = Images([tile]);
            using var posterior = Encode(images);
            var restored = Decode(posterior.Mode());
            sum += AutoencoderLoss.Of(terms, images, Compared([tile], images, restored), posterior.Mean,
                posterior.LogVar).ToDouble();
        }
        return sum / tiles.Count;
    }

    /// <summary>The first two tiles with their reconstructions beside them.</summary>
    public IEnumerable<StageSample> Samples(IReadOnlyList<CutTile> held)
    {
        foreach (var tile in held.Take(2).Select(t => t.Tile))
        {
            var image = Restored(tile);
            var own = tensors.Amplitude(tile);
            var beside = new float[2 * own.Length];
            for (var row = 0; row < tile.Rows; row++)
            {
                var (from, to) = (row * tile.Columns, 2 * row * tile.Columns);
                own.AsSpan(from, tile.Columns).CopyTo(beside.AsSpan(to));
                image.Pixels.AsSpan(from, tile.Columns).CopyTo(beside.AsSpan(to + tile.Columns));
            }
            yield return new StageSample($"tile {tile.Key} and its reconstruction",
                new AmplitudeImage(tile.Rows, 2 * tile.Columns, beside), image, own);
        }
    }

    /// <summary>Ends the training: a low-rank update goes into the weights, and nothing is trained any more.</summary>
    public void Finish()
    {
        Release();
        lora?.Fuse();
        foreach (var parameter in vae.parameters())
            parameter.requires_grad = false;
    }

    /// <summary>Writes the autoencoder, and a low-rank update by itself.</summary>
    /// <param name="folder">Made where it is missing.</param>
    /// <returns>The files and folders, by what they are.</returns>
    public IReadOnlyDictionary<string, string> Save(string folder)
    {
        var made = new SortedDictionary<string, string>(StringComparer.Ordinal);
        ModelFolder.Save(vae, Path.Combine(folder, Folder));
        made["vae"] = Folder;
        if (lora is null)
            return made;
        lora.Save(Path.Combine(folder, LoraName));
        made["vae lora"] = LoraName;
        return made;
    }

    /// <summary>The memory that steps and validations will take on tiles like one.</summary>
    public TrainingEstimate Estimate(TrainerOptions options, CutTile like, IReadOnlyList<nn.Module> others,
        bool validates)
    {
        var factor = vae.Config.Factor;
        using var generator = Diffusion.Samplers.Seeded.Generator(recipe.Seed);
        // The adversarial term counts from its own step on: the most that is needed.
        var step = new TrainingStep(strategy.Adversarial?.Start ?? 0, 0, generator, 0);
        List<nn.Module> models = [vae, .. others, .. rival is null ? [] : new nn.Module[] { rival }];
        return TrainingEstimate.Of(options, parameters, models,
            at => Loss([.. Enumerable.Repeat(TuningRun.Sized(like, (int)at * factor), recipe.Batch)], step),
            Math.Max(like.Tile.Rows, like.Tile.Columns) / factor, !validates ? null : at =>
            {
                using var noGradients = no_grad();
                return vae.forward(Images([TuningRun.Sized(like, (int)at * factor)]));
            }, runner: recipe.GradientCheckpointing ? runner => vae.BlockRunner = runner : null);
    }

    public void Dispose()
    {
        Release();
        lora?.Dispose();
        rival?.Dispose();
    }

    internal static bool IsOfDecoder(string name) =>
        name.StartsWith("decoder.", StringComparison.Ordinal)
        || name.StartsWith("post_quant_conv.", StringComparison.Ordinal);

    private bool IsTrained(string name) =>
        strategy.Rank is null && (strategy.Part == VaePart.All || IsOfDecoder(name));

    // Its layers get their float32 weights back.
    private void Release()
    {
        vae.BlockRunner = null;
        Autocast?.Dispose();
        Autocast = null;
    }

    // Draws and losses are of float32, whatever the layers computed in.
    private DiagonalGaussian Encode(Tensor images)
    {
        using var noGradients = strategy.Part == VaePart.Decoder ? no_grad() : null;
        if (Autocast is null)
            return vae.encode(images);
        using var narrow = vae.encode(images);
        return new(cat([narrow.Mean, narrow.LogVar], 1).to(ScalarType.Float32));
    }

    private Tensor Decode(Tensor latents) => vae.decode(latents).to(ScalarType.Float32);

    private Tensor Images(IReadOnlyList<CutTile> batch)
    {
        using var scope = NewDisposeScope();
        return tensors.Images([.. batch.Select(t => t.Tile)]).to(device).Times_(2).Minus_(1).MoveToOuterDisposeScope();
    }

    // Pixels without data are the image's own in what is compared: they cost nothing and teach nothing.
    private Tensor Compared(IReadOnlyList<CutTile> batch, Tensor images, Tensor restored)
    {
        var valid = batch.Select(t => t.Tile.Validity()).ToList();
        if (!valid.Any(v => v.Contains(0f)))
            return restored;
        using var scope = NewDisposeScope();
        var mask = tensor(valid.SelectMany(v => v).ToArray(), device: device)
            .reshape(batch.Count, 1, images.shape[2], images.shape[3]).AtLeast(0.5);
        return where(mask, restored, images).MoveToOuterDisposeScope();
    }

    private AmplitudeImage Restored(Tile tile)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        return tensors.Amplitude(vae.forward(Images([new CutTile(tile, tile.Rows, tile.Columns, 0, 0)])));
    }

    private void Train(string prefix, IReadOnlyDictionary<string, Parameter> trained, double rate)
    {
        groups.Add(new ParameterGroup(prefix, rate));
        foreach (var (name, parameter) in trained)
        {
            parameter.requires_grad = true;
            parameters.Add($"{prefix}.{name}", parameter);
        }
    }
}
