// What a translation model's pixels mean: the one file that the diffusers layout has no place for.
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;

namespace SarSynth.Translation;

/// <summary>The satellite images that a model learned from. What is not known is null.</summary>
public sealed record TrainedOn
{
    /// <summary>Radar band by its letter.</summary>
    public string? Band { get; init; }

    /// <summary>Pixel spacing along range, on the ground, metres.</summary>
    public double? RangeSpacing { get; init; }

    /// <summary>Pixel spacing along azimuth, metres.</summary>
    public double? AzimuthSpacing { get; init; }

    /// <summary>Looks of a pixel.</summary>
    public double? Looks { get; init; }

    /// <summary>Noise-equivalent sigma nought, dB.</summary>
    public double? Noise { get; init; }

    /// <summary>What an image tells of itself.</summary>
    public static TrainedOn Of(SarMetadata metadata, GeoReference? place = null)
    {
        var (range, azimuth) = InputFit.GroundSpacing(metadata, place);
        return new() { Band = metadata.Band, RangeSpacing = range, AzimuthSpacing = azimuth, Looks = metadata.Looks };
    }

    /// <summary>The detected images of a sensor.</summary>
    public static TrainedOn Of(Sensor sensor) => new()
    {
        Band = sensor.Band,
        RangeSpacing = sensor.GroundRangeSpacing * sensor.RangeLooks,
        AzimuthSpacing = sensor.AzimuthSpacing * sensor.AzimuthLooks,
        Looks = sensor.RangeLooks * sensor.AzimuthLooks,
        Noise = sensor.NoiseEquivalentSigmaNought,
    };
}

/// <summary>
/// What a model folder's sarsynth.json says: grids, brightness, and what the model learned from. The defaults are those
/// of
/// a model without a card, such as a pipeline of diffusers: four times finer, and amplitude by A / (mu + 3 sigma) of
/// the
/// satellite image itself, the same in all channels.
/// </summary>
public sealed record ModelCard
{
    /// <summary>File name of the card in a model folder.</summary>
    public const string FileName = "sarsynth.json";

    /// <summary>What the model is, in a sentence.</summary>
    public string Description { get; init; } = "";

    /// <summary>Airborne pixels per satellite pixel.</summary>
    public int Scale { get; init; } = 4;

    /// <summary>Name of the satellite sensor that training saw; null where nobody told.</summary>
    public string? SatelliteSensor { get; init; }

    /// <summary>Name of the airborne sensor whose images it makes; null where nobody told.</summary>
    public string? AirborneSensor { get; init; }

    /// <summary>
    /// The airborne sensor whose noise and impulse response the speckle of the mean way is drawn with; null for models
    /// that draw none.
    /// </summary>
    public Sensor? Target { get; init; }

    /// <summary>
    /// Deviation of the smoothing that makes the texture of the mean way of white noise, airborne pixels.
    /// </summary>
    public double TextureLength { get; init; } = 1;

    /// <summary>What the latents of the residual of the mean way are; null for models without.</summary>
    public ResidualFacts? Residual { get; init; }

    /// <summary>The satellite images that training saw; null leaves it to the sensor's name.</summary>
    public TrainedOn? TrainedOn { get; init; }

    /// <summary>
    /// Airborne amplitude to model values; null fits A / (mu + 3 sigma) to each satellite image. Values in [0, 1]
    /// (clipped,
    /// decibels) are mapped to the autoencoder's -1 ... 1, those of the logarithm are its own.
    /// </summary>
    [JsonConverter(typeof(NormalisationConverter))]
    public Normalisation? Airborne { get; init; }

    /// <summary>Satellite amplitude to the values that ControlNets see; null as <see cref="Airborne"/>.</summary>
    [JsonConverter(typeof(NormalisationConverter))]
    public Normalisation? Satellite { get; init; }

    /// <summary>Mean of ln amplitude of the training data's satellite images: what <see cref="RadiometryMatch.Scene"/>
    /// shifts an image to.</summary>
    public double? SatelliteMeanLog { get; init; }

    /// <summary>
    /// Whether inputs are maps of a simulator without noise: their zeros are shadow, not missing data.
    /// </summary>
    public bool ZerosAreShadow { get; init; }

    /// <summary>
    /// What text was measured to change: the lowest correlation between translations of one tile with the prompts of
    /// <see cref="Translator.TextProbes"/>; 1 is nothing. Null where nobody measured.
    /// </summary>
    public double? TextEffect { get; init; }

    /// <summary>What training saw: told, or known by the sensor's name; null where neither.</summary>
    [JsonIgnore]
    public TrainedOn? Trained => TrainedOn
        ?? (SatelliteSensor is { } name && Sensors.Names.Contains(name) ? TrainedOn.Of(Sensors.Named(name)) : null);

    /// <summary>Throws where a value cannot be.</summary>
    /// <param name="source">Named in errors.</param>
    internal ModelCard Checked(string source) => Scale is >= 1 and <= 64 ? this
        : throw new InvalidDataException($"{source}: field 'scale': found {Scale}, "
            + "expected 1 to 64 airborne pixels per satellite pixel.");
}

/// <summary>A normalisation of any kind in a card; one without a kind is of the logarithm, as the first cards had
/// it.</summary>
internal sealed class NormalisationConverter : JsonConverter<Normalisation>
{
    public override Normalisation? Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        if (JsonNode.Parse(ref reader) is not JsonObject fields)
            throw new JsonException("a normalisation is an object.");
        fields.TryAdd("kind", "log");
        try
        {
            return Normalisation.FromJson(fields.ToJsonString());
        }
        catch (FormatException error)
        {
            throw new JsonException(error.Message, error);
        }
    }

    public override void Write(Utf8JsonWriter writer, Normalisation value, JsonSerializerOptions options) =>
        JsonNode.Parse(value.ToJson())!.WriteTo(writer, options);
}
