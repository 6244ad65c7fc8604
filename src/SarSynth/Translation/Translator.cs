// A satellite-to-airborne model: a latent diffusion pipeline, the ControlNets that the satellite image steers, and a
// card.
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>Makes airborne-like images of satellite images, with any latent diffusion pipeline.</summary>
public sealed partial class Translator : IDisposable
{
    /// <summary>The prompts whose translations <see cref="ModelCard.TextEffect"/> compares.</summary>
    public static readonly IReadOnlyList<string> TextProbes = ["", "several aircraft on a runway", "water"];

    // Latents as often as a sampler holds them at once: now, next, predicted, its parts, noise, estimate.
    private const int LatentCopies = 8;

    private readonly string? schedulerFile;
    private readonly LatentDiffusion? pipeline;
    private readonly Adaptation? adaptation;
    private readonly UpscalingUNetModel? network;
    private readonly MeanField? mean;
    private readonly PlainUNetModel? residualNetwork;
    private readonly ResidualField? residual;

    /// <summary>Gathers the parts, and owns them from now on.</summary>
    /// <param name="card">What the pixels mean.</param>
    /// <param name="pipeline">Denoiser, autoencoder, text encoders, sampler.</param>
    /// <param name="controls">The model's own ControlNets; none for image to image.</param>
    public Translator(ModelCard card, LatentDiffusion pipeline, params IReadOnlyList<ControlNetModel> controls)
        : this(card, pipeline, controls, null, null, "", null)
    {
    }

    /// <summary>A model that makes the mean and draws the speckle; it owns the network from now on.</summary>
    /// <param name="card">What the pixels mean; with the airborne sensor.</param>
    /// <param name="network">The mean network.</param>
    /// <param name="residual">The denoiser of what the mean cannot know; null for texture without form.</param>
    /// <exception cref="InvalidDataException">
    /// The card lacks the sensor, a normalisation of the logarithm, or what the residual is.
    /// </exception>
    public Translator(ModelCard card, UpscalingUNetModel network, PlainUNetModel? residual = null)
        : this(card, null, [], network, residual, "", null)
    {
    }

    private Translator(ModelCard card, LatentDiffusion? pipeline, IReadOnlyList<ControlNetModel> controls,
        UpscalingUNetModel? network, PlainUNetModel? residual, string name, string? schedulerFile)
    {
        (Card, this.pipeline, Controls, this.network, Name, this.schedulerFile) = (card.Checked(name), pipeline,
            controls, network, name, schedulerFile);
        if (network is not null)
            mean = new(network, card);
        residualNetwork = residual;
        if (residual is not null)
        {
            this.residual = new(residual, card.Residual ?? throw new InvalidDataException(
                "card field 'residual': the residual's denoiser needs its deviation and bound, found none."),
                card.Scale);
        }
        if (pipeline is not null)
            adaptation = new(pipeline);
        foreach (var module in Modules)
            module.eval();
    }

    /// <summary>What the pixels mean.</summary>
    public ModelCard Card { get; }

    /// <summary>The pipeline.</summary>
    /// <exception cref="InvalidOperationException">The model makes the mean and draws the speckle.</exception>
    public LatentDiffusion Pipeline => pipeline
        ?? throw new InvalidOperationException($"model '{Name}': it has no latent diffusion, only a mean network.");

    /// <summary>The ways that the model can go, the first unless a recipe says otherwise.</summary>
    public IReadOnlyList<TranslationWay> Ways =>
    [
        .. mean is null ? Array.Empty<TranslationWay>() : [TranslationWay.MeanAndSpeckle],
        .. pipeline is null ? Array.Empty<TranslationWay>() : [TranslationWay.Amplitude],
    ];

    /// <summary>The model's own ControlNets.</summary>
    public IReadOnlyList<ControlNetModel> Controls { get; }

    /// <summary>What it was loaded by; empty for one that was not loaded.</summary>
    public string Name { get; }

