// ImageNet's ResNet-18 as CNTK trained it, from the package Microsoft.ML.DnnImageFeaturizer.ResNet18, by ONNX Runtime.
using System.Reflection;
using System.Text;
using Microsoft.ML.OnnxRuntime;
using SarSynth.Radar.Images;

namespace SarSynth.Evaluation;

/// <summary>What the network makes of one image.</summary>
/// <param name="Features">The averaged last stage, [512].</param>
/// <param name="Stages">
/// The outputs of its five stages, [channels x positions], the channels of each position over their Euclidean norm.
/// </param>
internal sealed record ResNetLook(float[] Features, IReadOnlyList<(float[] Values, int Channels)> Stages);

/// <summary>A network that tells photographs apart; it is neither Inception nor has it seen a radar image.</summary>
/// <remarks>
/// He et al. (2016), with two, two, two and three blocks in its stages, which is how the file has them. It takes 224 x
/// 224 pixels of three channels from 0 to 255, less the mean image of its training; a radar image is all three.
/// </remarks>
public sealed class ResNet18 : IDisposable
{
    /// <summary>Side of the images that it takes, pixels.</summary>
    public const int Side = 224;

    /// <summary>Length of a vector of features.</summary>
    public const int Length = 512;

    /// <summary>Names the network's file: "ResNet18.onnx" with "ResNetPreprocess.onnx" beside it.</summary>
    public const string PathVariable = "SARSYNTH_RESNET18";

    private const string File = "ResNet18.onnx", Preparation = "ResNetPreprocess.onnx", Input = "Input247";

    // The first convolution and the last block of each stage, after their ReLU; then the average.
    private static readonly string[] stages = ["ReLU253_Output_0", "ReLU283_Output_0", "ReLU315_Output_0",
        "ReLU347_Output_0", "ReLU393_Output_0"];

    private static readonly string[] outputs = [.. stages, "Pooling395_Output_0"];

    private readonly InferenceSession preparation, network;
    private readonly RunOptions options = new();

    private ResNet18(InferenceSession preparation, InferenceSession network) =>
        (this.preparation, this.network) = (preparation, network);

