using System.Text.Json;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

public sealed class TrainingGoldenTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly UNet2DConditionModel unet = TinyModels.Unet();
    private readonly SafeTensorsFile inputs = Goldens.Open(Goldens.Folder("training"), "inputs");
    private readonly SafeTensorsFile outputs = Goldens.Open(Goldens.Folder("training"), "outputs");

    public void Dispose()
    {
        inputs.Dispose();
        outputs.Dispose();
        unet.Dispose();
        scope.Dispose();
    }

    [Theory]
    [InlineData("eps", PredictionType.Epsilon, null, false)]
    [InlineData("eps", PredictionType.Epsilon, null, true)]
    [InlineData("v", PredictionType.Velocity, null, false)]
    [InlineData("eps_minsnr5", PredictionType.Epsilon, 5.0, false)]
    [InlineData("v_minsnr5", PredictionType.Velocity, 5.0, false)]
    public void LossAndGradientsEqualDiffusers(string name, PredictionType prediction, double? gamma, bool recompute)
    {
        unet.BlockRunner = recompute ? GradientCheckpointing.Run : null;
        using var loss = Loss(prediction, gamma);
        CheckLoss(name, loss);
        loss.backward();
        CheckGradients(name, Named(unet));
        using var optimizer = new AdamWOptimizer(Named(unet));
        double expected = outputs.Read(name + ".total_grad_norm").ToDouble();
        Assert.Equal(1, optimizer.GradientNorm() / expected, 1e-4);
    }

    [Fact]
    public void TheNoisyLatentsEqualDiffusers()
    {
        var schedule = NoiseSchedule.Create();
        Goldens.Near("noisy", schedule.AddNoise(inputs.Read("latents"), inputs.Read("noise"), inputs.Read("timesteps")),
            outputs.Read("eps.noisy_latents"), 2e-6);
    }

    // The tolerances of eps 1e-8 are wide where Adam turns the rounding of near-zero gradients into whole steps.
    [Theory]
    [InlineData("adamw_eps1e-3", 1e-3, null, 5e-5, 5e-5, 1e-4)]
    [InlineData("adamw", 1e-8, null, 5e-5, 2e-3, 1e-3)]
    [InlineData("adamw_clip1", 1e-8, 1.0, 5e-5, 2e-3, 1e-3)]
    public void ThreeStepsOfTheTrainerEqualDiffusers(string name, double epsilon, double? clip, double meanError,
        double maxError, double lossError)
    {
        var parameters = Named(unet);
        var losses = new List<double>();
        var options = new TrainerOptions { Steps = 3, LearningRate = 1e-3, ClipNorm = clip,
            Optimizer = new AdamWOptions(Epsilon: epsilon, WeightDecay: 0.01) };
        Trainer.Run(options, parameters, _ => 0, (_, _) => Loss(PredictionType.Epsilon, null), progress =>
        {
            losses.Add(progress.Loss);
            Compare(progress.Step);
        });
        using (no_grad())
            losses.Add(Loss(PredictionType.Epsilon, null).ToDouble());
        var expected = outputs.Read(name + ".losses").data<float>().ToArray();
        for (int i = 0; i < 4; i++)
            Assert.True(Math.Abs(losses[i] - expected[i]) <= lossError,
                $"loss {i}: {losses[i]:g7}, expected {expected[i]:g7}");

        void Compare(long step)
        {
            foreach (var entry in outputs.Header.Entries.Where(e =>
                e.Name.StartsWith($"{name}.step{step}.", StringComparison.Ordinal)))
            {
                using var inner = NewDisposeScope();
                var trained = parameters[entry.Name[$"{name}.step{step}.".Length..]];
                var error = (trained - outputs.Read(entry.Name)).abs().detach();
                Assert.True(error.max().ToDouble() <= maxError && error.mean().ToDouble() <= meanError,
                    $"{entry.Name}: largest error {error.max().ToDouble():g3}, mean {error.mean().ToDouble():g3}");
            }
        }
    }

    [Fact]
    public void LoraGradientsAndStepsEqualPeft()
    {
        foreach (var parameter in unet.parameters())
            parameter.requires_grad_(false);
        using var lora = Lora.Load(Path.Combine(Goldens.Folder("lora"), "attn.peft.safetensors"),
            new Dictionary<string, nn.Module> { ["unet"] = unet });
        var parameters = lora.Parameters;
        foreach (var parameter in parameters.Values)
            parameter.requires_grad_(true);
        var losses = new List<double>();
        var options = new TrainerOptions { Steps = 3, LearningRate = 1e-3, ClipNorm = null };
        bool first = true;
        Trainer.Run(options, parameters, _ => 0, (_, _) =>
        {
            if (first)
            {
                using var probe = Loss(PredictionType.Epsilon, null);
                probe.backward();
                CheckGradients("lora", parameters.ToDictionary(p => p.Key["unet.".Length..], p => p.Value));
                foreach (var parameter in parameters.Values)
                    parameter.grad!.zero_();
                first = false;
            }
            return Loss(PredictionType.Epsilon, null);
        }, progress => losses.Add(progress.Loss));
        var expected = outputs.Read("lora.losses").data<float>().ToArray();
        for (int i = 0; i < 3; i++)
            Assert.True(Math.Abs(losses[i] - expected[i]) <= 1e-3,
                $"loss {i}: {losses[i]:g7}, expected {expected[i]:g7}");
        foreach (var entry in outputs.Header.Entries.Where(e =>
            e.Name.StartsWith("lora.step3.", StringComparison.Ordinal)))
        {
            var error = (parameters["unet."
                + entry.Name["lora.step3.".Length..]].detach() - outputs.Read(entry.Name)).abs();
            Assert.True(error.max().ToDouble() <= 2e-3 && error.mean().ToDouble() <= 5e-5,
                $"{entry.Name}: {error.max().ToDouble():g3}, mean {error.mean().ToDouble():g3}");
        }
    }

    [Fact]
    public void ControlNetGradientsEqualDiffusers()
    {
        using var net = TinyModels.ControlNet();
        foreach (var parameter in unet.parameters())
            parameter.requires_grad_(false);
        using var loss = DiffusionLoss.OfNoise(NoiseSchedule.Create(), (noisy, t) =>
        {
            var control = net.forward(noisy, t, inputs.Read("encoder_hidden_states"), inputs.Read("controlnet_cond"),
                text_embeds: inputs.Read("text_embeds"), time_ids: inputs.Read("time_ids"));
            return unet.forward(noisy, t, inputs.Read("encoder_hidden_states"), inputs.Read("text_embeds"),
                inputs.Read("time_ids"),
                down_block_additional_residuals: control.Down, mid_block_additional_residual: control.Mid);
        }, inputs.Read("latents"), inputs.Read("noise"), inputs.Read("timesteps"));
        CheckLoss("controlnet", loss);
        loss.backward();
        CheckGradients("controlnet", Named(net));
    }

    private Tensor Loss(PredictionType prediction, double? gamma) =>
        DiffusionLoss.OfNoise(NoiseSchedule.Create(prediction: prediction),
        (noisy, t) => unet.forward(noisy, t, inputs.Read("encoder_hidden_states"), inputs.Read("text_embeds"),
            inputs.Read("time_ids")),
        inputs.Read("latents"), inputs.Read("noise"), inputs.Read("timesteps"), gamma);

    private void CheckLoss(string name, Tensor loss) =>
        Assert.Equal(1, loss.ToDouble() / outputs.Read(name + ".loss").ToDouble(), 1e-5);

    private void CheckGradients(string name, IReadOnlyDictionary<string, Parameter> parameters)
    {
        var entries = outputs.Header.Entries.Where(e => e.Name.StartsWith(name + ".grad.", StringComparison.Ordinal))
            .ToList();
        Assert.NotEmpty(entries);
        foreach (var entry in entries)
        {
            using var inner = NewDisposeScope();
            var expected = outputs.Read(entry.Name);
            double error = ((parameters[entry.Name[(name + ".grad.")
                .Length..]].grad! - expected).norm() / expected.norm()).ToDouble();
            Assert.True(error <= 1e-3, $"{entry.Name}: relative error {error:g3}");
        }
    }

    private static Dictionary<string, Parameter> Named(nn.Module module) =>
        module.named_parameters().ToDictionary(p => p.Item1, p => p.Item2, StringComparer.Ordinal);
}
