using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Models;

public sealed class ModelBehaviourTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("models").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static T Open<T>(string name, WeightOptions? options = null) where T : nn.Module, IPretrainedModel<T> =>
        ModelFolder.Load<T>(TestData.Golden($"diffusion/{name}"), options);

    private static Dictionary<string, Tensor> Inputs(string name)
    {
        using var file = SafeTensorsFile.Open(TestData.Golden($"diffusion/{name}/inputs.safetensors"));
        return file.Header.Entries.ToDictionary(e => e.Name, e => file.Read(e.Name));
    }

    private static double Difference(Tensor a, Tensor b) => (a - b).abs().max().ToDouble();

    private static Tensor Run(UNet2DConditionModel unet, Dictionary<string, Tensor> inputs,
        ControlNetOutput? control = null, TextCache? cache = null) => unet.forward(
        inputs["base.sample"], inputs["base.timestep"], inputs["base.encoder_hidden_states"],
        inputs["base.text_embeds"], inputs["base.time_ids"],
        down_block_additional_residuals: control?.Down, mid_block_additional_residual: control?.Mid, cache: cache);

    [Fact]
    public void ASavedModelIsTheSameModel()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var unet = Open<UNet2DConditionModel>("unet_sdxl");
        var files = ModelFolder.Save(unet, folder, shardBytes: 1_000_000);
        Assert.True(files.Count > 3);
        var again = ModelFolder.Load<UNet2DConditionModel>(folder);
        var inputs = Inputs("unet_sdxl");
        Assert.Equal(0, Difference(Run(unet, inputs), Run(again, inputs)));
        Assert.Equal(unet.state_dict().Keys.Order(), again.state_dict().Keys.Order());
    }

    [Fact]
    public void StateDictHasExactlyTheCheckpointsKeys()
    {
        foreach (var name in new[] { "unet_sdxl", "unet_sd15" })
        {
            using var unet = Open<UNet2DConditionModel>(name);
            using var weights = WeightFiles.Open(TestData.Golden($"diffusion/{name}"));
            Assert.Equal(weights.Names.Order(StringComparer.Ordinal),
                unet.state_dict().Keys.Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void MappedAndCopiedWeightsComputeTheSame()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var inputs = Inputs("unet_sdxl");
        var copied = Run(Open<UNet2DConditionModel>("unet_sdxl", new(Mapped: false)), inputs);
        Goldens.Near("mapped", Run(Open<UNet2DConditionModel>("unet_sdxl", new(Mapped: true)), inputs), copied,
            Goldens.AlignmentRounding * Goldens.AbsMax(copied));
    }

    [Fact]
    public void WeightsThatDoNotFitAreListed()
    {
        using var scope = NewDisposeScope();
        var golden = TestData.Golden("diffusion/vae");
        Dictionary<string, Tensor> values;
        using (var weights = WeightFiles.Open(golden))
            values = weights.Names.ToDictionary(n => n, n => weights.Read(n));
        values.Remove("decoder.conv_in.bias");
        values.Add("decoder.conv_inn.bias", zeros([32]));
        values["encoder.conv_in.weight"] = zeros([8, 1, 3, 3]);
        File.Copy(Path.Combine(golden, "config.json"), Path.Combine(folder, "config.json"));
        SafeTensors.Save(Path.Combine(folder, "diffusion_pytorch_model.safetensors"), values);
        var error = Assert.Throws<CheckpointException>(() => ModelFolder.Load<AutoencoderKL>(folder));
        Assert.Contains("1 missing: decoder.conv_in.bias", error.Message);
        Assert.Contains("1 unexpected: decoder.conv_inn.bias", error.Message);
        Assert.Contains("1 of another shape: 'encoder.conv_in.weight' is [8, 1, 3, 3], expected [8, 3, 3, 3]",
            error.Message);
    }

    [Fact]
    public void OldVaeNamesAreUnderstood()
    {
        using var scope = NewDisposeScope();
        var golden = TestData.Golden("diffusion/vae");
        Dictionary<string, Tensor> values;
        using (var weights = WeightFiles.Open(golden))
        {
            values = weights.Names.ToDictionary(
                n => n.Contains("mid_block.attentions") ? n.Replace("to_q", "query").Replace("to_k", "key")
                    .Replace("to_v", "value").Replace("to_out.0", "proj_attn") : n,
                n => n.Contains(".to_") && n.EndsWith("weight") ? weights.Read(n).unsqueeze(-1).unsqueeze(-1)
                    : weights.Read(n));
        }
        File.Copy(Path.Combine(golden, "config.json"), Path.Combine(folder, "config.json"));
        SafeTensors.Save(Path.Combine(folder, "diffusion_pytorch_model.safetensors"), values);
        using var old = ModelFolder.Load<AutoencoderKL>(folder);
        using var current = Open<AutoencoderKL>("vae");
        using var grad = no_grad();
        var latents = Inputs("vae")["decode.latents"];
        Assert.Equal(0, Difference(old.decode(latents), current.decode(latents)));
    }

    [Fact]
    public void AnotherClassIsNamed()
    {
        var error = Assert.Throws<CheckpointException>(() => Open<AutoencoderKL>("unet_sdxl"));
        Assert.Contains("UNet2DConditionModel, expected a AutoencoderKL", error.Message);
    }

    [Fact]
    public void AFreshControlNetChangesNothingAndATrainedOneDoes()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var unet = Open<UNet2DConditionModel>("unet_sdxl");
        var inputs = Inputs("unet_sdxl");
        var control = ControlNetModel.FromUNet(unet, conditioningChannels: 1,
            conditioningEmbeddingOutChannels: [4, 8, 16]);
        var condition = rand([2, 1, 64, 64]);
        var output = control.forward(
            inputs["base.sample"], inputs["base.timestep"], inputs["base.encoder_hidden_states"], condition,
            text_embeds: inputs["base.text_embeds"], time_ids: inputs["base.time_ids"]);
        Assert.Equal(0, Difference(Run(unet, inputs), Run(unet, inputs, output)));
        var copied = control.state_dict().Where(p => unet.state_dict().ContainsKey(p.Key)).ToList();
        Assert.True(copied.Count > 100);
        Assert.All(copied, p => Assert.True(p.Value.eq(unet.state_dict()[p.Key]).all().ToBoolean(), p.Key));
        Assert.Throws<ArgumentException>(() =>
            control.forward(inputs["base.sample"], inputs["base.timestep"], inputs["base.encoder_hidden_states"],
            rand([2, 1, 128, 128])));
    }

    [Fact]
    public void SeveralControlNetsAdd()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var net = Open<ControlNetModel>("controlnet_sdxl");
        var inputs = Inputs("controlnet_sdxl");
        Tensor sample = inputs["base.sample"], t = inputs["base.timestep"], text = inputs["base.encoder_hidden_states"],
            condition = inputs["base.controlnet_cond"];
        Tensor pooled = inputs["base.text_embeds"], ids = inputs["base.time_ids"];
        var one = net.forward(sample, t, text, condition, text_embeds: pooled, time_ids: ids);
        var two = new MultiControlNet(net, net).forward(sample, t, text, [condition, condition], [0.25, 0.5],
            text_embeds: pooled, time_ids: ids);
        foreach (var (a, b) in one.Down.Append(one.Mid).Zip(two.Down.Append(two.Mid)))
            Assert.True(Difference(a * 0.75, b) < 1e-5);
    }

    [Fact]
    public void KeptTextGivesTheSameResult()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var unet = Open<UNet2DConditionModel>("unet_sdxl");
        var inputs = Inputs("unet_sdxl");
        using var cache = new TextCache();
        var plain = Run(unet, inputs);
        Assert.Equal(0, Difference(plain, Run(unet, inputs, cache: cache)));
        Assert.Equal(0, Difference(plain, Run(unet, inputs, cache: cache)));
        inputs["base.encoder_hidden_states"] = inputs["base.encoder_hidden_states"] * 2;
        Assert.Equal(0, Difference(plain, Run(unet, inputs, cache: cache)));
        cache.Clear();
        Assert.True(Difference(plain, Run(unet, inputs, cache: cache)) > 1e-3);
    }

    [Fact]
    public void WithAndWithoutGradientsTheResultIsTheSame()
    {
        using var scope = NewDisposeScope();
        var unet = Open<UNet2DConditionModel>("unet_sdxl", new(Mapped: false));
        var inputs = Inputs("unet_sdxl");
        var watched = Run(unet, inputs);
        Assert.True(watched.requires_grad);
        using var grad = no_grad();
        Assert.True(Difference(watched, Run(unet, inputs)) < 2e-6);
    }

    // The recorded training step: DDPM noise at two timesteps, mean squared error, gradients of named parameters.
    [OptionalDataFact("goldens/training")]
    public void GradientsEqualTheRecordedOnes()
    {
        using var scope = NewDisposeScope();
        var unet = Open<UNet2DConditionModel>("unet_sdxl", new(Mapped: false));
        unet.train();
        using var inputs = SafeTensorsFile.Open(TestData.Optional("goldens/training/inputs.safetensors"));
        using var outputs = SafeTensorsFile.Open(TestData.Optional("goldens/training/outputs.safetensors"));
        var betas = linspace(Math.Sqrt(0.00085), Math.Sqrt(0.012), 1000, dtype: ScalarType.Float32).pow(2);
        var alphas = (1 - betas).cumprod(0).index_select(0, inputs.Read("timesteps")).view(-1, 1, 1, 1);
        var noise = inputs.Read("noise");
        var noisy = alphas.sqrt() * inputs.Read("latents") + (1 - alphas).sqrt() * noise;
        foreach (var runner in new BlockRunner?[] { null, (block, given) => block(given) })
        {
            unet.zero_grad();
            unet.BlockRunner = runner;
            var prediction = unet.forward(noisy, inputs.Read("timesteps"), inputs.Read("encoder_hidden_states"),
                inputs.Read("text_embeds"), inputs.Read("time_ids"));
            Assert.True(Difference(outputs.Read("eps.model_pred"), prediction.detach()) < 5e-5);
            var loss = nn.functional.mse_loss(prediction, noise);
            Assert.Equal(outputs.Read("eps.loss").ToSingle(), loss.ToSingle(), 1e-5 * loss.ToSingle());
            loss.backward();
            var checkedCount = 0;
            foreach (var (name, parameter) in unet.named_parameters())
            {
                Assert.False(parameter.grad is null, name);
                if (!outputs.Contains($"eps.grad.{name}"))
                    continue;
                var expected = outputs.Read($"eps.grad.{name}");
                var error = (parameter.grad! - expected).norm().ToDouble() / expected.norm().ToDouble();
                Assert.True(error < 1e-3, $"{name}: {error}");
                checkedCount++;
            }
            Assert.Equal(14, checkedCount);
        }
    }

    [Fact]
    public void AttentionIsItsFormulaWithEveryKindOfBias()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var draw = new Generator(5);
        Tensor q = randn([3, 50, 24], generator: draw), k = randn([3, 31, 24], generator: draw),
            v = randn([3, 31, 24], generator: draw), bias = randn([3, 50, 31], generator: draw);
        // The formula, written plainly.
        Tensor Split(Tensor x) => x.view(3, -1, 4, 6).transpose(1, 2);
        var scores = Split(q).matmul(Split(k).transpose(-1, -2)) / Math.Sqrt(6);
        foreach (var mask in new[] { null, bias, bias.narrow(1, 0, 1), bias.narrow(0, 0, 1) })
        {
            var expected = (mask is null ? scores : scores
                + mask.unsqueeze(1)).softmax(-1).matmul(Split(v)).transpose(1, 2).reshape(3, 50, 24);
            Assert.InRange(Difference(expected, ScaledDotProduct.Attend(q, k, v, 4, mask)), 0, 2e-6);
        }
    }

    [Theory]
    [InlineData(1, 4, 16, 3)]
    [InlineData(2, 2, 8, 2)]
    [InlineData(3, 8, 4, 4)]
    public void AVaeOfAnyFactorAndAnyChannelsKeepsSizes(int image, int factor, int latent, int levels)
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var config = new AutoencoderKLConfig
        {
            InChannels = image, OutChannels = image, LatentChannels = latent,
            BlockOutChannels = [.. Enumerable.Repeat(8, levels)], NormNumGroups = 4,
            DownBlockTypes = [.. Enumerable.Repeat("DownEncoderBlock2D", levels)],
            UpBlockTypes = [.. Enumerable.Repeat("UpDecoderBlock2D", levels)],
        };
        Assert.Equal(factor, config.Factor);
        var vae = new AutoencoderKL(config);
        using var posterior = vae.encode(rand([2, image, 6 * factor, 4 * factor]));
        Assert.Equal([2L, latent, 6, 4], posterior.Mean.shape);
        Assert.Equal([2L, image, 6 * factor, 4 * factor], vae.decode(posterior.Mode()).shape);
        Assert.Contains($"multiples of {factor}",
            Assert.Throws<ArgumentException>(() => vae.encode(rand([1, image, 6 * factor + 1, 4 * factor]))).Message);
    }

    [Fact]
    public void SlicesEqualTheBatchAndTilesAreCloseToTheWhole()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var vae = Open<AutoencoderKL>("vae");
        var latents = Inputs("vae")["decode.latents"];
        var whole = vae.decode(latents);
        vae.UseSlicing = true;
        Assert.InRange(Difference(whole, vae.decode(latents)), 0, 5e-5);
        vae.UseSlicing = false;
        vae.UseTiling = true;
        Assert.Equal(0, Difference(whole, vae.decode(latents)));
        vae.TileSize = 32;
        var tiled = vae.decode(latents);
        Assert.Equal(whole.shape, tiled.shape);
        Assert.True(Difference(whole, tiled) > 0);
        // The first rows and columns of the first tile, before any blending, are that tile decoded alone.
        vae.UseTiling = false;
        var first = vae.decode(latents.narrow(2, 0, 4).narrow(3, 0, 4));
        Assert.Equal(0, Difference(first.narrow(2, 0, 24).narrow(3, 0, 24), tiled.narrow(2, 0, 24).narrow(3, 0, 24)));
    }

    [Fact]
    public void Float16WeightsDecodeInFloat32AndStayAsTheyWere()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var half = Open<AutoencoderKL>("vae", new(Type: ScalarType.Float16));
        var before = half.state_dict()["decoder.conv_in.weight"].clone();
        var latents = Inputs("vae")["decode.latents"];
        var image = half.decode(latents.to(ScalarType.Float16));
        Assert.Equal(ScalarType.Float16, image.dtype);
        Assert.True(Difference(image.to(ScalarType.Float32), Open<AutoencoderKL>("vae").decode(latents)) < 1e-2);
        var after = half.state_dict()["decoder.conv_in.weight"];
        Assert.Equal(ScalarType.Float16, after.dtype);
        Assert.True(before.eq(after).all().ToBoolean());
    }

    [Fact]
    public void ConditionsThatAreMissingOrDoNotFitAreNamed()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var unet = Open<UNet2DConditionModel>("unet_sdxl");
        var inputs = Inputs("unet_sdxl");
        Tensor sample = inputs["base.sample"], t = inputs["base.timestep"], text = inputs["base.encoder_hidden_states"];
        Assert.Contains("text_embeds", Assert.Throws<ArgumentNullException>(() => unet.forward(sample, t, text))
            .Message);
        Assert.Contains("expected 88",
            Assert.Throws<ArgumentException>(() =>
            unet.forward(sample, t, text, inputs["base.text_embeds"], inputs["base.time_ids"].narrow(1, 0, 5)))
            .Message);
        Assert.Contains("[N, 4, H, W]",
            Assert.Throws<ArgumentException>(() => unet.forward(sample.narrow(1, 0, 3), t, text)).Message);
        Assert.Contains("expected 9",
            Assert.Throws<ArgumentException>(() =>
            unet.forward(sample, t, text, inputs["base.text_embeds"], inputs["base.time_ids"],
            down_block_additional_residuals: [sample])).Message);
    }

    [Fact]
    public void AForwardPassLeavesNoTensorsBehind()
    {
        using var grad = no_grad();
        using var outer = NewDisposeScope();
        var unet = Open<UNet2DConditionModel>("unet_sdxl");
        var inputs = Inputs("unet_sdxl");
        Run(unet, inputs).Dispose();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Run(unet, inputs).Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
