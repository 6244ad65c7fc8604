// The mean network as radar has it: amplitudes in, ln of the mean intensity and the spread of texture around it out.
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>What the mean network is told of a satellite image.</summary>
/// <param name="Looks">Looks of a pixel.</param>
/// <param name="Noise">Noise-equivalent sigma nought in the brightness that the network sees, dB.</param>
/// <param name="Spacing">Metres between pixels on the ground.</param>
public sealed record SatelliteFacts(double Looks, double Noise, double Spacing)
{
    /// <summary>How many numbers the network gets.</summary>
    public const int Count = 3;

    /// <summary>Of an input: its own metadata, or what training saw where it does not tell.</summary>
    /// <param name="card">The model's card.</param>
    /// <param name="source">The input.</param>
    /// <param name="gain">Factor on its amplitudes.</param>
    /// <param name="scene">Its amplitudes, amplified: noise that is not told is no brighter than its darkest ground.
    /// </param>
    internal static SatelliteFacts Of(ModelCard card, SatelliteSource source, double gain, SatelliteScene scene)
    {
        var trained = card.Trained;
        var noise = source.Metadata.Sensor is { } name && Sensors.Names.Contains(name)
            ? Sensors.Named(name).NoiseEquivalentSigmaNought + 20 * Math.Log10(gain) : Math.Min(trained?.Noise ?? -21,
                scene.DarkestGround() - 3);
        return new(source.Complex ? 1 : source.Metadata.Looks ?? trained?.Looks ?? 4, noise,
            SpacingOf(card, source));
    }

    /// <summary>Metres between an input's pixels on the ground; what training saw where it does not tell.</summary>
    internal static double SpacingOf(ModelCard card, SatelliteSource source)
    {
        var (range, azimuth) = InputFit.GroundSpacing(source.Metadata, source.Place);
        // Geocoded in degrees, or untold.
        var spacing = source.Place?.Transform is not null && source.Metadata.RangeSpacing is null ? null
            : range is { } r && azimuth is { } a ? Math.Sqrt(r * a) : range ?? azimuth;
        return spacing ?? card.Trained?.RangeSpacing ?? 1.6;
    }

    /// <summary>Of a sensor's detected images.</summary>
    public static SatelliteFacts Of(Sensor sensor) => new(sensor.RangeLooks * sensor.AzimuthLooks,
        sensor.NoiseEquivalentSigmaNought, Math.Sqrt(sensor.GroundRangeSpacing * sensor.RangeLooks
            * sensor.AzimuthSpacing * sensor.AzimuthLooks));

    /// <summary>As the network gets them, each held to the range that the kit's recipes train over.</summary>
    public float[] Values() =>
    [
        (float)Math.Clamp(Math.Log2(Looks / 4), -2, 2), (float)Math.Clamp((Noise + 21) / 6, -1, 1),
        (float)Math.Clamp(Math.Log2(Spacing / 1.6), 0, 1),
    ];
}

/// <summary>The mean network with what its pixels mean.</summary>
/// <param name="network">Channels: ln mean intensity in the units of the card's satellite normalisation, ln
/// spread.</param>
/// <param name="card">Its card; <see cref="ModelCard.Satellite"/> is of the logarithm.</param>
internal sealed class MeanField(UpscalingUNetModel network, ModelCard card)
{
    /// <summary>The network's folder in a model folder.</summary>
    public const string Folder = "mean";

    // A spread of 0.2 where the network says 0; from 0.01 to 2.7.
    private const double SpreadAtZero = -1.6;

    /// <summary>The airborne sensor whose speckle is drawn.</summary>
    public Sensor Sensor { get; } = card.Target
        ?? throw new InvalidDataException(
            "card field 'target': the mean network needs the airborne sensor, found none.");

    /// <summary>Deviation of the smoothing that makes texture of white noise, airborne pixels.</summary>
    public double TextureLength => card.TextureLength;

    /// <summary>Rows and columns of windows are multiples of this.</summary>
    public int Multiple => network.Config.Multiple;

    private readonly LogNormalisation log = card.Satellite as LogNormalisation
        ?? throw new InvalidDataException("card field 'satellite': the mean network needs a normalisation of the "
            + $"logarithm, found {card.Satellite?.GetType().Name ?? "none"}.");

    /// <summary>Throws where a network has other channels than these.</summary>
    /// <exception cref="CheckpointException">It has.</exception>
    public static void RequireShape(UpscalingUNetConfig config, string source)
    {
        var found = (config.InChannels, config.ConditionChannels, config.OutChannels);
        if (found != (1, SatelliteFacts.Count, 2) && found != (1, 0, 2))
        {
            throw new CheckpointException(source, $"in_channels, condition_channels, out_channels are {found}, "
                + $"expected (1, {SatelliteFacts.Count}, 2), or (1, 0, 2) for one that is told nothing: a mean "
                + "network");
        }
    }

    /// <summary>Satellite amplitudes as the network sees them.</summary>
    /// <param name="amplitude">[count x rows x columns], linear.</param>
    /// <param name="count">Images.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="device">Where they go.</param>
    /// <returns>[count, 1, rows, columns].</returns>
    public Tensor Input(float[] amplitude, int count, int rows, int columns, Device device)
    {
        var values = new float[amplitude.Length];
        log.Apply(amplitude, values);
        return tensor(values, device: device).reshape(count, 1, rows, columns);
    }

    /// <summary>ln intensity of what <see cref="Input"/> gave.</summary>
    public Tensor LogIntensity(Tensor input) => input.Times(log.StandardDeviation).Plus(log.Mean).Times(2);

    /// <summary>The other way: ln intensity as the network sees amplitudes.</summary>
    public Tensor OfLogIntensity(Tensor logIntensity) =>
        logIntensity.Over(2).Minus(log.Mean).Over(log.StandardDeviation);

    /// <summary>Runs the network.</summary>
    /// <param name="input">[B, 1, H, W] of <see cref="Input"/>.</param>
    /// <param name="conditions">[B, 3] of <see cref="SatelliteFacts.Values"/>.</param>
    /// <returns>
    /// [B, 1, H k, W k]: ln of the mean intensity without the airborne sensor's noise, and the deviation of the
    /// logarithm of texture.
    /// </returns>
    public (Tensor LogMean, Tensor Spread) Of(Tensor input, Tensor conditions)
    {
        var made = network.call(input, conditions);
        // ln intensity is twice ln amplitude.
        var logMean = LogIntensity(made.narrow(1, 0, 1)).Clamped(-30, 30);
        return (logMean, made.narrow(1, 1, 1).Plus(SpreadAtZero).Clamped(-4.6, 1).exp());
    }

    /// <summary>ln(exp(x) + noise).</summary>
    public static Tensor WithNoise(Tensor logMean, double noise) => logMean.exp().Plus(noise).log();
}
