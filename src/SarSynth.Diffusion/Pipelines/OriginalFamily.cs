// The families of latent diffusion models that are published as one file with the original key
// names, told apart by what their tensors show. What no tensor shows (heads, scheduler, scales)
// are the values of diffusers' published folders.
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>The configurations of one family.</summary>
internal sealed record OriginalFamily(UNet2DConditionConfig Unet, AutoencoderKLConfig Vae, CLIPTextConfig? TextEncoder,
    CLIPTextConfig? TextEncoder2, SamplerConfig Sampler, bool ForceZerosForEmptyPrompt)
{
    public const string UNetPrefix = "model.diffusion_model.";

    private const string TextWidth = UNetPrefix + "output_blocks.5.1.transformer_blocks.0.attn2.to_k.weight";

    private static readonly CLIPTextConfig ClipL = new()
    {
        HiddenSize = 768, IntermediateSize = 3072, NumHiddenLayers = 12, NumAttentionHeads = 12, ProjectionDim = 768,
        BosTokenId = 0, EosTokenId = 2,
    };

    private static readonly CLIPTextConfig ClipBigG = ClipL with
    {
        HiddenSize = 1280, IntermediateSize = 5120, NumHiddenLayers = 32, NumAttentionHeads = 20, ProjectionDim = 1280,
        HiddenAct = "gelu",
    };

    private static readonly AutoencoderKLConfig Kl8 = new()
    {
        BlockOutChannels = [128, 256, 512, 512], LayersPerBlock = 2, SampleSize = 512, ScalingFactor = 0.18215,
        DownBlockTypes = [.. Enumerable.Repeat("DownEncoderBlock2D", 4)],
            UpBlockTypes = [.. Enumerable.Repeat("UpDecoderBlock2D", 4)],
    };

    private static readonly AutoencoderKLConfig KlXl = Kl8 with { SampleSize = 1024, ScalingFactor = 0.13025 };

    private static readonly UNet2DConditionConfig Xl = new()
    {
        SampleSize = 128, BlockOutChannels = [320, 640, 1280], AttentionHeadDim = new[] { 5, 10, 20 },
            CrossAttentionDim = 2048,
        DownBlockTypes = ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        UpBlockTypes = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        TransformerLayersPerBlock = new[] { 1, 2, 10 }, UseLinearProjection = true, UpcastAttention = null,
        AdditionEmbedType = "text_time", AdditionTimeEmbedDim = 256, ProjectionClassEmbeddingsInputDim = 2816,
    };

    /// <summary>The family of a checkpoint.</summary>
    /// <param name="source">Named in errors.</param>
    /// <param name="shape">Shape of a tensor by its key; null where there is none.</param>
    /// <exception cref="CheckpointException">
    /// No family that a file alone tells: the message says what to do.
    /// </exception>
    public static OriginalFamily Of(string source, Func<string, IReadOnlyList<long>?> shape)
    {
        var input = shape(UNetPrefix + "input_blocks.0.0.weight") ?? throw new CheckpointException(source,
            $"there is no '{UNetPrefix}input_blocks.0.0.weight'; expected a whole Stable Diffusion checkpoint");
        long? width = shape(TextWidth)?[1], told = shape(UNetPrefix + "label_emb.0.0.weight")?[1];
        var family = (input[0], width, told) switch
        {
            (320, 768, null) => new OriginalFamily(
                new() { SampleSize = 64, CrossAttentionDim = 768 }, Kl8, ClipL, null, Scheduler(SamplerKind.Pndm),
                    false),
            (320, 2048, 2816) => new OriginalFamily(Xl, KlXl, ClipL, ClipBigG, Scheduler(SamplerKind.Euler), true),
            (384, 1280, 2560) => new OriginalFamily(Xl with
            {
                BlockOutChannels = [384, 768, 1536, 1536], AttentionHeadDim = new[] { 6, 12, 24, 24 },
                    CrossAttentionDim = 1280,
                DownBlockTypes = ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
                UpBlockTypes = ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
                TransformerLayersPerBlock = 4, ProjectionClassEmbeddingsInputDim = 2560,
            }, KlXl, null, ClipBigG, Scheduler(SamplerKind.Euler), false),
            (320, 1024, _) => throw Unknown(source,
                "Stable Diffusion 2 does not say whether it predicts noise or velocity"),
            _ => throw Unknown(source, $"a UNet of {input[0]} channels, text of width {width?.ToString() ?? "none"} and"
                + $" {told?.ToString() ?? "no"} further conditions"
                + " is none of Stable Diffusion 1, SDXL and its refiner"),
        };
        // 9: inpainting, with mask and masked image.
        return family with { Unet = family.Unet with { InChannels = (int)input[1] } };
    }

    private static CheckpointException Unknown(string source, string found) =>
        new(source, found + "; give the folder of its configurations (diffusers' layout, without weights)");

    private static SamplerConfig Scheduler(SamplerKind kind) => new()
    {
        Kind = kind, Schedule = NoiseSchedule.Create(), Spacing = TimestepSpacing.Leading, StepsOffset = 1,
    };
}
