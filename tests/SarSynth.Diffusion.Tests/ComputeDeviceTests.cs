using TorchSharp;

namespace SarSynth.Diffusion.Tests;

public class ComputeDeviceTests
{
    [Theory]
    [InlineData("auto", 0, DeviceType.CPU, -1)]
    [InlineData("auto", 2, DeviceType.CUDA, 0)]
    [InlineData("cpu", 2, DeviceType.CPU, -1)]
    [InlineData("cuda", 1, DeviceType.CUDA, 0)]
    [InlineData("cuda:1", 2, DeviceType.CUDA, 1)]
    public void AWordMeansADevice(string word, int gpus, DeviceType type, int index)
    {
        var device = ComputeDevice.Find(word, gpus);
        Assert.Equal((type, index), (device.type, device.index));
    }

    [Theory]
    [InlineData("gpu", 1, "found 'gpu', expected auto, cpu, cuda or cuda:N")]
    [InlineData("", 1, "found ''")]
    [InlineData("cuda:", 1, "found 'cuda:'")]
    [InlineData("cuda:-1", 1, "found 'cuda:-1'")]
    [InlineData("cpu:0", 1, "found 'cpu:0'")]
    [InlineData("cuda", 0, "found no GPU")]
    [InlineData("cuda:1", 1, "found one GPU, expected cuda:0")]
    [InlineData("cuda:3", 3, "found 3 GPUs, expected cuda:0 to cuda:2")]
    public void AWordThatMeansNoneIsRefusedWithWhatThereIs(string word, int gpus, string said) =>
        Assert.Contains(said, Assert.Throws<ArgumentException>(() => ComputeDevice.Find(word, gpus)).Message);
}
