// The optional collection's ENVISAT image, read as raw complex64 so that these tests need no raster library.
using System.Runtime.InteropServices;
using System.Text.Json;
using MathNet.Numerics;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Statistics;

internal static class RealData
{
    public const string Envisat = "sar/envisat-slc/warped_envisat.slc";
    public const int EnvisatSize = 500;

    public static Complex32[] EnvisatPixels() =>
        MemoryMarshal.Cast<byte, Complex32>(File.ReadAllBytes(TestData.Optional(Envisat))).ToArray();

    public static float[] EnvisatIntensityPatch(JsonElement reference)
    {
        var patch = reference.GetProperty("patch");
        int row = patch[0].GetInt32(), column = patch[1].GetInt32(), size = patch[2].GetInt32();
        var pixels = EnvisatPixels();
        var intensity = new float[size * size];
        for (int i = 0; i < intensity.Length; i++)
        {
            var s = pixels[(row + i / size) * EnvisatSize + column + i % size];
            intensity[i] = s.Real * s.Real + s.Imaginary * s.Imaginary;
        }
        return intensity;
    }
}
