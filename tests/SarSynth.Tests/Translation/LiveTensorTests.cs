using System.Runtime;
using SarSynth.FineTuning;
using SarSynth.Translation;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Tests.Translation;

/// <summary>
/// Nothing of the kit leaves a tensor behind for the garbage collector, which does not see its memory.
/// </summary>
[Collection(WholeProcess.Name)]
public sealed class LiveTensorTests : IDisposable
{
    private static readonly TranslateRecipe Fast = new() { Steps = 2, Seed = 3, Device = "cpu" };

    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-live-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void AForgottenTensorIsFound()
    {
        using var kept = ones(2);
        var (grown, forgotten) = Left(() => kept.add(kept));
        Assert.Equal((1, 1), (grown, forgotten));
    }

    [Fact]
    public void ATranslationLeavesNoTensor()
    {
        using var model = Translator.Load(Fast.Model, CPU);
        Assert.Equal((0, 0), Left(() => model.Translate(TinyModel.Scenes[0].Satellite, Fast)));
    }

    [Fact]
    public void TranslatedScenesLeaveNoTensor()
    {
        using var model = Translator.Load(Fast.Model, CPU);
        Assert.Equal((0, 0), Left(() => model.Translate(TinyModel.Scenes, Fast)));
    }

    [Fact]
    public void AModelThatIsLoadedAndLetGoLeavesNoTensor() =>
        Assert.Equal(0, Left(() => Translator.Load(Fast.Model, CPU).Dispose()).Forgotten);

    [Fact]
    public void ATrainingLeavesNoTensor()
    {
        // Its networks grow the count (see Left), its steps do not: three more of each stage leave as many.
        var (run, more) = (0, TinyModel.Recipe with
        {
            Autoencoder = TinyModel.Recipe.Autoencoder with { Steps = 5 },
            Denoiser = TinyModel.Recipe.Denoiser with { Steps = 5 },
            Control = TinyModel.Recipe.Control with { Steps = 5 },
        });
        var few = Left(() => FineTune.Run(TinyModel.Recipe, TinyModel.Scenes, Path.Combine(folder, $"{run++}")));
        Assert.Equal(0, few.Forgotten);
        Assert.Equal(few, Left(() => FineTune.Run(more, TinyModel.Scenes, Path.Combine(folder, $"{run++}"))));
    }

    [Fact]
    public void ATrainingThatIsStoppedAndGoesOnLeavesNoTensor()
    {
        var run = 0;
        Assert.Equal(0, Left(() =>
        {
            var at = Path.Combine(folder, $"{run++}");
            using var cancel = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() =>
                FineTune.Run(TinyModel.Recipe, TinyModel.Scenes, at, p => cancel.Cancel(), cancel.Token));
            Assert.Throws<IOException>(() =>
                FineTune.Run(TinyModel.Recipe, TinyModel.Scenes, at, p => throw new IOException(p.Stage)));
            FineTune.Run(TinyModel.Recipe, TinyModel.Scenes, at);
        }).Forgotten);
    }

    [Fact]
    public void StepsOfAFineTuningLeaveNoTensor()
    {
        // Of both stages, from the cache and beside it: more steps leave as many as few.
        var run = 0;
        var recipe = new FineTuneRecipe
        {
            Base = FineTuning.TinyBase.Write(Path.Combine(folder, "base")),
            Data = FineTuning.TinyBase.WriteTiles(Path.Combine(folder, "tiles")), Steps = 2, Device = "cpu",
            Strategy = [Vae.Full(1e-4) with { Adversarial = new() { Width = 8 } }, Lora.Unet(2)],
            Validation = new() { Every = 100, Prompts = ["water"], Steps = 2, Tiles = 2 }, CaptionDropout = 0.5,
            Cache = Path.Combine(folder, "cache"),
        };
        void Tune(int steps) => FineTune.Run(recipe with { Steps = steps }, Path.Combine(folder, $"{run++}"),
            onRemark: _ => { });
        Assert.Equal(Left(() => Tune(2)), Left(() => Tune(6)));
    }

    /// <summary>
    /// By how much TorchSharp's count of tensors grows in a second call (the first makes what is kept for good), and
    /// how many of them a collection takes: those that were forgotten. Where layers are made the count itself is off:
    /// TorchSharp counts each Parameter twice and takes it back once.
    /// </summary>
    private static (long Grown, long Forgotten) Left(Action call)
    {
        call();
        Collect();
        var before = Tensor.TotalCount;
        // A collection in between would hide what was forgotten.
        Assert.True(GC.TryStartNoGCRegion(200_000_000));
        long after;
        try
        {
            call();
            after = Tensor.TotalCount;
            Assert.Equal(GCLatencyMode.NoGCRegion, GCSettings.LatencyMode);
        }
        finally
        {
            if (GCSettings.LatencyMode == GCLatencyMode.NoGCRegion)
                GC.EndNoGCRegion();
        }
        Collect();
        return (after - before, after - Tensor.TotalCount);
    }

    private static void Collect()
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }
}
