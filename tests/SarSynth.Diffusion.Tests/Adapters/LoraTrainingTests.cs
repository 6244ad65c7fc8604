using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Adapters;

/// <summary>Low-rank updates that are made here: created, trained beside others, and taken from two models.</summary>
public sealed class LoraTrainingTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly UNet2DConditionModel unet = TinyModels.Unet();

    public void Dispose()
    {
        unet.Dispose();
        scope.Dispose();
    }

    [Fact]
    public void LayersOfAllKindsAndModelsAreFoundByTheirNames()
    {
        using var first = TinyModels.TextEncoder();
        using var second = TinyModels.TextEncoder2();
        var components = new Dictionary<string, nn.Module>
        {
            ["unet"] = unet, ["text_encoder"] = first, ["text_encoder_2"] = second,
        };
        var before = Predict();
        using var lora = Lora.Create(components, [.. Lora.UNetAttention, .. Lora.TextAttention, "conv1", "proj_in"],
            rank: 3, alpha: 6);
        Assert.All(lora.Layers.Values, l => Assert.Equal((3, 2.0), (l.Rank, l.Scale)));
        var names = lora.Layers.Keys.ToList();
        Assert.Contains("unet.down_blocks.0.resnets.0.conv1", names);
        Assert.Contains("text_encoder.text_model.encoder.layers.0.self_attn.out_proj", names);
        Assert.Contains(names, n => n.StartsWith("text_encoder_2."));
        Assert.DoesNotContain(names, n => n.Contains("conv_shortcut") || n.EndsWith("conv2") || n.EndsWith("fc1"));
        Assert.Equal(0, Goldens.MaxError(Predict(), before)); // B is zero.
        var convolution = lora.Layers["unet.down_blocks.0.resnets.0.conv1"];
        Assert.Equal([3, 16, 3, 3], convolution.Down.shape);
        Assert.Equal([16, 3, 1, 1], convolution.Up.shape);
        // Uniform within 1 / sqrt(144).
        Assert.InRange(convolution.Down.abs().max().ToDouble(), 0.9 / 12, 1.0 / 12);
        Assert.Equal(1.0 / 12 / Math.Sqrt(3), convolution.Down.std().ToDouble(), 0.005);
    }

    [Fact]
    public void RankStabilisationDividesByTheRoot()
    {
        using var plain = Lora.Create(Unet(), ["to_q"], rank: 16, alpha: 8);
        using var stabilised = Lora.Create(Unet(), ["to_q"], rank: 16, alpha: 8, stabilised: true);
        using var usual = Lora.Create(Unet(), ["to_q"], rank: 16, stabilised: true);
        Assert.Equal((0.5, 2.0, 1.0), (plain.Layers.Values.First().Scale, stabilised.Layers.Values.First().Scale,
            usual.Layers.Values.First().Scale));
    }

    [Fact]
    public void ATargetThatIsNotThereIsNamed()
    {
        var message = Assert.Throws<ArgumentException>(() => Lora.Create(Unet(), ["to_q", "to_z"], rank: 2)).Message;
        Assert.Contains("no layer of unet is named to_z; their layers' names end in", message);
        Assert.Contains("to_q", message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void DropoutLeavesOutInputsOfTheUpdateAlone(bool convolution)
    {
        nn.Module<Tensor, Tensor> layer = convolution ? nn.Conv2d(4000, 1, 1) : nn.Linear(4000, 1);
        var module = new Holder(layer);
        using var lora = Lora.Create(new Dictionary<string, nn.Module> { ["unet"] = module }, ["to_q"],
            rank: 1, dropout: 0.25);
        using var noGradients = no_grad();
        lora.Layers.Values.Single().Down.fill_(1.0 / 4000);
        lora.Layers.Values.Single().Up.fill_(1);
        var ones = convolution ? torch.ones(300, 4000, 1, 1) : torch.ones(300, 4000);
        lora.Training = false;
        var off = layer.call(ones).flatten();
        lora.Scale = 0;
        var plain = layer.call(ones).flatten();
        Goldens.Near("off", off - plain, torch.ones(300), 1e-4);
        lora.Scale = 1;
        lora.Training = true;
        // The mean of 4000 inputs, each 4/3 with probability 3/4: mean 1, deviation sqrt(1/3 / 4000).
        var on = (layer.call(ones).flatten() - plain).to(ScalarType.Float64);
        Assert.Equal(1, on.mean().ToDouble(), 0.003);
        Assert.Equal(Math.Sqrt(1.0 / 3 / 4000), on.std().ToDouble(), 0.0015);
        lora.Fuse();
        Goldens.Near("fused", layer.call(ones).flatten() - plain, torch.ones(300), 1e-3);
    }

    [Fact] // Drop-out falls the same when a block is computed again.
    public void CheckpointedBlocksDrawTheSameDropout()
    {
        Dictionary<string, Tensor> Gradients(bool recompute)
        {
            using var own = TinyModels.Unet();
            foreach (var parameter in own.parameters())
                parameter.requires_grad_(false);
            own.BlockRunner = recompute ? GradientCheckpointing.Run : null;
            using var lora = Lora.Create(new Dictionary<string, nn.Module> { ["unet"] = own }, ["to_q", "conv1"],
                rank: 2, seed: 1, dropout: 0.5);
            using (no_grad())
                foreach (var layer in lora.Layers.Values)
                    layer.Up.copy_(randn(layer.Up.shape, generator: new Generator(9)));
            manual_seed(4);
            GradientCheckpointing.Backward(Predict(own, gradients: true).square().mean());
            Assert.Equal(lora.Parameters.Count, lora.Parameters.Values.Count(p => p.grad is not null));
            return lora.Parameters.ToDictionary(p => p.Key, p => p.Value.grad!.clone());
        }
        var (plain, again) = (Gradients(false), Gradients(true));
        foreach (var (name, gradient) in plain)
            Goldens.Near(name, again[name], gradient, 1e-5 * Math.Max(1, Goldens.AbsMax(gradient)));
    }

    [Theory] // On a model that is in mixed precision already, and the other way round.
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(true, false)]
    public void UpdatesTrainUnderAutocast(bool dora, bool castFirst)
    {
        foreach (var parameter in unet.parameters())
            parameter.requires_grad_(false);
        var before = Predict();
        Tensor narrow;
        using (new Autocast(unet))
            narrow = Predict().to(ScalarType.Float32);
        var cast = castFirst ? new Autocast(unet) : null;
        using var lora = Lora.Create(Unet(), ["to_q", "to_v", "conv2"], rank: 4, dora: dora);
        cast ??= new Autocast(unet);
        Tensor trained;
        using (cast)
        {
            // B is zero: not a bit is another. A magnitude over its weight's norm is one but for the weight's rounding.
            var start = Predict().to(ScalarType.Float32);
            Assert.InRange(Relative(start, narrow), 0, dora ? 1.5 * Relative(narrow, before) : 0);
            var target = before * 0.5;
            var losses = new List<double>();
            var options = new TrainerOptions { Steps = 12, LearningRate = 1e-2, Autocast = cast };
            Trainer.Run(options, lora.Parameters, _ => 0,
                (_, _) => (Predict(gradients: true).to(ScalarType.Float32) - target).square().mean(),
                p => losses.Add(p.Loss)).Dispose();
            Assert.True(losses[^1] < 0.7 * losses[0], $"{losses[0]:g3} to {losses[^1]:g3}");
            Assert.All(lora.Parameters.Values, p => Assert.Equal(ScalarType.Float32, p.dtype));
            trained = Predict().to(ScalarType.Float32);
        }
        // The same update without the casts is as near as the model was without an update.
        var plain = Predict();
        Assert.True(Relative(plain, before) > 0.1);
        Assert.InRange(Relative(trained, plain), 0, 3 * Relative(narrow, before));
    }

    [Fact]
    public void AWordOfSeveralVectorsTrainsBesideALoraByItsOwnRate()
    {
        var tokenizer = ClipTokenizer.Train(["radar image of a forest"], 560);
        using var encoder = TinyModels.TextEncoder();
        foreach (var parameter in encoder.parameters())
            parameter.requires_grad_(false);
        using var word = LearnedToken.Create("<sar>", tokenizer, encoder.TokenEmbedding, like: "forest", vectors: 3);
        using var other = LearnedToken.Create("<sea>", tokenizer, encoder.TokenEmbedding, like: "forest", vectors: 2);
        using var lora = Lora.Create(new Dictionary<string, nn.Module> { ["text_encoder"] = encoder },
            Lora.TextAttention, rank: 2);
        using var table = encoder.TokenEmbedding.weight!.detach().clone();
        var start = word.Vectors.detach().clone();
        var parameters = new Dictionary<string, Parameter>(lora.Parameters)
        {
            ["token.<sar>"] = word.Vectors, ["token.<sea>"] = other.Vectors,
        };
        var ids = tensor(tokenizer.EncodePadded(word.Expand("image of a <sar>")).Ids).unsqueeze(0);
        var target = randn([1, 77, 24], generator: new Generator(3));
        var losses = new List<double>();
        var options = new TrainerOptions
        {
            Steps = 40, LearningRate = 1, ClipNorm = null, Optimizer = new AdamWOptions(WeightDecay: 0),
            Groups = [new("text_encoder", 1e-3), new("token", 0.02), new("token.<sea>", 0.5)],
        };
        Trainer.Run(options, parameters, _ => 0,
            (_, _) => (encoder.forward(ids).LastHiddenState - target).square().mean(), p =>
            {
                losses.Add(p.Loss);
                if (p.Step == 1) // AdamW's first step is the rate, up or down: each of the vectors by the word's own.
                    Goldens.Near("first step", (word.Vectors.detach() - start).abs(), full_like(start, 0.02), 1e-4);
            }).Dispose();
        Assert.True(losses[^1] < losses[0]);
        Assert.Equal(3, (word.Vectors.detach() - start).abs().amax([1]).gt(0.05).sum().ToInt64()); // All three went on.
        Goldens.Near("a word that no prompt has", other.Vectors.detach(), start.narrow(0, 0, 2), 0);
        Assert.Equal(0, Goldens.MaxError(encoder.TokenEmbedding.weight!.detach(), table));
        word.Bake();
        using var baked = encoder.TokenEmbedding.weight!.detach().clone();
        var rows = baked.ne(table).any(1).nonzero().flatten().data<long>().ToArray();
        Assert.Equal(tokenizer.EncodePadded(word.Expand("<sar>")).Ids[1..4], rows);
    }

    [Theory]
    [InlineData(4, null)] // The rank that the update has.
    [InlineData(null, 0.9999999)]
    [InlineData(9, 1.0)]
    public void WhatWasFusedIsExtracted(int? rank, double? energy)
    {
        using var tuned = TinyModels.Unet();
        var components = new Dictionary<string, nn.Module> { ["unet"] = tuned };
        using var put = Lora.Load(Path.Combine(Goldens.Folder("lora"), "attn.kohya_alpha2.safetensors"), components);
        put.Fuse();
        var expected = Predict(tuned);
        var shares = new List<double>();
        var (lora, kept, left) = Lora.Extract(Unet(), components, rank, energy, progress: shares.Add);
        using var extracted = lora;
        Assert.Equal(put.Layers.Keys.Order(), lora.Layers.Keys.Order());
        Assert.All(lora.Layers.Values, l => Assert.InRange(l.Rank, 1, rank is 9 ? 9 : 4));
        Assert.Equal(1, kept, 1e-6);
        Assert.Empty(left);
        Goldens.Near("extracted", Predict(), expected, 2e-4);
        Assert.Equal(1, shares[^1]);
        var file = Path.GetTempFileName();
        try
        {
            lora.Save(file);
            using var third = TinyModels.Unet();
            using var read = Lora.Load(file, new Dictionary<string, nn.Module> { ["unet"] = third });
            Goldens.Near("saved", Predict(third), expected, 2e-4);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact] // A diagonal difference: its singular values are known, and what a rank or an energy keeps of them.
    public void RankAndEnergyKeepTheLargestSingularValues()
    {
        double[] values = [8, 4, 2, 1, 0.5];
        var (before, after) = (nn.Linear(7, 5), nn.Linear(7, 5));
        using var noGradients = no_grad();
        var difference = zeros(5, 7);
        var rows = linalg.qr(randn([5, 5], generator: new Generator(1))).Q;
        var columns = linalg.qr(randn([7, 7], generator: new Generator(2))).Q;
        difference.narrow(1, 0, 5).copy_(diag(tensor(values.Select(v => (float)v).ToArray())));
        difference = rows.mm(difference).mm(columns);
        after.weight.copy_(before.weight + difference);
        after.bias!.copy_(before.bias! + 1);
        static Dictionary<string, nn.Module> Held(Linear layer) => new() { ["unet"] = new Holder(layer) };
        LoraExtraction Extract(int? rank, double? energy) => Lora.Extract(Held(before), Held(after), rank, energy);
        double total = values.Sum(v => v * v);
        foreach (var (rank, energy, expected) in new (int?, double?, int)[]
        {
            (2, null, 2), (null, 0.8, 2), (null, 0.938, 2), (null, 0.939, 3), (1, 0.99, 1),
        })
        {
            var found = Extract(rank, energy);
            using (found.Lora)
            {
                var layer = found.Lora.Layers.Values.Single();
                Assert.Equal(expected, layer.Rank);
                Assert.Equal(values.Take(expected).Sum(v => v * v) / total, found.Kept, 1e-5);
                Assert.Equal(["unet.to_q.bias"], found.LeftOut);
                // The nearest of that rank: what is left has the other singular values.
                double rest = (difference - layer.Up.mm(layer.Down)).norm().ToDouble();
                Assert.Equal(Math.Sqrt(values.Skip(expected).Sum(v => v * v)), rest, 1e-4);
                Assert.Equal(layer.Up.norm().ToDouble(), layer.Down.norm().ToDouble(), 1e-3);
            }
        }
        Assert.Throws<ArgumentException>(() => Extract(null, null));
        Assert.Throws<ArgumentOutOfRangeException>(() => Extract(null, 1.5));
        var same = Held(before);
        Assert.Contains("do not differ",
            Assert.Throws<ArgumentException>(() => Lora.Extract(same, same, 2)).Message);
        Assert.Contains("unet.to_q is [5, 7]; the tuned model has [5, 6]",
            Assert.Throws<ArgumentException>(() => Lora.Extract(same, Held(nn.Linear(6, 5)), 2)).Message);
    }

    private static double Relative(Tensor found, Tensor expected) =>
        ((found - expected).norm() / expected.norm()).ToDouble();

    private Dictionary<string, nn.Module> Unet() => new() { ["unet"] = unet };

    private Tensor Predict(bool gradients = false) => Predict(unet, gradients);

    private static Tensor Predict(UNet2DConditionModel model, bool gradients = false)
    {
        using var mode = set_grad_enabled(gradients);
        using var inputs = Goldens.Open(Goldens.Folder("unet_sdxl"), "inputs");
        return model.forward(inputs.Read("base.sample"), inputs.Read("base.timestep"),
            inputs.Read("base.encoder_hidden_states"), inputs.Read("base.text_embeds"), inputs.Read("base.time_ids"));
    }

    private sealed class Holder : nn.Module
    {
        public Holder(nn.Module<Tensor, Tensor> layer)
            : base("holder") => register_module("to_q", layer);
    }
}
