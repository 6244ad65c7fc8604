// The up-scaling network: it begins as interpolation, keeps its numbers through a folder, and names what is wrong.
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Models;

public sealed class UpscalingUNetTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-upscaling-").FullName;

    private static readonly UpscalingUNetConfig small = new()
    {
        ConditionChannels = 2, OutChannels = 2, BlockOutChannels = [8, 12, 16], LayersPerBlock = 1, FineChannels = 4,
    };

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ItBeginsAsInterpolationOfTheImage()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var network = new UpscalingUNetModel(small);
        // Cubic convolution of a plane, away from the borders: fine pixel i lies at (i + 0.5) / 4 - 0.5.
        float[] plane = [.. Enumerable.Range(0, 16 * 24).Select(i => 3 + 0.5f * (i / 24) - 0.25f * (i % 24))];
        var made = network.call(tensor(plane).reshape(1, 1, 16, 24), zeros(1, 2));
        Assert.Equal([1, 2, 64, 96], made.shape);
        var fine = made.data<float>().ToArray();
        for (var r = 8; r < 56; r++)
        {
            for (var c = 8; c < 88; c++)
                Assert.Equal(3 + 0.5 * Position(r) - 0.25 * Position(c), fine[r * 96 + c], 1e-4);
        }
        Assert.All(fine[(64 * 96)..], x => Assert.Equal(0, x));

        // Keys (1981) with a = -3/4, the engine's: where the line 0, 1, 2, ... has its value at a fine pixel.
        static double Position(int fine)
        {
            var at = (fine + 0.5) / 4 - 0.5;
            var first = (int)Math.Floor(at) - 1;
            return Enumerable.Range(first, 4).Sum(k => k * Weight(Math.Abs(at - k)));
        }

        static double Weight(double x) => x <= 1 ? (1.25 * x - 2.25) * x * x + 1
            : -0.75 * (((x - 5) * x + 8) * x - 4);
    }

    [Fact]
    public void EveryWeightAndConditionCounts()
    {
        using var scope = NewDisposeScope();
        using var network = Random();
        var made = network.call(randn(1, 1, 16, 16), ones(1, 2));
        made.Squared().mean().backward();
        foreach (var (name, parameter) in network.named_parameters())
            Assert.True(parameter.grad is { } g && g.abs().sum().ToSingle() > 0, $"{name} has no gradient");
        using var grad = no_grad();
        var image = randn(1, 1, 16, 16);
        var told = network.call(image, ones(1, 2)).sub(network.call(image, zeros(1, 2)));
        Assert.True(told.abs().max().ToSingle() > 1e-4);
    }

    [Fact]
    public void AFolderGivesTheSameNumbersBack()
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var network = Random();
        ModelFolder.Save(network, folder);
        using var again = ModelFolder.Load<UpscalingUNetModel>(folder);
        var (image, told) = (randn(2, 1, 8, 12), randn(2, 2));
        Assert.Equal(small with { BlockOutChannels = again.Config.BlockOutChannels }, again.Config);
        Assert.Equal(small.BlockOutChannels, again.Config.BlockOutChannels);
        Assert.Equal(network.call(image, told).data<float>().ToArray(),
            again.call(image, told).data<float>().ToArray());
    }

    [Theory]
    [InlineData("""{"scale": 0}""", "'scale' is 0")]
    [InlineData("""{"in_channels": 2, "out_channels": 1}""", "'out_channels' is 1")]
    [InlineData("""{"block_out_channels": []}""", "'block_out_channels'")]
    [InlineData("""{"levels": 3}""", "'levels'")]
    public void AConfigurationThatCannotBeNamesTheField(string json, string named)
    {
        var error = Assert.Throws<CheckpointException>(() => UpscalingUNetConfig.FromJson(json, "x/config.json"));
        Assert.Contains(named, error.Message);
        Assert.Contains("x/config.json", error.Message);
    }

    // With all layers drawn: the silent ones of a new network would hide the rest.
    private static UpscalingUNetModel Random()
    {
        using var grad = no_grad();
        var network = new UpscalingUNetModel(small);
        foreach (var parameter in network.parameters())
            nn.init.normal_(parameter, 0, 0.1);
        return network;
    }
}
