// The denoiser without normalisation: it begins with zero, all of it counts, it sees no further than it reaches, and it
// names what is wrong.
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Models;

public sealed class PlainUNetTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-plain-").FullName;

    private static readonly PlainUNetConfig small = new()
    {
        Channels = 4, ImageConditionChannels = 3, ConditionChannels = 2, BlockOutChannels = [8, 12],
        LayersPerBlock = 1, EmbeddingChannels = 8,
    };

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ItBeginsWithZeroAndEveryWeightAndConditionCounts()
    {
        using var scope = NewDisposeScope();
        using (var fresh = new PlainUNetModel(small))
            Assert.Equal(0, Call(fresh, randn(2, 4, 8, 12), 500).abs().max().ToSingle());
        using var network = Random();
        var made = Call(network, randn(2, 4, 8, 12), 500);
        Assert.Equal([2, 4, 8, 12], made.shape);
        made.mul(made).mean().backward();
        foreach (var (name, parameter) in network.named_parameters())
            Assert.True(parameter.grad is { } g && g.abs().sum().ToSingle() > 0, $"{name} has no gradient");
        using var grad = no_grad();
        var noisy = randn(2, 4, 8, 12);
        Assert.NotEqual(Values(Call(network, noisy, 500)), Values(Call(network, noisy, 501)));
        Assert.NotEqual(Values(Call(network, noisy, 500)), Values(Call(network, noisy, 500, image: 1)));
        Assert.NotEqual(Values(Call(network, noisy, 500)), Values(Call(network, noisy, 500, told: 1)));
    }

    [Fact]
    public void WhatLiesFarOffDoesNotCount()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var network = Random();
        var noisy = randn(1, 4, 8, 96);
        var changed = noisy.clone();
        changed.narrow(3, 64, 32).zero_();
        // Two levels of a block: no further than 24 pixels.
        var (a, b) = (Call(network, noisy, 300), Call(network, changed, 300));
        Assert.Equal(Values(a.narrow(3, 0, 40)), Values(b.narrow(3, 0, 40)));
        Assert.NotEqual(Values(a.narrow(3, 60, 8)), Values(b.narrow(3, 60, 8)));
    }

    [Fact]
    public void AFolderGivesTheSameNumbersBack()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var network = Random();
        ModelFolder.Save(network, folder);
        using var again = ModelFolder.Load<PlainUNetModel>(folder);
        var noisy = randn(1, 4, 8, 8);
        Assert.Equal(Values(Call(network, noisy, 7)), Values(Call(again, noisy, 7)));
    }

    [Theory]
    [InlineData("""{"channels": 0}""", "'channels' is 0")]
    [InlineData("""{"block_out_channels": []}""", "'block_out_channels'")]
    [InlineData("""{"train_timesteps": 1}""", "'train_timesteps' is 1")]
    public void WhatCannotBeIsNamed(string json, string named) =>
        Assert.Contains(named, Assert.Throws<CheckpointException>(() => PlainUNetConfig.FromJson(json)).Message);

    private static PlainUNetModel Random()
    {
        using var grad = no_grad();
        var network = new PlainUNetModel(small);
        foreach (var parameter in network.parameters())
            parameter.copy_(randn(parameter.shape).div(tensor(8f)));
        return network;
    }

    private static Tensor Call(PlainUNetModel network, Tensor noisy, int timestep, float image = 0, float told = 0) =>
        network.call(noisy, tensor([(float)timestep]), full([noisy.shape[0], 3, noisy.shape[2], noisy.shape[3]], image),
            full([noisy.shape[0], 2], told));

    private static float[] Values(Tensor image) => image.contiguous().data<float>().ToArray();
}
