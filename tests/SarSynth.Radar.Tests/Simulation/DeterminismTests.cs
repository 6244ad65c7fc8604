// The same seed gives the same bytes, on any number of threads.
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using SarSynth.Radar.Simulation;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class DeterminismTests
{
    [Theory]
    [InlineData(SceneKind.Farmland)]
    [InlineData(SceneKind.Woodland)]
    [InlineData(SceneKind.Suburb)]
    [InlineData(SceneKind.City)]
    [InlineData(SceneKind.Industry)]
    [InlineData(SceneKind.Airfield)]
    [InlineData(SceneKind.Harbour)]
    [InlineData(SceneKind.Railway)]
    public void SameSeedSameBytesOtherSeedOtherBytes(SceneKind kind)
    {
        string once = Digest(kind, 7), again = Digest(kind, 7), other = Digest(kind, 8);
        Assert.Equal(once, again);
        Assert.NotEqual(once, other);
    }

    [Fact]
    public void OneThreadGivesTheBytesOfMany()
    {
        string many = Digest(SceneKind.City, 3, threads: 7);
        Assert.Equal(many, Digest(SceneKind.City, 3, threads: 1));
        Assert.Equal(many, Digest(SceneKind.City, 3));
    }

    private static string Digest(SceneKind kind, ulong seed, int threads = 0)
    {
        var scene = Scene.Generate(seed, new SceneOptions { Rows = 160, Columns = 192, Kind = kind });
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(scene.Classes);
        hash.AppendData(MemoryMarshal.AsBytes<float>(scene.Heights));
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', scene.Captions)));
        foreach (var sensor in new[] { Sensors.AirborneX040, Sensors.SatelliteX160 })
        {
            var seen = Simulator.Observe(scene, sensor, seed, threads: threads);
            hash.AppendData(MemoryMarshal.AsBytes<float>(seen.Detected.Pixels));
            hash.AppendData(MemoryMarshal.AsBytes<MathNet.Numerics.Complex32>(seen.SingleLook.Pixels));
        }
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