    /// <summary>The network's file; null where the kit was built without it.</summary>
    public static string? Find()
    {
        if (Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } named)
            return System.IO.File.Exists(named) ? Path.GetFullPath(named) : null;
        foreach (var start in new[] { Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location) ?? "",
            AppContext.BaseDirectory })
            for (var folder = start.Length == 0 ? null : new DirectoryInfo(start); folder is not null;
                folder = folder.Parent)
                foreach (var place in new[] { "resnet18", "artifacts/resnet18" })
                    if (Path.Combine(folder.FullName, place, File) is var path && System.IO.File.Exists(path))
                        return path;
        return null;
    }

    /// <summary>Loads the network.</summary>
    /// <exception cref="FileNotFoundException">Its file, or that beside it, is not there.</exception>
    /// <exception cref="InvalidDataException">A file is not the network that is expected.</exception>
    public static ResNet18 Load()
    {
        var path = Find() ?? throw new FileNotFoundException($"{File} was found neither in artifacts/resnet18 above "
            + $"the program nor by {PathVariable}: build the kit (src/SarSynth), or name the file.", File);
        var beside = Path.Combine(Path.GetDirectoryName(path)!, Preparation);
        if (!System.IO.File.Exists(beside))
            throw new FileNotFoundException($"{beside}: does not exist, expected it beside {File}.", beside);
        using var settings = new SessionOptions
        {
            IntraOpNumThreads = TorchSharp.torch.get_num_threads(), InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        try
        {
            return new(new(beside, settings), new([.. System.IO.File.ReadAllBytes(path), .. MoreOutputs()], settings));
        }
        catch (OnnxRuntimeException error)
        {
            throw new InvalidDataException($"{path}: expected the ResNet-18 of "
                + $"Microsoft.ML.DnnImageFeaturizer.ResNet18: {error.Message}", error);
        }
    }

    /// <summary>Features of a square of grey values.</summary>
    /// <param name="grey">Row-major, 0 (black) to 1.</param>
    /// <param name="side">Its side; other than 224 it is interpolated, bilinearly.</param>
    public float[] Features(ReadOnlySpan<float> grey, int side) => Look(grey, side).Features;

    /// <summary>
    /// Distance of two squares of grey values as LPIPS has it, but on this network and with all weights 1: the sum over
    /// its five stages of the mean over positions of the squared distance between channels of unit norm.
    /// </summary>
    /// <param name="first">Row-major, 0 (black) to 1.</param>
    /// <param name="second">Likewise.</param>
    /// <param name="side">Side of both.</param>
    /// <remarks>Zhang et al. (2018), eq. 1, without the weights that they learned from people's answers.</remarks>
    public double Distance(ReadOnlySpan<float> first, ReadOnlySpan<float> second, int side) =>
        Distance(Look(first, side), Look(second, side));

    internal static double Distance(ResNetLook first, ResNetLook second)
    {
        var total = 0.0;
        foreach (var ((a, channels), (b, _)) in first.Stages.Zip(second.Stages))
        {
            var sum = 0.0;
            for (var i = 0; i < a.Length; i++)
                sum += (a[i] - b[i]) * (a[i] - b[i]);
            total += sum / (a.Length / channels);
        }
        return total;
    }

    internal ResNetLook Look(ReadOnlySpan<float> grey, int side)
    {
        if (grey.Length != side * side)
            throw new ArgumentException($"grey: found {grey.Length} pixels, expected {side} x {side}.", nameof(grey));
        var pixels = side == Side ? grey.ToArray() : Enlarged(grey, side);
        float[] channels = [.. pixels.Select(p => 255 * p)];
        long[] shape = [1, 3, Side, Side];
        using var raw = OrtValue.CreateTensorValueFromMemory<float>([.. channels, .. channels, .. channels], shape);
        using var prepared = preparation.Run(options, ["OriginalInput"], [raw], ["PreprocessedInput"]);
        using var found = network.Run(options, [Input], [prepared[0]], outputs);
        return new(found[^1].GetTensorDataAsSpan<float>().ToArray(), [.. found.Take(stages.Length).Select(value =>
        {
            var count = (int)value.GetTensorTypeAndShape().Shape[1];
            return (Normalised(value.GetTensorDataAsSpan<float>(), count), count);
        })]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        options.Dispose();
        preparation.Dispose();
        network.Dispose();
    }

    private static float[] Normalised(ReadOnlySpan<float> values, int channels)
    {
        var positions = values.Length / channels;
        var norms = new double[positions];
        for (var i = 0; i < values.Length; i++)
            norms[i % positions] += (double)values[i] * values[i];
        var result = new float[values.Length];
        for (var i = 0; i < values.Length; i++)
            result[i] = (float)(values[i] / (Math.Sqrt(norms[i % positions]) + 1e-10));
        return result;
    }

    // Bilinear with pixel centres at halves, as torch's interpolate without align_corners.
    private static float[] Enlarged(ReadOnlySpan<float> grey, int side)
    {
        var result = new float[Side * Side];
        var scale = side / (double)Side;
        for (var r = 0; r < Side; r++)
        {
            var (top, bottom, down) = At(r);
            for (var c = 0; c < Side; c++)
            {
                var (left, right, across) = At(c);
                var above = grey[top * side + left] * (1 - across) + grey[top * side + right] * across;
                var below = grey[bottom * side + left] * (1 - across) + grey[bottom * side + right] * across;
                result[r * Side + c] = (float)(above * (1 - down) + below * down);
            }
        }
        return result;

        (int Before, int After, double Share) At(int place)
        {
            var at = Math.Max(0, (place + 0.5) * scale - 0.5);
            var before = Math.Min((int)at, side - 1);
            return (before, Math.Min(before + 1, side - 1), at - before);
        }
    }

    // A message of protocol buffers that follows another is merged into it: ModelProto.graph (7) gets ValueInfoProto
    // (12) of a name (1) for each stage, so that what the file holds inside can be had.
    private static byte[] MoreOutputs()
    {
        return Field(7, [.. stages.SelectMany(name => Field(12, Field(1, Encoding.UTF8.GetBytes(name))))]);

        static byte[] Field(int number, byte[] content)
        {
            List<byte> bytes = [(byte)(number << 3 | 2)];
            var length = content.Length;
            for (; length > 127; length >>= 7)
                bytes.Add((byte)(length & 127 | 128));
            return [.. bytes, (byte)length, .. content];
        }
    }
}
