using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Training;
using SarSynth.FineTuning;
using SarSynth.Radar.Radiometry;
using static TorchSharp.torch;
using Adapter = SarSynth.Diffusion.Adapters.Lora;

namespace SarSynth.Tests.FineTuning;

[Collection("engine")]
public sealed class VaeTuningTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-vae-").FullName;
    private readonly FineTuneRecipe recipe;

    public VaeTuningTests() => recipe = new FineTuneRecipe
    {
        Base = TinyBase.Write(At("base")), Data = TinyBase.WriteTiles(At("tiles")), Steps = 4, Batch = 2,
        Strategy = [Vae.Full(1e-3)], Schedule = new(LrShape.Constant), CheckpointEvery = 2,
        Validation = new ValidationRecipe { Every = 2, Tiles = 2, Prompts = [], Steps = 2 }, Device = "cpu",
    };

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(params string[] path) => Path.Combine([folder, .. path]);

    [Theory]
    [InlineData("whole")]
    [InlineData("decoder")]
    [InlineData("lora")]
    public void AStrategyChangesWhatItNamesAndTheFolderOpens(string which)
    {
        var strategy = which switch
        {
            "decoder" => Vae.Decoder(1e-3), "lora" => Vae.Lora(4, 1e-2), _ => Vae.Full(1e-3),
        };
        var lines = new List<FineTuneLine>();
        var result = FineTune.Run(recipe with { Strategy = [strategy] }, At("out"), lines.Add);
        Assert.All(lines, l => Assert.Equal("autoencoder", l.Stage));
        Assert.All(lines.SelectMany(l => l.Samples!), s =>
        {
            Assert.True(File.Exists(At("out", "training", "vae", s.File)));
            Assert.True(double.IsFinite(s.AmplitudeKl) && s.CoefficientOfVariation > 0);
        });
        Assert.Equal(which == "lora" ? ["vae", "vae lora"] : ["vae"], result.Made.Keys);

        using var before = LatentDiffusion.Load(recipe.Base);
        using var after = ModelFolder.Load<AutoencoderKL>(At("out", "vae"));
        var changed = before.Vae.named_parameters().Zip(after.parameters())
            .Where(p => !p.First.parameter.allclose(p.Second, 0, 0)).Select(p => p.First.name).ToList();
        Assert.Contains(changed, name => name.StartsWith("decoder."));
        Assert.Equal(which != "decoder", changed.Any(name => name.StartsWith("encoder.")));
        if (which != "lora")
            return;
        Assert.All(changed, name => Assert.EndsWith(".weight", name));
        // The file alone leads from the base to the folder.
        using var lora = Adapter.Load(At("out", "vae_lora.safetensors"),
            new Dictionary<string, nn.Module> { ["vae"] = before.Vae });
        lora.Fuse();
        Assert.All(before.Vae.parameters().Zip(after.parameters()), p => Assert.True(p.First.allclose(p.Second)));
    }

    [Fact]
    public void TheLossFallsAndReconstructionsComeNearer()
    {
        var lines = new List<FineTuneLine>();
        FineTune.Run(recipe with
        {
            Strategy = [Vae.Full(2e-3)], Steps = 90, CheckpointEvery = 100,
            Validation = recipe.Validation with { Every = 9 },
        }, At("out"), lines.Add);
        var looks = lines.Where(l => l.Validation is not null).ToList();
        Assert.True(looks[^1].Validation < 0.8 * looks[0].Validation,
            string.Join(", ", looks.Select(l => l.Validation)));
        Assert.True(looks[^1].Samples!.Average(s => s.AmplitudeKl) < looks[0].Samples!.Average(s => s.AmplitudeKl));
    }

    /// <summary>Blocks that are computed again give the same gradients, and 16 bits nearly the same.</summary>
    [Theory]
    [InlineData("whole")]
    [InlineData("decoder")]
    [InlineData("lora")]
    public void GradientsAreThoseOfFloat32WhereBlocksAreComputedAgainAndInSixteenBits(string which)
    {
        var strategy = (which switch
        {
            "decoder" => Vae.Decoder(), "lora" => Vae.Lora(4), _ => Vae.Full(),
        }) with { Loss = new AutoencoderLossRecipe { L1 = 0, L2 = 1, Kl = 1e-3 } };
        Dictionary<string, Tensor> Gradients(bool again, Precision precision)
        {
            using var model = LatentDiffusion.Load(recipe.Base, new(Type: ScalarType.Float32));
            using var tuned = new VaeTuning(recipe with
            {
                Strategy = [strategy], GradientCheckpointing = again, Precision = precision,
            }, model, new TileTensors(3, null, null));
            using var generator = SarSynth.Diffusion.Samplers.Seeded.Generator(3);
            var tile = new Tile
            {
                Key = "tile", Source = "test", IsNormalised = true, Image = new SarSynth.Radar.Images.AmplitudeImage(
                    32, 32, [.. Enumerable.Range(0, 32 * 32).Select(p => 0.5f + 0.4f * MathF.Sin(p * 0.37f))]),
            };
            using var loss = tuned.Loss([new CutTile(tile, 32, 32, 0, 0)], new TrainingStep(0, 0, generator, 0));
            SarSynth.Diffusion.Memory.GradientCheckpointing.Backward(loss);
            tuned.Autocast?.CollectGradients();
            return tuned.Parameters.Where(p => p.Value.grad is not null)
                .ToDictionary(p => p.Key, p => p.Value.grad!.detach().clone());
        }
        double Norm(IEnumerable<Tensor> parts) => Math.Sqrt(parts.Sum(t => t.square().sum().ToDouble()));
        double Apart(Dictionary<string, Tensor> a, Dictionary<string, Tensor> b)
        {
            Assert.Equal(a.Keys.Order(), b.Keys.Order());
            return Norm(a.Select(p => p.Value.sub(b[p.Key]))) / Norm(a.Values);
        }
        var exact = Gradients(false, Precision.Float32);
        Assert.InRange(Apart(exact, Gradients(true, Precision.Float32)), 0, 1e-5);
        // Rounded to 8 bits layer by layer: some per cent in all.
        Assert.InRange(Apart(exact, Gradients(true, Precision.Bfloat16)), 1e-5, 0.1);
    }

    [Fact]
    public void AStoppedRunOfBothStagesEndsWithTheSameBytes()
    {
        var both = recipe with
        {
            Strategy = [Vae.Full(1e-3) with { Steps = 3, Adversarial = new() { Start = 1, Width = 8 } },
                Full.Unet(1e-3)],
            EmaDecay = 0.9,
        };
        FineTune.Run(both, At("whole"));
        // In the first stage, at its end, in the second.
        foreach (var stop in new[] { 1, 3, 5 })
        {
            using var cancel = new CancellationTokenSource();
            var lines = 0;
            Assert.ThrowsAny<OperationCanceledException>(() => FineTune.Run(
                both with { Validation = both.Validation with { Every = 1 } }, At("stopped"), _ =>
                {
                    if (++lines == (stop == 1 ? 1 : 2))
                        cancel.Cancel();
                }, cancel.Token));
        }
        FineTune.Run(both, At("stopped"));
        foreach (var file in new[] { "vae/diffusion_pytorch_model.safetensors",
            "pipeline/unet/diffusion_pytorch_model.safetensors", "pipeline/vae/diffusion_pytorch_model.safetensors" })
            Assert.True(File.ReadAllBytes(At("whole", file)).AsSpan()
                .SequenceEqual(File.ReadAllBytes(At("stopped", file))), file);
        // The pipeline has the autoencoder that its UNet learned on.
        Assert.Equal(File.ReadAllBytes(At("whole", "vae", "diffusion_pytorch_model.safetensors")),
            File.ReadAllBytes(At("whole", "pipeline", "vae", "diffusion_pytorch_model.safetensors")));
    }

    [Fact]
    public void CombinationsThatCannotBeNameWhy()
    {
        string Message(params Strategy[] wrong) =>
            Assert.Throws<ArgumentException>((recipe with { Strategy = wrong }).Check).Message;
        Assert.Contains("its latents change", Message(Vae.Full(), Lora.TextEncoders()));
        Assert.Contains("its latents change", Message(Vae.Lora(), Strategies.Control()));
        Assert.Contains("each would train", Message(Vae.Full(), Vae.Decoder()));
        Assert.Contains("of encoder and decoder", Message(Vae.Decoder() with { Rank = 4 }));
        (recipe with { Strategy = [Vae.Decoder(), Strategies.Token()] }).Check();
        (recipe with { Strategy = [Vae.Full(), Lora.Unet()] }).Check();
        var layers = Assert.Throws<ArgumentException>(() => FineTune.Run(
            recipe with { Strategy = [Vae.Lora() with { Targets = ["conv9"] }] }, At("out")));
        Assert.Contains("conv9", layers.Message);
    }

    [Fact]
    public void PixelsWithoutDataTeachNothing()
    {
        using var model = LatentDiffusion.Load(recipe.Base);
        var error = Vae.Full() with { Loss = new AutoencoderLossRecipe { L1 = 1, Kl = 0 } };
        using var tuned = new VaeTuning(recipe with { Strategy = [error] }, model, new TileTensors(3, null, null));
        Tile Tile(Func<int, float> pixel) => new()
        {
            Key = "tile", Source = "test", IsNormalised = true,
            Image = new SarSynth.Radar.Images.AmplitudeImage(32, 32, [.. Enumerable.Range(0, 32 * 32).Select(pixel)]),
        };
        double Gradients(Tile tile)
        {
            using var generator = SarSynth.Diffusion.Samplers.Seeded.Generator(3);
            using var loss = tuned.Loss([new CutTile(tile, 32, 32, 0, 0)], new TrainingStep(0, 0, generator, 0));
            loss.backward();
            var bias = model.Vae.named_parameters().Single(p => p.name == "decoder.conv_out.bias").parameter;
            var size = bias.grad!.abs().sum().ToDouble();
            bias.grad = null!;
            return size;
        }
        Assert.True(Gradients(Tile(p => p % 32 < 16 ? 0.4f : 0)) > 0);
        Assert.True(Gradients(Tile(p => p == 0 ? 0.4f : float.NaN)) < 0.1 * Gradients(Tile(_ => 0.4f)));
        Assert.Equal(0, Gradients(Tile(_ => float.NaN)));
    }

    /// <summary>Standardised logarithms go beyond one: a bright target is not cut off where samples are
    /// measured.</summary>
    [Fact]
    public void AmplitudesOfALogarithmicModelAreNotClipped()
    {
        var log = new LogNormalisation(-1.5, 0.7, 0.05);
        using var decoded = full([1, 1, 2, 2], 2.5f);
        Assert.All(new TileTensors(1, log, null).Amplitude(decoded).Pixels,
            a => Assert.Equal(Math.Exp(2.5 * 0.7 - 1.5) - 0.05, a, 1e-5));
        Assert.All(new TileTensors(1, null, null).Amplitude(decoded).Pixels, a => Assert.Equal(1, a));
    }

    [Fact]
    public void AnEstimateCountsTheAutoencoderAndItsRival()
    {
        var estimate = FineTune.Estimate(recipe with
        {
            Strategy = [Vae.Decoder() with { Adversarial = new() { Width = 8 } }, Lora.Unet(4)],
        });
        using var model = LatentDiffusion.Load(recipe.Base);
        Assert.Equal(model.Vae.named_parameters().Where(p => p.name.StartsWith("decoder.")
            || p.name.StartsWith("post_quant_conv.")).Sum(p => p.parameter.NumberOfElements), estimate.Trained["vae"]);
        // 4 x 4 kernels: 3 to 8, 8 to 16, 16 to 32, 32 to 1, with biases, and two pairs of weights of groups.
        Assert.Equal(16 * (3 * 8 + 8 * 16 + 16 * 32 + 32) + 8 + 16 + 32 + 1 + 2 * (16 + 32),
            estimate.Trained["discriminator"]);
        Assert.Equal(["autoencoder", "denoiser"], estimate.StepSeconds.Keys);
        Assert.All(estimate.StepSeconds.Values, s => Assert.True(s > 0));
        Assert.Equal(4 * estimate.StepSeconds.Values.Sum(), estimate.Seconds!.Value, 6);
    }
}
