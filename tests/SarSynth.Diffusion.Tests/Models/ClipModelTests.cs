using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Training;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Models;

public sealed class ClipModelTests : IDisposable
{
    // Both towers and the loss in plain PyTorch, tests/goldens/contrastive/clip.py.
    private static readonly string golden = TestData.Golden(Path.Combine("contrastive", "clip_model"));

    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-clip-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void BothTowersAndTheLossEqualPyTorchs()
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        using var model = ModelFolder.Load<CLIPModel>(golden);
        using var inputs = Goldens.Open(golden, "inputs");
        using var outputs = Goldens.Open(golden, "outputs");
        var texts = model.get_text_features(inputs.Read("input_ids"));
        var images = model.get_image_features(inputs.Read("pixel_values"));
        Goldens.Near("text_embeds", texts, outputs.Read("text_embeds"), 5e-6);
        Goldens.Near("image_embeds", images, outputs.Read("image_embeds"), 5e-6);
        var loss = ContrastiveLoss.Of(images, texts, model.LogitScale);
        Goldens.Near("loss", loss.reshape(1), outputs.Read("loss"), 1e-5);
    }

    [Fact]
    public void WhatIsSavedOpensAgainWithTheSameFieldsAndWeights()
    {
        using (var model = ModelFolder.Load<CLIPModel>(golden))
            ModelFolder.Save(model, folder);
        using var again = ModelFolder.Load<CLIPModel>(folder);
        using var first = ModelFolder.Load<CLIPModel>(golden);
        Assert.Equal(first.Config, again.Config);
        var weights = first.state_dict();
        Assert.Equal(weights.Keys.Order(), again.state_dict().Keys.Order());
        Assert.All(again.state_dict(), w => Assert.True(w.Value.equal(weights[w.Key]).Equals(true)
            || Goldens.MaxError(w.Value, weights[w.Key]) == 0, w.Key));
        var config = Path.Combine(folder, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"patch_size\": 4", "\"patch_size\": 3"));
        var error = Assert.Throws<CheckpointException>(() => ModelFolder.Load<CLIPModel>(folder));
        Assert.Contains("'patch_size' is 3, expected a divisor of image_size (8)", error.Message);
    }

    [Theory]
    [InlineData(2, 0.0)]
    [InlineData(5, 3.0)]
    [InlineData(8, 20.0)]
    public void PairsThatPointAloneHaveTheLossOfTheClosedForm(int pairs, double scale)
    {
        // Orthogonal pairs: every row of logits is one s and n - 1 zeros, so the loss is ln(1 + (n - 1) e^-s).
        using var own = eye(pairs, 12);
        using var longer = own.mul(tensor(7.0f));
        using var factor = tensor((float)scale);
        using var loss = ContrastiveLoss.Of(own, longer, factor);
        Assert.Equal(Math.Log(1 + (pairs - 1) * Math.Exp(-scale)), loss.item<float>(), 5);
        // Nothing told apart: ln n.
        using var same = ones(pairs, 12);
        Assert.Equal(Math.Log(pairs), (ContrastiveLoss.Of(same, same, factor)).item<float>(), 5);
    }

    [Fact]
    public void ShapesThatDoNotFitAreNamed()
    {
        using var one = tensor(1f);
        var error = Assert.Throws<ArgumentException>(() => ContrastiveLoss.Of(ones(1, 4), ones(1, 4), one));
        Assert.Contains("[1, 4]", error.Message);
        using var model = ModelFolder.Load<CLIPModel>(golden);
        var pixels = Assert.Throws<ArgumentException>(() => model.get_image_features(ones(1, 1, 16, 16)));
        Assert.Contains("[1, 1, 16, 16], expected [N, 1, 8, 8]", pixels.Message);
    }
}
