// Simulated or not, as an image's own facts tell it: "real" is said of nothing, "simulated" of what the simulator made.
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Data;

/// <summary>Where an image comes from.</summary>
public static class ImageOrigin
{
    /// <summary>
    /// The kit's sensor that an image was simulated with: the simulator alone writes these names. Null for images of
    /// products, and of sensors of one's own.
    /// </summary>
    public static Sensor? SimulatedSensor(this SarImage image) =>
        image.Metadata.Sensor is { } name && Sensors.Names.Contains(name) ? Sensors.Named(name) : null;

    /// <summary>
    /// What an airborne image is called in tables and figures: "simulated airborne", else "airborne".
    /// </summary>
    public static string AirborneName(this SarImage image) =>
        image.SimulatedSensor() is null ? "airborne" : "simulated airborne";
}