    /// <summary>Where the weights are, and where it computes.</summary>
    public Device Device => pipeline?.Device ?? network!.parameters().First().device;

    /// <summary>
    /// Memory that a translation takes, bytes for each satellite pixel: its amplitude, and the latents of the whole
    /// image as
    /// often as a sampler holds them (now, next, predicted, noise, estimate).
    /// </summary>
    public double BytesPerPixel
    {
        get
        {
            if (pipeline is null)
                return sizeof(float);
            var latents = (double)Card.Scale / Pipeline.Vae.Config.Factor;
            return sizeof(float) * (1 + LatentCopies * Pipeline.Vae.Config.LatentChannels * latents * latents);
        }
    }

    /// <summary>Whether a translation as mean and speckle draws a residual.</summary>
    public bool Draws(TranslateRecipe recipe) => residual is not null && recipe.Residual && recipe.Texture > 0;

    // Checksums of what was loaded, read when a provenance asks for them; null for a model that was not loaded.
    internal Lazy<IReadOnlyDictionary<string, string>>? Files { get; init; }

    private IEnumerable<nn.Module> Modules => new nn.Module?[]
    {
        pipeline?.Unet, pipeline?.Vae, pipeline?.Prompts.Encoder, pipeline?.Prompts.Encoder2, network,
        residualNetwork,
    }.OfType<nn.Module>().Concat(Controls);

    /// <summary>Reads a model.</summary>
    /// <param name="model">See <see cref="TranslateRecipe.Model"/>.</param>
    /// <param name="device">Where the weights go; a GPU where there is one when null, else the CPU.</param>
    /// <param name="card">What its pixels mean, instead of its own card or the defaults.</param>
    /// <exception cref="FileNotFoundException">No such model.</exception>
    /// <exception cref="CheckpointException">Weights or configuration that do not fit; the message names the tensor or
    /// field.</exception>
    public static Translator Load(string model, Device? device = null, ModelCard? card = null) =>
        Load(new TranslateRecipe { Model = model }, device, card);

    /// <summary>Reads the model of a recipe, in the recipe's variant and with its card.</summary>
    /// <param name="recipe">The recipe; what it adds to the model is read here already, so that what is wrong shows at
    /// once.</param>
    /// <param name="device">Where the weights go; where the recipe says when null.</param>
    /// <param name="card">What its pixels mean, instead of the recipe's card.</param>
    /// <inheritdoc cref="Load(string, Device?, ModelCard?)"/>
    public static Translator Load(TranslateRecipe recipe, Device? device = null, ModelCard? card = null)
    {
        var path = File.Exists(recipe.Model) ? recipe.Model : EmbeddedData.FindModel(recipe.Model);
        var ownCard = card is null;
        card ??= CardOf(recipe, path);
        var options = new WeightOptions(Device: device ?? ComputeDevice.Find(recipe.Device), Type: TypeOf(recipe));
        var meanFolder = Path.Combine(path, MeanField.Folder);
        var hasMean = File.Exists(Path.Combine(meanFolder, "config.json"));
        var network = hasMean ? ModelFolder.Load<UpscalingUNetModel>(meanFolder,
            options with { Type = ScalarType.Float32 }, recipe.Variant) : null;
        PlainUNetModel? residual = null;
        LatentDiffusion? pipeline = null;
        var controls = new List<ControlNetModel>();
        try
        {
            if (network is not null)
                MeanField.RequireShape(network.Config, Path.Combine(meanFolder, "config.json"));
            var residualConfig = Path.Combine(path, ResidualField.Folder, "config.json");
            if (File.Exists(residualConfig))
            {
                residual = ModelFolder.Load<PlainUNetModel>(Path.GetDirectoryName(residualConfig)!,
                    options with { Type = ScalarType.Float32 }, recipe.Variant);
                ResidualField.RequireShape(residual.Config, card.Scale, residualConfig);
            }
            // A folder with a mean network need not have more.
            if (!hasMean || Directory.Exists(Path.Combine(path, "unet")))
                pipeline = LatentDiffusion.Load(path, options, recipe.Variant);
            foreach (var folder in ControlFolders(path))
                controls.Add(ModelFolder.Load<ControlNetModel>(folder, options, recipe.Variant));
            var scheduler = Path.Combine(path, "scheduler", "scheduler_config.json");
            var translator = new Translator(card, pipeline, controls, network, residual, recipe.Model,
                File.Exists(scheduler) ? scheduler : null)
            {
                Files = new(() => ModelFiles.OfModel(recipe, ownCard)),
            };
            translator.WayOf(recipe);
            if (pipeline is not null)
                translator.SamplerOf(recipe);
            translator.adaptation?.Apply(recipe);
            return translator;
        }
        catch
        {
            network?.Dispose();
            residual?.Dispose();
            pipeline?.Dispose();
            controls.ForEach(c => c.Dispose());
            throw;
        }
    }

