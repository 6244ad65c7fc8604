// A fine-tuning as a plain record: which base, which data, what is trained, how.
using System.Text.Json.Serialization;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Training;

namespace SarSynth.FineTuning;

/// <summary>Types that a fine-tuning computes in.</summary>
public enum Precision
{
    /// <summary>float32 throughout.</summary>
    Float32,

    /// <summary>The UNet's linear layers and convolutions in bfloat16, their weights' masters in float32.</summary>
    Bfloat16,
}

/// <summary>Which optimizer steps the weights.</summary>
public enum OptimizerKind
{
    /// <summary>AdamW (Loshchilov and Hutter 2019): two float32 numbers of state a weight.</summary>
    AdamW,

    /// <summary>Adafactor (Shazeer and Stern 2018): factored state, next to nothing.</summary>
    Adafactor,
}

/// <summary>What is looked at while it trains, with fixed seeds and noise.</summary>
public sealed record ValidationRecipe
{
    /// <summary>Steps between looks; the last step always has one.</summary>
    public int Every { get; init; } = 250;

    /// <summary>Tiles of the validation part that the loss is measured on; fewer where there are fewer.</summary>
    public int Tiles { get; init; } = 16;

    /// <summary>
    /// Prompts of sample images; null takes the first two validation captions, none where it is empty.
    /// </summary>
    public IReadOnlyList<string>? Prompts { get; init; }

    /// <summary>Sampler's steps of a sample image.</summary>
    public int Steps { get; init; } = 25;

    /// <summary>Guidance of sample images; 1 is none.</summary>
    public double Guidance { get; init; } = 5;
}

/// <summary>Fine-tuning of a latent diffusion model on tiles of one's own.</summary>
public sealed record FineTuneRecipe
{
    /// <summary>Name of the recipe.</summary>
    public string Name { get; init; } = "fine-tuning";

    /// <summary>
    /// The model to start from: a diffusers folder, a single file, or a model that comes with the kit.
    /// </summary>
    public required string Base { get; init; }

    /// <summary>
    /// The tiles, in any layout that <see cref="Tiles.Open"/> reads; "paired-scenes" are those of the kit.
    /// </summary>
    public required string Data { get; init; }

    /// <summary>How they are read; the training part is taken, and the validation part beside it.</summary>
    public TileOptions Reading { get; init; } = new();

    /// <summary>Which of the captions, by name; null for the first.</summary>
    public string? Caption { get; init; }

    /// <summary>Side of the square cut out of each tile at a random place, pixels; null takes tiles whole.</summary>
    public int? Crop { get; init; }

    /// <summary>
    /// Multiple that the sides of whole tiles are cut to, about their middle, pixels: tiles of nearly one size come
    /// into one batch. Null for what the base's networks need.
    /// </summary>
    public int? Bucket { get; init; }

    /// <summary>
    /// Folder where latents and text embeddings are kept between epochs and runs; null keeps none. Latents are kept of
    /// tiles that are not cut at random, embeddings where no text encoder is trained and no word learned.
    /// </summary>
    public string? Cache { get; init; }

    /// <summary>What is trained; at least one.</summary>
    public required IReadOnlyList<Strategy> Strategy { get; init; }

    /// <summary>Optimizer steps.</summary>
    public required int Steps { get; init; }

    /// <summary>Tiles in a micro-batch.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Micro-batches of a step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>How the rates go over the steps.</summary>
    public LrSchedule Schedule { get; init; } = new(LrShape.Cosine, Warmup: 100);

    /// <summary>The optimizer.</summary>
    public OptimizerKind Optimizer { get; init; }

    /// <summary>AdamW's decay of the weights.</summary>
    public double WeightDecay { get; init; } = 1e-2;

    /// <summary>Largest norm of the gradients; larger ones are scaled down.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>
    /// Largest decay of the moving average of the trained weights, which is what is saved; 0 keeps none.
    /// </summary>
    public double EmaDecay { get; init; }

    /// <summary>Target, weights, noise and timesteps of the loss; pixels without data never count.</summary>
    public LossRecipe Loss { get; init; } = new();

    /// <summary>Share of captions replaced by the empty one: what guidance needs.</summary>
    public double CaptionDropout { get; init; } = 0.1;

    /// <summary>Share of conditions replaced by nothing.</summary>
    public double ConditionDropout { get; init; }

    /// <summary>Types.</summary>
    public Precision Precision { get; init; }

    /// <summary>
    /// Computes blocks again on the way back instead of keeping what is inside: less memory, a third more time.
    /// </summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Seed of new weights, order, crops, timesteps and noise.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where it computes: auto, cpu, cuda or cuda:N (<see cref="ComputeDevice"/>).</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>Looks at what it learns.</summary>
    public ValidationRecipe Validation { get; init; } = new();

