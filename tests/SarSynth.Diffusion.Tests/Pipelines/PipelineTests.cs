using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using SarSynth.Diffusion.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Pipelines;

/// <summary>
/// Pipelines against the same computation written out by hand, or against themselves where a law must hold.
/// </summary>
public sealed class PipelineTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly LatentDiffusion pipeline;
    private readonly PromptEmbeddings positive, negative;

    public PipelineTests()
    {
        var tokenizer = ClipTokenizer.Train(["a radar image of a forest", "a radar image of a town"], 560);
        pipeline = TinyModels.Pipeline(new SamplerConfig { Kind = SamplerKind.Ddim });
        pipeline = pipeline with { Prompts = pipeline.Prompts with { Tokenizer = tokenizer, Tokenizer2 = tokenizer } };
        positive = new PromptEmbeddings(Normal(1, [1, 77, 64]), Normal(2, [1, 40]));
        negative = new PromptEmbeddings(Normal(3, [1, 77, 64]), Normal(4, [1, 40]));
    }

    public void Dispose()
    {
        pipeline.Dispose();
        scope.Dispose();
    }

    [Fact]
    public void TheSameSeedGivesTheSameImageAndAnotherOneDoesNot()
    {
        var request = Request() with { Text = "a radar image of a forest", Eta = 0.5 };
        var first = pipeline.Generate(request);
        Assert.Equal(0, Goldens.MaxError(pipeline.Generate(request), first));
        Assert.True(Goldens.MaxError(pipeline.Generate(request with { Seed = 1 }), first) > 0.01);
        Assert.True(Goldens.MaxError(pipeline.Generate(request with { Text = "a town" }), first) > 1e-4);
        Assert.InRange(first.min().ToDouble(), 0, 1);
        Assert.InRange(first.max().ToDouble(), 0, 1);
    }

    [Theory]
    [InlineData(SamplerKind.Ddim)]
    [InlineData(SamplerKind.Euler)]
    public void ALeakIsWhatNoisedImagesOfThatBrightnessBeginWith(SamplerKind kind)
    {
        var sampler = pipeline.Sampler with { Kind = kind };
        var plan = SamplingPlan.Create(sampler, Request().Steps);
        float[] mean = [-1.5f, 0.5f, 0, 2];
        // Stable Diffusion's schedule at the first step taken.
        var betas = Enumerable.Range(0, 1000).Select(i =>
            Math.Pow(double.Lerp(Math.Sqrt(0.00085), Math.Sqrt(0.012), i / 999.0), 2));
        var bar = betas.Take((int)plan.Timesteps[0] + 1).Aggregate(1.0, (product, beta) => product * (1 - beta));
        var image = tensor(mean).reshape(1, 4, 1, 1);
        var noise = Normal(8, [1, 4, 16, 16]);
        var noised = kind == SamplerKind.Ddim ? image * Math.Sqrt(bar) + noise * Math.Sqrt(1 - bar)
            : (image + noise * Math.Sqrt((1 - bar) / bar)) / plan.InitNoiseSigma;
        var request = Request() with { Noise = new GenerationNoise { Latents = noised } };
        var model = pipeline with { Sampler = sampler };
        var expected = model.Denoise(request);
        var leaked = model.Denoise(request with
        {
            Noise = new GenerationNoise { Latents = noise }, Leak = new SignalLeak(mean, [0, 0, 0, 0]),
        });
        Assert.True(Goldens.MaxError(leaked, expected) < 1e-4, $"{Goldens.MaxError(leaked, expected)}");
        Assert.Contains("found 1 means", Assert.Throws<ArgumentException>(() =>
            model.Denoise(request with { Leak = new SignalLeak([0], [0]) })).Message);
    }

    [Fact]
    public void ALeakHasTheLawOfTheLatentsThatItIsOf()
    {
        // Two images: means 1 and 4, and -2 and 0, of their channels.
        var leak = SignalLeak.Of([tensor(new float[] { 0, 2, -3, -1 }).reshape(1, 2, 1, 2),
            tensor(new float[] { 3, 4, 5, -1, 0, 1 }).reshape(1, 2, 1, 3)]);
        Assert.Equal([2.5f, -1], leak.Mean);
        Assert.Equal([1.5f, 1], leak.Deviation);
        using var generator = new Generator(3);
        var drawn = cat([.. Enumerable.Range(0, 4000).Select(_ => leak.Draw(2, generator))]).reshape(-1, 2);
        // Five standard errors of 4,000 draws.
        for (var c = 0; c < 2; c++)
        {
            var (mean, deviation) = (leak.Mean[c], leak.Deviation[c]);
            Assert.InRange(drawn.select(1, c).mean().ToDouble(), mean - 0.08 * deviation, mean + 0.08 * deviation);
            Assert.InRange(drawn.select(1, c).std().ToDouble(), 0.944 * deviation, 1.056 * deviation);
        }
    }

    [Fact]
    public void InGuessModeTheUnconditionalHalfIsLeftAlone()
    {
        using var net = TinyModels.ControlNet();
        var condition = rand([1, 3, 128, 128], generator: new Generator(5));
        var plan = SamplingPlan.Create(pipeline.Sampler, 4);
        var request = Request() with
        {
            Control = new ControlRequest([new ControlInput(net, condition, 0.6)], GuessMode: true), Guidance = new(3),
        };
        using var noGradients = no_grad();
        using var prediction = new GuidedPrediction(pipeline, request, plan, 128, 128, null);
        var x = Normal(6, [1, 4, 16, 16]);
        double t = plan.Timesteps[1];

        var ids = tensor(new float[] { 128, 128, 0, 0, 128, 128 }).unsqueeze(0);
        var time = tensor((float)t);
        var residuals = net.forward(x, time, positive.Text, condition, 0.6, guess_mode: true, positive.Pooled, ids);
        var with = pipeline.Unet.forward(x, time, positive.Text, positive.Pooled, ids,
            down_block_additional_residuals: residuals.Down, mid_block_additional_residual: residuals.Mid);
        var without = pipeline.Unet.forward(x, time, negative.Text, negative.Pooled, ids);
        Goldens.Near("guess", prediction.Predict(x, t, null), without + (with - without) * 3, 1e-4);
    }

    [Fact]
    public void SeveralControlNetsAdd()
    {
        using var net = TinyModels.ControlNet();
        var condition = rand([1, 3, 128, 128], generator: new Generator(5));
        var one = pipeline.Denoise(Request() with { Control = new ControlInput(net, condition, 0.8) });
        var two = pipeline.Denoise(Request() with
        {
            Control = new([new ControlInput(net, condition, 0.5), new ControlInput(net, condition, 0.3)]),
        });
        Goldens.Near("two", two, one, 1e-4 * Goldens.AbsMax(one));
        var none = pipeline.Denoise(Request());
        Assert.True(Goldens.MaxError(none, one) > 1e-2);
    }

    // Windows without overlap are images of their own: each must see its own part of the condition and of the latents.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void WindowsSeeTheirPartOfTheCondition(int batch)
    {
        using var net = TinyModels.ControlNet();
        var condition = rand([1, 3, 128, 256], generator: new Generator(7));
        var latents = Normal(8, [1, 4, 16, 32]);
        GenerationRequest Of(Tensor image, Tensor start) => Request() with
        {
            Control = new ControlInput(net, image), Noise = new GenerationNoise(Latents: start),
                Width = (int)image.shape[3],
            Sizes = new() { Original = (128, 128), Target = (128, 128) },
        };
        var whole = pipeline.Denoise(Of(condition, latents) with { Tiling = new TileGrid(16, 0, batch) });
        var left = pipeline.Denoise(Of(condition.narrow(3, 0, 128), latents.narrow(3, 0, 16)));
        var right = pipeline.Denoise(Of(condition.narrow(3, 128, 128), latents.narrow(3, 16, 16)));
        Goldens.Near("windows", whole, cat([left, right], 3), 1e-4 * Goldens.AbsMax(left));
    }

    [Fact]
    public void AConditionIsLookedAtOnceForEachWindowAndNotAtEachStep()
    {
        using var net = TinyModels.ControlNet();
        var condition = rand([1, 3, 128, 256], generator: new Generator(7));
        var looks = 0;
        Tensor Denoised(long keptBytes) => pipeline.Denoise(Request() with
        {
            Width = 256, Tiling = new TileGrid(16, 4), Steps = 3,
            Control = new([new(net, new WindowedImage(128, 256, window =>
            {
                looks++;
                return window.Of(condition);
            }))]) { KeptBytes = keptBytes },
        });
        var windows = new TileGrid(16, 4).Cover(16, 32).Count;
        var kept = Denoised(1 << 20);
        Assert.Equal(windows, looks);
        looks = 0;
        // Room for none: made at each step, and the same.
        var anew = Denoised(0);
        Assert.Equal(3 * windows, looks);
        Assert.Equal(0, Goldens.MaxError(kept, anew));
    }

    [Fact]
    public void AnImageIsEncodedInWindowsAsInOnePieceWhereItIsOneWindow()
    {
        var image = rand([1, 3, 128, 128], generator: new Generator(8));
        var noise = Normal(9, [1, 4, 16, 16]);
        Goldens.Near("one window", pipeline.Encode(image, noise, new TileGrid(16, 4)), pipeline.Encode(image, noise),
            1e-6);
        // An autoencoder's statistics are of a window: several differ a little from the whole, and lie in place.
        var tiled = pipeline.Encode((WindowedImage)image, noise, new TileGrid(12, 6));
        var whole = pipeline.Encode(image, noise);
        Assert.Equal(whole.shape, tiled.shape);
        Assert.InRange(Goldens.MaxError(tiled, whole), 1e-9, 0.5 * Goldens.AbsMax(whole));
    }

    [Fact]
    public void TiledDecodingOfOneWindowIsDecoding()
    {
        var latents = Normal(9, [1, 4, 16, 16]);
        Goldens.Near("decoded", pipeline.Decode(latents, new TileGrid(16, 4)), pipeline.Decode(latents), 1e-5);
        // With several windows the image differs near their borders only where the receptive field is cut.
        var tiled = pipeline.Decode(latents, new TileGrid(12, 6));
        Assert.Equal(pipeline.Decode(latents).shape, tiled.shape);
        // Batches of another size take other convolution kernels: each is within 9.1e-6 of the float64 result
        // (recorded), so two are within twice that.
        Assert.Equal(0, Goldens.MaxError(tiled, pipeline.Decode(latents, new TileGrid(12, 6, Batch: 2))), 2 * 9.1e-6);
    }

    [Theory] // One-step methods carry nothing from step to step but the latents.
    [InlineData(SamplerKind.Ddim, 0.8)]
    [InlineData(SamplerKind.Ddim, 0.35)]
    [InlineData(SamplerKind.Euler, 0.5)]
    [InlineData(SamplerKind.Heun, 0.6)]
    public void TwoModelsThatTakeTurnsTakeEveryStepOnce(SamplerKind kind, double share)
    {
        var own = pipeline with { Sampler = pipeline.Sampler with { Kind = kind, Spacing = TimestepSpacing.Trailing } };
        List<int> first = [], second = [];
        var request = Request() with { Steps = 10, Noise = new GenerationNoise(Latents: Normal(12, [1, 4, 16, 16])) };
        var whole = own.Denoise(request);
        var half = own.Denoise(request with { Share = new(End: share), OnStep = s => first.Add(s.Index) });
        var joined = own.Denoise(request with
        {
            Start = new(half), Share = new(share), OnStep = s => second.Add(s.Index),
        });
        Assert.Equal(Enumerable.Range(0, 10), first.Concat(second));
        // Training timesteps 999, 899, ... (trailing): those of the first share stay with the first model.
        Assert.Equal((int)Math.Round(10 * share), first.Count);
        Assert.Equal(0, Goldens.MaxError(joined, whole));
    }

    [Theory]
    [InlineData(0.0, null)]
    [InlineData(null, 1.0)]
    [InlineData(0.7, 0.6)]
    public void SharesOfTheScheduleThatMakeNoSenseAreNamed(double? start, double? end) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.Denoise(Request() with
        {
            Start = new(Normal(12, [1, 4, 16, 16])), Share = new(start, end),
        }));

    [Fact]
    public void LatentsAreWhitenedByWhatTheAutoencoderSays()
    {
        double[] mean = [0.3, -1, 0.1, 2], std = [2, 0.5, 1, 4];
        using var vae = new AutoencoderKL(pipeline.Vae.Config with { LatentsMean = mean, LatentsStd = std,
            ScalingFactor = 0.5 });
        foreach (var (own, theirs) in vae.parameters().Zip(pipeline.Vae.parameters()))
            using (no_grad())
                own.copy_(theirs);
        var whitened = pipeline with { Vae = vae };
        var image = rand([1, 3, 128, 128], generator: new Generator(13));
        using var posterior = vae.encode(image * 2 - 1);
        var by = (Func<double[], Tensor>)(v => tensor(Array.ConvertAll(v, x => (float)x)).reshape(1, 4, 1, 1));
        var latents = whitened.Encode(image);
        Goldens.Near("latents", latents, (posterior.Mode() - by(mean)) / by(std) * 0.5, 1e-5);
        Goldens.Near("image", whitened.Decode(latents), vae.decode(posterior.Mode()), 1e-4);
    }

    [Fact]
    public void InpaintingKeepsWhatIsOutsideTheMask()
    {
        var image = rand([1, 3, 128, 128], generator: new Generator(10));
        var mask = zeros(1, 1, 128, 128);
        mask.narrow(3, 64, 64).fill_(1);
        var posterior = Normal(11, [1, 4, 16, 16]);
        var request = Request() with { Start = new(image, 1, mask), Noise = new(Posterior: posterior) };
        var latents = pipeline.Denoise(request);
        var original = pipeline.Encode(image, posterior);
        Goldens.Near("outside", latents.narrow(3, 0, 8), original.narrow(3, 0, 8), 1e-5);
        Assert.True(Goldens.MaxError(latents.narrow(3, 8, 8), original.narrow(3, 8, 8)) > 0.1);
    }

    [Fact]
    public void AnInpaintingModelGetsMaskAndMaskedImage()
    {
        // 4 latent, 1 mask and 4 masked-image channels; a first step by hand.
        var config = pipeline.Unet.Config with { InChannels = 9 };
        using var unet = new UNet2DConditionModel(config);
        var own = pipeline with { Unet = unet };
        var image = rand([1, 3, 128, 128], generator: new Generator(10));
        var mask = zeros(1, 1, 128, 128);
        mask.narrow(2, 32, 40).fill_(1);
        var plan = SamplingPlan.Create(own.Sampler, 2);
        var request = Request() with { Start = new(image, 1, mask), Guidance = new(1) };
        using var noGradients = no_grad();
        var inpainting = Inpainting.Of(own, request, own.Encode(image), [1, 4, 16, 16]);
        using var prediction = new GuidedPrediction(own, request, plan, 128, 128, inpainting);
        var x = Normal(12, [1, 4, 16, 16]);
        var grey = own.Encode(image * (1 - mask) + mask * 0.5);
        var small = mask.slice(2, 0, 128, 8).slice(3, 0, 128, 8);
        var ids = tensor(new float[] { 128, 128, 0, 0, 128, 128 }).unsqueeze(0);
        var expected = unet.forward(cat([x, small, grey], 1), tensor(501f), positive.Text, positive.Pooled, ids);
        Goldens.Near("prediction", prediction.Predict(x, 501, null), expected, 1e-5);
        Assert.Equal([1, 4, 16, 16], own.Denoise(request).shape);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    public void ClipSkipLeavesLayersOut(int? skip)
    {
        using var noGradients = no_grad();
        var ids = tensor(pipeline.Prompts.Tokenizer!.EncodePadded("a radar image").Ids).unsqueeze(0);
        var first = pipeline.Prompts.Encoder!.forward(ids, output_hidden_states: true);
        var second = pipeline.Prompts.Encoder2!.forward(ids, output_hidden_states: true);
        int layer = 2 + (skip ?? 0);
        using var both = pipeline.Prompts.Encode("a radar image", clipSkip: skip);
        Goldens.Near("two encoders", both.Text, cat([first.HiddenStates![^layer], second.HiddenStates![^layer]], -1),
            1e-6);
        Goldens.Near("pooled", both.Pooled!, second.TextEmbeds!, 1e-6);
        using var one = (pipeline.Prompts with { Encoder2 = null, Tokenizer2 = null })
            .Encode("a radar image", clipSkip: skip);
        var expected = skip is null ? first.LastHiddenState
            : pipeline.Prompts.Encoder.FinalLayerNorm(first.HiddenStates[^2]);
        Goldens.Near("one encoder", one.Text, expected, 1e-6);
    }

    [Fact]
    public void AModelWithOneTextEncoderIsDenoisedAsByHand()
    {
        // Stable Diffusion 1.5: no pooled text, no sizes; two DDIM steps written out (Song et al. 2021, eq. 12).
        var folder = Goldens.Folder("unet_sd15");
        using var unet = new UNet2DConditionModel(UNet2DConditionConfig.FromJson(File.ReadAllText(Path.Combine(folder,
            "config.json"))));
        Tensor text = Normal(13, [1, 77, 32]), empty = Normal(14, [1, 77, 32]), start = Normal(15, [1, 4, 16, 16]);
        var own = pipeline with { Unet = unet, Prompts = new PromptEncoder(null, null) };
        var request = Request() with
        {
            Text = new() { Embeddings = new(text, null), NegativeEmbeddings = new(empty, null) }, Steps = 2,
                Guidance = new(7.5),
            Noise = new GenerationNoise(Latents: start),
        };
        using var noGradients = no_grad();
        var bars = own.Sampler.Schedule.AlphasCumprod;
        var x = start;
        foreach (var (t, next) in new[] { (501, 1), (1, -499) })
        {
            Tensor without = unet.forward(x, t, empty), with = unet.forward(x, t, text);
            var noise = without + (with - without) * 7.5;
            double bar = bars[t], barNext = next >= 0 ? bars[next] : bars[0];
            x = (x - noise * Math.Sqrt(1 - bar)) * Math.Sqrt(barNext / bar) + noise * Math.Sqrt(1 - barNext);
        }
        Goldens.Near("two steps", own.Denoise(request), x, 1e-4 * Goldens.AbsMax(x));
    }

    [Fact]
    public void ASavedPipelineIsReadBackTheSame()
    {
        var folder = Directory.CreateTempSubdirectory("pipeline").FullName;
        try
        {
            var own = pipeline with { Sampler = new SamplerConfig { Kind = SamplerKind.DpmSolver,
                UseKarrasSigmas = true, Spacing = TimestepSpacing.Trailing } };
            own.Save(folder);
            using var read = LatentDiffusion.Load(folder);
            Assert.Equal(own.Sampler.ToJson(), read.Sampler.ToJson());
            Assert.Equal(own.Sampler.Schedule.AlphasCumprod, read.Sampler.Schedule.AlphasCumprod);
            var request = Request() with { Text = "a radar image of a town" };
            Goldens.Near("read back", read.Generate(request), own.Generate(request), 2 * Goldens.AlignmentRounding);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void WhatDoesNotFitIsNamed()
    {
        Assert.Contains("100 x 128",
            Assert.Throws<ArgumentException>(() => pipeline.Denoise(Request() with { Height = 100 })).Message);
        var wrong = Request() with { Start = new(ones(1, 3, 128, 128), Mask: ones(1, 1, 64, 128)) };
        Assert.Contains("mask [1, 1, 64, 128]", Assert.Throws<ArgumentException>(() => pipeline.Denoise(wrong))
            .Message);
        Assert.Contains("clip skip",
            Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.Prompts.Encode("a", clipSkip: 9)).Message);
    }

    [Fact]
    public void NothingIsLeftBehind()
    {
        // The caller's scope gets the result and nothing else, tiled and with a ControlNet too.
        using var net = TinyModels.ControlNet();
        var condition = rand([1, 3, 128, 128], generator: new Generator(5));
        using var caller = NewDisposeScope();
        using var result = pipeline.Denoise(Request() with
        {
            Tiling = new TileGrid(12, 4), Control = new ControlInput(net, condition), Steps = 2,
        });
        Assert.Equal(1, caller.DisposablesCount);
        using var image = pipeline.Decode(result, new TileGrid(12, 4));
        Assert.Equal(2, caller.DisposablesCount);
    }

    private GenerationRequest Request() => new()
    {
        Text = new() { Embeddings = positive, NegativeEmbeddings = negative }, Height = 128, Width = 128, Steps = 3,
        Guidance = new(4),
    };

    private static Tensor Normal(ulong seed, long[] shape) => randn(shape, generator: new Generator(seed));
}
