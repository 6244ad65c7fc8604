// Translation as a recipe: a plain record that can be read, repeated and changed without code.
using SarSynth.Diffusion;

namespace SarSynth.Translation;

/// <summary>How a satellite image is matched to the brightness that the model was trained on.</summary>
public enum RadiometryMatch
{
    /// <summary>Take amplitudes as they are: the image is calibrated like the training data.</summary>
    Absolute,

    /// <summary>Shift the image's mean log amplitude to the training data's, and shift the result back.</summary>
    Scene,
}

/// <summary>How an airborne-like image comes about.</summary>
public enum TranslationWay
{
    /// <summary>
    /// A network gives the mean intensity of each fine pixel; diffusion draws the residual where the model has one,
    /// else texture is drawn; speckle is drawn through the airborne sensor's impulse response and passes no network.
    /// </summary>
    MeanAndSpeckle,

    /// <summary>Latent diffusion makes amplitudes with their speckle.</summary>
    Amplitude,
}

/// <summary>The number type that a model computes in.</summary>
public enum WeightPrecision
{
    /// <summary>float32 whatever the files hold.</summary>
    Float32,

    /// <summary>That of the files: bfloat16 takes half of the memory.</summary>
    Stored,
}

/// <summary>A ControlNet that does not come with the model; it sees the satellite image too.</summary>
/// <param name="Net">Folder with config.json and weights, as diffusers has it.</param>
/// <param name="Scale">Factor on its residuals.</param>
/// <param name="Start">Share of the steps after which it begins to act.</param>
/// <param name="End">Share of the steps after which it acts no more.</param>
public sealed record ControlRecipe(string Net, double Scale = 1, double Start = 0, double End = 1);

/// <summary>A LoRA or DoRA file.</summary>
/// <param name="File">A safetensors file, or the folder that PEFT or diffusers wrote.</param>
/// <param name="Scale">Factor on the update.</param>
public sealed record AdapterRecipe(string File, double Scale = 1);

/// <summary>A learned token (textual inversion).</summary>
/// <param name="File">A safetensors file with an embedding for each text encoder.</param>
/// <param name="Word">The word that stands for it in prompts; null for the name in the file.</param>
public sealed record TokenRecipe(string File, string? Word = null);

/// <summary>What SDXL is told about sizes, each [height, width] or [top, left] in pixels.</summary>
public sealed record SizeRecipe
{
    /// <summary>Size before cropping; null for what the model denoises at once: a window, or the image where that is
    /// smaller.</summary>
    public int[]? Original { get; init; }

    /// <summary>Crop corner.</summary>
    public int[] Crop { get; init; } = [0, 0];

    /// <summary>Size after cropping; null as <see cref="Original"/>.</summary>
    public int[]? Target { get; init; }
}

/// <summary>
/// Translation of satellite images. The defaults are those of the kit's models: mean and speckle by the one; in the
/// other its ControlNet leads, and guidance is off.
/// </summary>
public sealed record TranslateRecipe
{
    /// <summary>The kit's model of the amplitude way: it takes words too.</summary>
    public const string DiffusionModel = "sarsynth-small";

    /// <summary>Share of the steps that the satellite image is taken through where no ControlNet leads.</summary>
    public const double StrengthWithoutControl = 0.6;

    /// <summary>Denoising steps of the amplitude way where a recipe does not say.</summary>
    public const int AmplitudeSteps = 25;

    /// <summary>Denoising steps of a residual, likewise; its sampler is of second order.</summary>
    public const int ResidualSteps = 12;

    /// <summary>
    /// The model: a folder in diffusers' layout (Stable Diffusion 1.5 or 2.1, SDXL; with a controlnet folder or
    /// without), a
    /// single file with the original key names, or a folder with a mean network, or the name of a model that comes
    /// with the kit.
    /// </summary>
    public string Model { get; init; } = "sarsynth-mini";

    /// <summary>The way; null for mean and speckle where the model has a mean network, else the amplitude.</summary>
    public TranslationWay? Way { get; init; }

    /// <summary>
    /// Mean and speckle: factor on what is drawn beside the mean, 0 to 1; 0 leaves it as smooth as the network has it.
    /// </summary>
    public double Texture { get; init; } = 1;

    /// <summary>
    /// Mean and speckle: draw the residual of a model that has one; false leaves texture without form in its place.
    /// </summary>
    public bool Residual { get; init; } = true;

    /// <summary>
    /// Mean and speckle: hold the mean to the satellite's power over windows in which its speckle averages out; null
    /// does where a residual is drawn.
    /// </summary>
    public bool? KeepPower { get; init; }

    /// <summary>
    /// Mean and speckle: share of what differs from the satellite image by more than its looks explain that is
    /// corrected (<see cref="DataConsistency"/>), 0 to 1.
    /// </summary>
    public double Consistency { get; init; }

    /// <summary>
    /// Mean and speckle: metres between the pixels that are made, one of the input's levels
    /// (<see cref="Translator.Levels(Radar.Images.SarImage)"/>); null for the finest.
    /// </summary>
    public double? Spacing { get; init; }

