// What a satellite would have seen of the ground that an airborne sensor saw: one recipe, one function.
using System.Text.Json;
using MathNet.Numerics;
using SarSynth.Radar.Rasters;

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// The chain from an airborne image to a satellite-like one: incidence, resolution and spacing (in the frequency domain),
/// thermal noise, looks. A plain record that serialises to JSON; the same recipe and seed give the same image.
/// </summary>
public sealed record SatelliteRecipe
{
    /// <summary>3 dB width along range of the single-look satellite image, metres, in the range geometry of the input.</summary>
    public required double RangeResolution { get; init; }

    /// <summary>3 dB width along azimuth of the single-look satellite image, metres.</summary>
    public required double AzimuthResolution { get; init; }

    /// <summary>Spacing along range before looks are taken, metres; null samples at 1.2 times the bandwidth.</summary>
    public double? RangeSpacing { get; init; }

    /// <summary>Spacing along azimuth before looks are taken, metres; null samples at 1.2 times the bandwidth.</summary>
    public double? AzimuthSpacing { get; init; }

    /// <summary>Pixels averaged along range, at least 1; 1 x 1 leaves the image complex.</summary>
    public int RangeLooks { get; init; } = 1;

    /// <summary>Pixels averaged along azimuth, at least 1.</summary>
    public int AzimuthLooks { get; init; } = 1;

    /// <summary>Noise-equivalent sigma nought in dB; null adds no noise. The input must be calibrated for it to mean this.</summary>
    public double? NoiseEquivalentSigmaNought { get; init; }

    /// <summary>Incidence angle of the satellite, degrees; null keeps that of the input.</summary>
    public double? IncidenceAngle { get; init; }

    /// <summary>Power n of sigma nought's fall with incidence, cos^n: 1 keeps gamma nought, 2 is Lambert's law.</summary>
    public double IncidencePower { get; init; } = 1;

    /// <summary>Weighting of the spectrum in both axes.</summary>
    public SpectralWindow Window { get; init; } = new HammingWindow(0.7);

    /// <summary>Seed of the thermal noise.</summary>
    public int Seed { get; init; }

    /// <summary>This recipe as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>A recipe from its JSON.</summary>
    /// <exception cref="FormatException">Not the JSON of a recipe.</exception>
    public static SatelliteRecipe FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<SatelliteRecipe>(json, Json) ?? throw new FormatException("satellite recipe: found null, expected an object.");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or ArgumentException)
        {
            throw new FormatException($"satellite recipe: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    /// <summary>Makes the satellite-like image.</summary>
    /// <param name="airborne">Complex single-look image that knows its spacing.</param>
    /// <returns>A <see cref="ComplexImage"/> for one look, else an <see cref="IntensityImage"/>, on the satellite's grid and the same ground.</returns>
    /// <exception cref="ArgumentException">The image does not know its spacing (or incidence, when that is to change), or is coarser than the wanted one.</exception>
    public SarImage Apply(ComplexImage airborne)
    {
        ArgumentNullException.ThrowIfNull(airborne);
        var width = Window.WidthFactor();
        var crop = ResolutionChange.CropFor(airborne, RangeResolution, AzimuthResolution,
            RangeSpacing ?? RangeResolution / width / 1.2, AzimuthSpacing ?? AzimuthResolution / width / 1.2, Window);
        var image = ResolutionChange.Apply(airborne, crop);
        var gain = IncidenceGain(airborne.Metadata);
        var pixels = image.Pixels;
        if (gain != 1)
            pixels = Array.ConvertAll(pixels, s => s * gain);
        if (NoiseEquivalentSigmaNought is { } level)
            AddNoise(pixels, image.Rows, image.Columns, crop, Math.Pow(10, level / 10));
        var metadata = image.Metadata with { IncidenceAngle = IncidenceAngle ?? image.Metadata.IncidenceAngle, Looks = 1 };
        image = new ComplexImage(image.Rows, image.Columns, pixels, metadata, image.GeoReference);
        return RangeLooks == 1 && AzimuthLooks == 1 ? image : Multilook.Apply(image, AzimuthLooks, RangeLooks);
    }

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        AllowOutOfOrderMetadataProperties = true,
        WriteIndented = true,
    };

    private float IncidenceGain(SarMetadata metadata)
    {
        if (IncidenceAngle is not { } wanted)
            return 1;
        var found = metadata.IncidenceAngle ?? throw new ArgumentException("incidence: the image does not tell its own, so it cannot be changed.");
        if (!(wanted is >= 0 and < 90) || !(found is >= 0 and < 90))
            throw new ArgumentException($"incidence: found {found} and {wanted} degrees, expected 0 to 90.");
        return (float)Math.Pow(Math.Cos(wanted * Math.PI / 180) / Math.Cos(found * Math.PI / 180), IncidencePower / 2);
    }

    // Receiver noise goes through the same processor as the echoes: white inside the band, with the band's weighting.
    private void AddNoise(Complex32[] pixels, int rows, int columns, SpectralCrop crop, double power)
    {
        var random = new Random(Seed);
        var noise = new Complex32[pixels.Length];
        for (var i = 0; i < noise.Length; i++)
        {
            var radius = Math.Sqrt(-Math.Log(1 - random.NextDouble()));
            var (sine, cosine) = Math.SinCos(2 * Math.PI * random.NextDouble());
            noise[i] = new Complex32((float)(radius * cosine), (float)(radius * sine));
        }
        var image = ResolutionChange.Apply(new ComplexImage(rows, columns, noise),
            crop with { RowFactor = 1, ColumnFactor = 1, DopplerCentroid = crop.DopplerCentroid ?? 0, RangeCentroid = crop.RangeCentroid ?? 0 });
        // ResolutionChange keeps the mean intensity of the draw; the level wanted is the expected one.
        var scale = (float)Math.Sqrt(power);
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] += image.Pixels[i] * scale;
    }
}
