using SarSynth.Diffusion.Models;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;
using SarSynth.Translation;

namespace SarSynth.Tests.Translation;

/// <summary>A model of the mean way as the kit's is, but small and new: its last layer is zero, so it
/// interpolates.</summary>
internal static class MeanModel
{
    public static ModelCard Card { get; } = new()
    {
        SatelliteSensor = "satellite-x-160", AirborneSensor = "airborne-x-040", Target = Sensors.AirborneX040,
        TrainedOn = TrainedOn.Of(Sensors.SatelliteX160), SatelliteMeanLog = -1.7,
        Satellite = new LogNormalisation(-1.7, 0.7, 0.0001),
    };

    /// <summary>Its network.</summary>
    /// <param name="levels">How often it halves its grid, the first level included.</param>
    public static UpscalingUNetModel Network(int levels = 2) => new(new()
    {
        ConditionChannels = 3, OutChannels = 2, BlockOutChannels = [.. Enumerable.Repeat(8, levels)],
        LayersPerBlock = 1, FineChannels = 4,
    });

    /// <summary>A satellite's image of one amplitude, without speckle.</summary>
    public static AmplitudeImage Flat(int rows, int columns, float amplitude = 0.3f) => new(rows, columns,
        [.. Enumerable.Repeat(amplitude, rows * columns)], new SarMetadata { Sensor = "satellite-x-160" });
}
