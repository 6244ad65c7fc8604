// Typical mistakes against the public API, tried in a process of their own: libtorch ends a process for
// some of them, if they reach it.
using System.Reflection;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests;

/// <summary>
/// Each public method is a mistake; <see cref="NamesAttribute"/> has the words that its exception must say.
/// </summary>
internal static class Mistakes
{
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class NamesAttribute(string words) : Attribute
    {
        public string Words { get; } = words;
    }

    internal static IEnumerable<MethodInfo> All => typeof(Mistakes)
        .GetMethods(BindingFlags.Static | BindingFlags.Public)
        .Where(m => m.GetCustomAttribute<NamesAttribute>() is not null);

    [Names("sample: found shape [1, 3, 16, 16]")]
    public static void LatentsOfThreeChannels() => Predict(sample: randn(1, 3, 16, 16));

    [Names("sample: found shape [4, 16, 16]")]
    public static void LatentsWithoutABatch() => Predict(sample: randn(4, 16, 16));

    [Names("sample is Float64, expected Float32")]
    public static void LatentsInDoublePrecision() => Predict(sample: randn(1, 4, 16, 16).to(ScalarType.Float64));

    [Names("encoder_hidden_states: found shape [1, 77, 63]")]
    public static void TextOfAnotherEncoder() => Predict(text: randn(1, 77, 63));

    [Names("encoder_hidden_states is BFloat16, expected Float32")]
    public static void TextInHalfPrecision() => Predict(text: randn(1, 77, 64).to(ScalarType.BFloat16));

    [Names("timestep: found shape [3]")]
    public static void AsManyTimestepsAsNobodyAskedFor() => Predict(timestep: tensor(new long[] { 1, 2, 3 }));

    [Names("text_embeds")]
    public static void NoPooledTextForSdxl() =>
        TinyModels.Unet().forward(randn(1, 4, 16, 16), tensor(1L), randn(1, 77, 64));

    [Names("expected 88")]
    public static void SizesOfTheRefiner() =>
        TinyModels.Unet().forward(randn(1, 4, 16, 16), tensor(1L), randn(1, 77, 64), randn(1, 40), randn(1, 5));

    [Names("found 2 residuals, expected 9")]
    public static void ResidualsOfAnotherControlNet() =>
        TinyModels.Unet().forward(randn(1, 4, 16, 16), tensor(1L), randn(1, 77, 64), randn(1, 40),
        randn(1, 6), down_block_additional_residuals: [randn(1, 16, 16, 16), randn(1, 16, 16, 16)],
            mid_block_additional_residual: randn(1, 32, 4, 4));

    [Names("residual 3: found shape [1, 16, 16, 16], expected [1, 16, 8, 8]")]
    public static void ResidualsOfAnotherSize() =>
        TinyModels.Unet().forward(randn(1, 4, 16, 16), tensor(1L), randn(1, 77, 64), randn(1, 40),
        randn(1, 6), down_block_additional_residuals: [.. Enumerable.Repeat(randn(1, 16, 16, 16), 9)],
            mid_block_additional_residual: randn(1, 32, 4, 4));

    [Names("controlnet_cond")]
    public static void ConditionOfAnotherSize() =>
        TinyModels.ControlNet().forward(randn(1, 4, 16, 16), tensor(1L), randn(1, 77, 64), randn(1, 3, 64, 64),
        text_embeds: randn(1, 40), time_ids: randn(1, 6));

    [Names("latents: found shape [1, 8, 8, 8]")]
    public static void LatentsOfAnotherVae() => TinyModels.Vae().decode(randn(1, 8, 8, 8));

    [Names("expected multiples of 8")]
    public static void ImageThatNoLatentFits() => TinyModels.Vae().encode(randn(1, 3, 60, 60));

    [Names("input_ids: found shape [1, 78]")]
    public static void TextThatIsTooLong() => TinyModels.TextEncoder().forward(zeros([1, 78], ScalarType.Int64));

    [Names("input_ids: found a token 99999")]
    public static void TokensOfAnotherVocabulary() =>
        TinyModels.TextEncoder().forward(full([1, 77], 99999L, ScalarType.Int64));

    [Names("expected [N, L, heads * d]")]
    public static void AttentionOverAnotherWidth() =>
        ScaledDotProduct.Attend(randn(1, 8, 16), randn(1, 9, 12), randn(1, 9, 12), heads: 4);

    [Names("expected one type")]
    public static void AttentionOfTwoTypes() =>
        ScaledDotProduct.Attend(randn(1, 8, 16), randn(1, 9, 16).to(ScalarType.BFloat16),
            randn(1, 9, 16).to(ScalarType.BFloat16), heads: 4);

    [Names("this block fails when it is computed again")]
    public static void BlockThatFailsOnTheWayBack()
    {
        var calls = 0;
        var weight = randn([4], requires_grad: true);
        using var result = GradientCheckpointing.Run(
            inputs => calls++ == 0 ? inputs[0] * 2
                : throw new InvalidDataException("this block fails when it is computed again"), [weight]);
        GradientCheckpointing.Backward(result.sum());
    }

    [Names("no parameters to train")]
    public static void TrainingOfNothing() =>
        Trainer.Run(new TrainerOptions { Steps = 1 }, new Dictionary<string, Parameter>(), step => 0, (batch, step) =>
            zeros(1));

    [Names("loss: found shape [2], expected a scalar")]
    public static void LossThatIsNotAScalar()
    {
        var weight = new Parameter(randn(2));
        Trainer.Run(new TrainerOptions { Steps = 1 }, new Dictionary<string, Parameter> { ["weight"] = weight }, step =>
            0, (batch, step) => weight * 2);
    }

    [Names("steps")]
    public static void NoSteps() => SamplingPlan.Create(new SamplerConfig(), 0);

    [Names("Overlap")]
    public static void TilesThatOverlapWhole() => new TileGrid(16, 16).Cover(64, 64);

    [Names("the file is not there")]
    public static void WeightsThatAreNotThere() => WeightFiles.Open("nowhere.safetensors");

    private static void Predict(Tensor? sample = null, Tensor? timestep = null, Tensor? text = null) =>
        TinyModels.Unet().forward(sample ?? randn(1, 4, 16, 16), timestep ?? tensor(1L), text ?? randn(1, 77, 64),
            randn(1, 40), randn(1, 6));
}