    /// <summary>Writes the model as a folder that diffusers opens, weights as float16, with the card beside
    /// them.</summary>
    /// <param name="folder">Created when it is not there.</param>
    public void Save(string folder)
    {
        adaptation?.Apply(new TranslateRecipe());
        pipeline?.Save(folder, controls: Controls, type: ScalarType.Float16);
        if (network is not null)
            ModelFolder.Save(network, Path.Combine(folder, MeanField.Folder), type: ScalarType.Float16);
        if (residualNetwork is not null)
            ModelFolder.Save(residualNetwork, Path.Combine(folder, ResidualField.Folder), type: ScalarType.Float16);
        if (pipeline is null)
            WriteIndex(folder, residualNetwork is not null);
        KitJson.Write(Path.Combine(folder, ModelCard.FileName), Card);
    }

    /// <summary>Writes the index of a model without a pipeline.</summary>
    internal static void WriteIndex(string folder, bool hasResidual)
    {
        var parts = new Dictionary<string, PipelineComponent?>
        {
            [MeanField.Folder] = new("sarsynth", nameof(UpscalingUNetModel)),
        };
        if (hasResidual)
            parts[ResidualField.Folder] = new("sarsynth", nameof(PlainUNetModel));
        PipelineFolder.WriteIndex(folder, "MeanSpecklePipeline", parts);
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        adaptation?.Dispose();
        pipeline?.Dispose();
        network?.Dispose();
        residualNetwork?.Dispose();
        foreach (var control in Controls)
            control.Dispose();
    }

    /// <summary>Where an input is not what the model was trained on, one plain line each; empty where all that is told
    /// fits.</summary>
    /// <param name="input">What the input tells of its sensor and its sampling.</param>
    /// <param name="place">Where it lies; null where it does not tell.</param>
    /// <param name="complex">Whether its pixels are single-look complex.</param>
    public IReadOnlyList<string> Remarks(Radar.Images.SarMetadata input, Radar.Images.GeoReference? place = null,
        bool complex = false) =>
        InputFit.Remarks(Card, input, place, complex);

    /// <summary>Measures <see cref="ModelCard.TextEffect"/>.</summary>
    /// <param name="satellite">A tile, at least 16 x 16.</param>
    /// <param name="recipe">How to translate; its prompt is replaced.</param>
    /// <param name="cancel">Ends between denoising steps.</param>
    /// <returns>The lowest correlation of amplitudes between translations with the <see cref="TextProbes"/>.</returns>
    public double MeasureTextEffect(Radar.Images.SarImage satellite, TranslateRecipe recipe,
        CancellationToken cancel = default)
    {
        var made = TextProbes.Select(prompt =>
            Translate(satellite, recipe with { Prompt = prompt }, cancel: cancel).Pixels).ToList();
        var valid = Enumerable.Range(0, made[0].Length).Where(i => made.TrueForAll(m => float.IsFinite(m[i])))
            .ToArray();
        double[] Of(int which) => [.. valid.Select(i => (double)made[which][i])];
        return (from a in Enumerable.Range(0, made.Count) from b in Enumerable.Range(0, a)
            select MathNet.Numerics.Statistics.Correlation.Pearson(Of(a), Of(b))).Min();
    }