    /// <summary>Mean and speckle: give the single-look complex image instead of its amplitude.</summary>
    public bool Complex { get; init; }

    /// <summary>Weight files with this in their names, such as fp16; null for those without.</summary>
    public string? Variant { get; init; }

    /// <summary>A JSON file in the form of <see cref="ModelCard"/>, for models without; null for the model's own card,
    /// or the defaults.</summary>
    public string? Card { get; init; }

    /// <summary>Where the model computes: auto, cpu, cuda or cuda:N (<see cref="ComputeDevice"/>).</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>Seed of the noise.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>What the image shows; empty leaves it to the image.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>Prompt for the second text encoder (SDXL); null for the same.</summary>
    public string? SecondPrompt { get; init; }

    /// <summary>What the image should not be; it counts with guidance. Null for none.</summary>
    public string? NegativePrompt { get; init; }

    /// <summary>Layers of the text encoder to leave out at its end; null for the model's usual.</summary>
    public int? ClipSkip { get; init; }

    /// <summary>Classifier-free guidance; 1 or less is off, and then each step costs half.</summary>
    public double Guidance { get; init; } = 1;

    /// <summary>Share of the guided prediction whose spread is set back to the unguided one's, 0 to 1.</summary>
    public double GuidanceRescale { get; init; }

    /// <summary>What SDXL is told about sizes; other models are not told.</summary>
    public SizeRecipe Sizes { get; init; } = new();

    /// <summary>
    /// The sampler: the class of a diffusers scheduler, in full or short ("EulerDiscreteScheduler", "euler"), with the
    /// model's schedule; or a scheduler_config.json. Null for the model's own.
    /// </summary>
    public string? Scheduler { get; init; }

    /// <summary>
    /// Denoising steps; null for <see cref="AmplitudeSteps"/>, or <see cref="ResidualSteps"/> of a residual.
    /// </summary>
    public int? Steps { get; init; }

    /// <summary>DDIM's eta: 0 draws all randomness at the start, 1 anew at each step. Other samplers do not look at
    /// it.</summary>
    public double Eta { get; init; } = 1.0;

    /// <summary>
    /// Image to image: share of the steps that the satellite image, interpolated to the fine grid, is taken through.
    /// Null
    /// starts from pure noise where a ControlNet leads, else <see cref="StrengthWithoutControl"/> is taken.
    /// </summary>
    public double? Strength { get; init; }

    /// <summary>Weight of the satellite image in the model's own ControlNets.</summary>
    public double ControlScale { get; init; } = 1.0;

    /// <summary>Share of the steps after which the model's own ControlNets begin to act.</summary>
    public double ControlStart { get; init; }

    /// <summary>Share of the steps after which they act no more.</summary>
    public double ControlEnd { get; init; } = 1;

    /// <summary>Further ControlNets; residuals of all add.</summary>
    public IReadOnlyList<ControlRecipe> Controls { get; init; } = [];

    /// <summary>What ControlNets see that do not see the satellite image.</summary>
    public IReadOnlyList<ConditionRecipe> Conditions { get; init; } = [];

    /// <summary>LoRA and DoRA files on the model's networks; their updates add.</summary>
    public IReadOnlyList<AdapterRecipe> Adapters { get; init; } = [];

    /// <summary>Images from words: a file of the brightness that they begin with (<see cref="SignalLeak"/>), which
    /// fine-tuning leaves beside what it made; null begins with pure noise.</summary>
    public string? SignalLeak { get; init; }

    /// <summary>Learned tokens that prompts may use.</summary>
    public IReadOnlyList<TokenRecipe> Tokens { get; init; } = [];

    /// <summary>
    /// How brightness is matched; null chooses <see cref="RadiometryMatch.Absolute"/> for images of the training
    /// sensor,
    /// else <see cref="RadiometryMatch.Scene"/>. Models whose card tells no brightness take the image's own.
    /// </summary>
    public RadiometryMatch? Radiometry { get; init; }

    /// <summary>
    /// Side of the windows of latents that are denoised together (an image up to a quarter larger is one window); null
    /// for
    /// 64, or the size that the denoiser was trained on where that is larger (SDXL: 128).
    /// </summary>
    public int? Tile { get; init; }

    /// <summary>Least overlap of neighbouring windows; null for an eighth of <see cref="Tile"/>.</summary>
    public int? Overlap { get; init; }

    /// <summary>Windows given to the networks at once.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>
    /// Take files as they are. Else pixels finer than those that the model was trained on are averaged to its spacing
    /// first; images in memory always are taken as they are.
    /// </summary>
    public bool AsIs { get; init; }

    /// <summary>Translate files, too, whose pixels are far coarser than all that the model was trained on.</summary>
    public bool Outside { get; init; }

    /// <summary>The number type of the weights.</summary>
    public WeightPrecision Precision { get; init; }

    /// <summary>Refuse an input that is not what the model was trained on (<see cref="Translator.Remarks"/>).</summary>
    public bool Strict { get; init; }
}
