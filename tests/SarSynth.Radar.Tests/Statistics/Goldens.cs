// Reads the recorded reference values (tests/goldens/statistics/make_goldens.py).
using System.Runtime.InteropServices;
using System.Text.Json;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Statistics;

internal static class Goldens
{
    public static JsonElement Json(string name) =>
        JsonDocument.Parse(File.ReadAllText(TestData.Golden($"statistics/{name}.json"))).RootElement;

    public static float[] Floats(string name) =>
        MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(TestData.Golden($"statistics/{name}"))).ToArray();

    public static double Number(this JsonElement element, params string[] path)
    {
        foreach (string key in path)
            element = element.GetProperty(key);
        return element.GetDouble();
    }

    public static double[] Numbers(this JsonElement element) =>
        [.. element.EnumerateArray().Select(v => v.GetDouble())];

    /// <summary>Equal to a relative tolerance (absolute below 1e-300).</summary>
    public static void Close(double expected, double actual, double relative, string what = "")
    {
        if (!(Math.Abs(actual - expected) <= relative * Math.Abs(expected) + 1e-300))
            Assert.Fail($"{what}: expected {expected:R}, found {actual:R} (relative "
                + $"{Math.Abs(actual / expected - 1):G3}, allowed {relative:G3})");
    }
}