    /// <summary>The way that a recipe asks for, or the model's own.</summary>
    /// <exception cref="ArgumentException">The model cannot go it, or the recipe wants complex samples of a way that
    /// has none.</exception>
    internal TranslationWay WayOf(TranslateRecipe recipe)
    {
        var way = recipe.Way ?? Ways[0];
        if (!Ways.Contains(way))
        {
            throw new ArgumentException($"way: found {way}, but model '{Name}' can go "
                + $"{string.Join(" or ", Ways)} only.");
        }
        if (recipe.Complex && way != TranslationWay.MeanAndSpeckle)
        {
            throw new ArgumentException($"complex: the way {way} of model '{Name}' has amplitudes only; single-look "
                + $"complex samples are made by {TranslationWay.MeanAndSpeckle}.");
        }
        if (!(recipe.Texture is >= 0 and <= 1))
            throw new ArgumentException($"texture: found {recipe.Texture}, expected 0 to 1.");
        if (!(recipe.Consistency is >= 0 and <= 1))
            throw new ArgumentException($"consistency: found {recipe.Consistency}, expected 0 to 1.");
        return way;
    }

    /// <summary>The sampler that a recipe asks for.</summary>
    /// <exception cref="ArgumentException">Neither a sampler nor a file.</exception>
    internal SamplerConfig SamplerOf(TranslateRecipe recipe)
    {
        if (recipe.Scheduler is not { } asked)
            return Pipeline.Sampler;
        if (SamplerConfig.KindOf(asked) is { } kind)
            return schedulerFile is null ? Pipeline.Sampler with { Kind = kind }
                : SamplerConfig.Load(schedulerFile, kind);
        return File.Exists(asked) || Directory.Exists(asked) ? SamplerConfig.Load(asked)
            : throw new ArgumentException($"scheduler: found '{asked}', expected a scheduler_config.json or one of "
                + $"{string.Join(", ", SamplerConfig.ClassNames)}.");
    }

    /// <summary>The steps that a recipe asks for, and from which share of them on the satellite image is
    /// taken.</summary>
    internal (SamplingPlan Plan, double? Strength) PlanOf(TranslateRecipe recipe)
    {
        var plan = SamplingPlan.Create(SamplerOf(recipe), recipe.Steps ?? TranslateRecipe.AmplitudeSteps);
        var strength = recipe.Strength
            ?? (Controls.Count + recipe.Controls.Count > 0 ? null : TranslateRecipe.StrengthWithoutControl);
        return (strength is { } share ? plan.WithStrength(share) : plan, strength);
    }

    /// <summary>The folders of a model's ControlNets; diffusers numbers the further ones.</summary>
    internal static IEnumerable<string> ControlFolders(string path)
    {
        for (var i = 0; ; i++)
        {
            var folder = Path.Combine(path, i == 0 ? "controlnet" : $"controlnet_{i}");
            if (!File.Exists(Path.Combine(folder, "config.json")))
                yield break;
            yield return folder;
        }
    }

    /// <summary>The number type of weights; null for that of the files.</summary>
    internal static ScalarType? TypeOf(TranslateRecipe recipe) =>
        recipe.Precision == WeightPrecision.Stored ? null : ScalarType.Float32;

    private static ModelCard CardOf(TranslateRecipe recipe, string path)
    {
        var file = recipe.Card ?? Path.Combine(path, ModelCard.FileName);
        return recipe.Card is not null || File.Exists(file) ? KitJson.Read<ModelCard>(file).Checked(file)
            : new ModelCard();
    }
}
