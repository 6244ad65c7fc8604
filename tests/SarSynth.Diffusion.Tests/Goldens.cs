// Golden folders: the committed ones, and the full collection where it is beside the checkout.
using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests;

internal static class Goldens
{
    /// <summary>The full collection's folder where it is there, else the committed one.</summary>
    public static string Folder(string name)
    {
        var full = TestData.Optional(Path.Combine("goldens", name));
        return Directory.Exists(full) ? full : TestData.Golden(Path.Combine("diffusion", name));
    }

    /// <summary>Case folders below a golden folder, by name.</summary>
    public static IEnumerable<string> Cases(string name) =>
        Directory.EnumerateDirectories(Folder(name)).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal);

    public static SafeTensorsFile Open(params string[] parts) =>
        SafeTensorsFile.Open(Path.Combine(parts) + ".safetensors");

    public static JsonElement Json(params string[] parts)
    {
        // Python writes infinities, which JSON has not.
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(parts))
            .Replace(": -Infinity", ": \"-Infinity\""));
        return document.RootElement.Clone();
    }

    /// <summary>
    /// Mapped weights lie where the file has them: libtorch 2 takes another kernel for another alignment, 1.13 the
    /// same.
    /// </summary>
    public static double AlignmentRounding => __version__.TrimStart('v').StartsWith("1.", StringComparison.Ordinal) ? 0
        : 1e-5;

    /// <summary>Largest absolute difference.</summary>
    public static double MaxError(Tensor actual, Tensor expected)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        return (actual.to(ScalarType.Float64) - expected.to(ScalarType.Float64)).abs().max().ToDouble();
    }

    public static double AbsMax(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.abs().max().to(ScalarType.Float64).ToDouble();
    }

    public static void Near(string what, Tensor actual, Tensor expected, double tolerance)
    {
        double error = MaxError(actual, expected);
        Assert.True(error <= tolerance, $"{what}: largest error {error:g3}, tolerance {tolerance:g3}");
    }

    /// <summary>|actual - expected| at most relative |expected| + absolute, elementwise.</summary>
    public static void Relative(string what, IReadOnlyList<double> actual, Tensor expected, double relative = 1e-5,
        double absolute = 1e-6)
    {
        var values = expected.to(ScalarType.Float64).data<double>().ToArray();
        Assert.Equal(values.Length, actual.Count);
        for (int i = 0; i < values.Length; i++)
            Assert.True(Math.Abs(actual[i] - values[i]) <= relative * Math.Abs(values[i]) + absolute,
                $"{what}[{i}]: {actual[i]:g9}, expected {values[i]:g9}");
    }
}
