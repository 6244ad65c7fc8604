using System.Text.Json;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace SystemTorch.Tests;

/// <summary>What python3-torch computed: goldens/torch/reference.json, written by make.py beside it.</summary>
internal static class Golden
{
    internal static readonly JsonElement Root = JsonDocument.Parse(File.ReadAllBytes(TestData.Golden("torch/reference.json"))).RootElement;

    internal static IEnumerable<object[]> Names(string part) => Root.GetProperty(part).EnumerateObject().Select(p => new object[] { p.Name });

    internal static ScalarType Type(JsonElement packed) => packed.GetProperty("dtype").GetString() switch
    {
        "float32" => float32, "float64" => float64, "float16" => float16, "bfloat16" => bfloat16, "int64" => int64, "bool" => ScalarType.Bool,
        var other => throw new InvalidDataException($"reference.json: dtype {other}"),
    };

    internal static Tensor Unpack(JsonElement packed)
    {
        var shape = packed.GetProperty("shape").EnumerateArray().Select(v => v.GetInt64()).ToArray();
        var values = packed.GetProperty("values").EnumerateArray().Select(v => v.GetDouble()).ToArray();
        return torch.tensor(values, shape, Type(packed));
    }

    /// <summary>Compares shape, dtype and values; the same library on the same machine differs by rounding at most.</summary>
    internal static void Same(JsonElement packed, Tensor actual, string what, double tolerance = 2e-6)
    {
        using var scope = NewDisposeScope();
        var expected = Unpack(packed);
        Assert.True(expected.shape.SequenceEqual(actual.shape), $"{what}: shape [{string.Join(", ", actual.shape)}], expected [{string.Join(", ", expected.shape)}]");
        Assert.True(expected.dtype == actual.dtype, $"{what}: {actual.dtype}, expected {expected.dtype}");
        var e = expected.to(float64).data<double>().ToArray();
        var a = actual.detach().to(float64).data<double>().ToArray();
        for (var k = 0; k < e.Length; k++)
        {
            var near = double.IsNaN(e[k]) ? double.IsNaN(a[k]) : e[k] == a[k] || Math.Abs(e[k] - a[k]) <= tolerance * (1 + Math.Abs(e[k]));
            Assert.True(near, $"{what}: element {k} is {a[k]}, expected {e[k]}");
        }
    }
}