    /// <summary>Steps between checkpoints.</summary>
    public int CheckpointEvery { get; init; } = 250;

    /// <summary>Newest checkpoints that are kept, beside the best.</summary>
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>Whether a tile comes the same each time: not cut at random.</summary>
    internal bool IsWhole(CutTile tile) =>
        Crop is null || (tile.Rows == tile.Tile.Rows && tile.Columns == tile.Tile.Columns);

    /// <summary>The autoencoder's strategy; null where it is not trained.</summary>
    [JsonIgnore]
    public VaeStrategy? Vae => Strategy.OfType<VaeStrategy>().SingleOrDefault();

    /// <summary>Refuses what cannot be, before anything is loaded.</summary>
    /// <exception cref="ArgumentException">A field, with what was found and what is expected.</exception>
    public void Check()
    {
        Require(Strategy.Count > 0, "strategy", "none", "one or more");
        foreach (var strategy in Strategy)
            Require(strategy.LearningRate > 0, "strategy.learningRate", strategy.LearningRate, "over 0");
        foreach (var lora in Strategy.OfType<LoraStrategy>())
            Require(lora.Rank >= 1, "strategy.rank", lora.Rank, "1 or more");
        foreach (var token in Strategy.OfType<TokenStrategy>())
            Require(token.Vectors >= 1, "strategy.vectors", token.Vectors, "1 or more");
        var whole = Strategy.OfType<FullStrategy>().GroupBy(s => s.Part).FirstOrDefault(g => g.Count() > 1);
        Require(whole is null, "strategy", $"'{whole?.Key}' whole twice", "each part once");
        CheckVae();
        Require(Steps >= 1, "steps", Steps, "1 or more");
        Require(Batch >= 1, "batch", Batch, "1 or more");
        Require(Accumulation >= 1, "accumulation", Accumulation, "1 or more");
        Require(Crop is null or >= 8, "crop", Crop, "8 pixels or more");
        Require(Bucket is null or >= 8, "bucket", Bucket, "8 pixels or more");
        Require(Bucket is null || Crop is null, "bucket", $"{Bucket} beside a crop",
            "one of the two: crops have one size");
        Require(CaptionDropout is >= 0 and < 1, "captionDropout", CaptionDropout, "0 to under 1");
        Require(ConditionDropout is >= 0 and < 1, "conditionDropout", ConditionDropout, "0 to under 1");
        Require(EmaDecay is >= 0 and < 1, "emaDecay", EmaDecay, "0 to under 1");
        Require(CheckpointEvery >= 1, "checkpointEvery", CheckpointEvery, "1 or more");
        Require(Validation.Every >= 1, "validation.every", Validation.Every, "1 or more");
    }

    // The autoencoder is trained before the others: what of it changes they have to be able to follow.
    private void CheckVae()
    {
        var all = Strategy.OfType<VaeStrategy>().ToList();
        Require(all.Count < 2, "strategy", $"{all.Count} of the autoencoder",
            "one: each would train what the other trains");
        if (all.Count == 0)
            return;
        var vae = all[0];
        Require(vae.Rank is null or >= 1, "strategy.rank", vae.Rank, "1 or more");
        Require(vae.Rank is null || vae.Part == VaePart.All, "strategy.part", "decoder with a rank",
            "all: a low-rank update is of encoder and decoder");
        Require(vae.Targets is null || vae.Rank is not null, "strategy.targets", "layers without a rank", "a rank");
        Require(vae.Steps is null or >= 1, "strategy.steps", vae.Steps, "1 or more");
        Require(vae.Batch is null or >= 1, "strategy.batch", vae.Batch, "1 or more");
        Require(vae.Crop is null or >= 8, "strategy.crop", vae.Crop, "8 pixels or more");
        if (vae.Adversarial is { } against)
        {
            Require(against.Weight > 0, "strategy.adversarial.weight", against.Weight, "over 0");
            Require(against.LearningRate > 0, "strategy.adversarial.learningRate", against.LearningRate, "over 0");
            Require(against.Width >= 8 && against.Width % 8 == 0, "strategy.adversarial.width", against.Width,
                "a multiple of 8");
        }
        bool moves = vae.Part == VaePart.All && Strategy.Count > 1;
        Require(!moves || Strategy.Any(s => s is FullStrategy { Part: "unet" }
            || s is LoraStrategy lora && lora.Parts.Contains("unet")), "strategy",
            "an autoencoder whose encoder is trained, with a UNet that is not",
            "one that is (whole or by LoRA), for its latents change; or the decoder alone");
    }

    private static void Require(bool holds, string field, object? found, string expected)
    {
        if (!holds)
            throw new ArgumentException(FormattableString.Invariant(
                $"recipe field '{field}': found {found}, expected {expected}."));
    }
}
