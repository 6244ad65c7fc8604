// What a satellite would have seen of the ground that an airborne sensor saw: one recipe, one function.
using System.Text.Json;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>
/// The chain from an airborne image to a satellite-like one: incidence, resolution and spacing (in the frequency
/// domain), thermal noise, looks. A plain record that serialises to JSON; the same recipe and seed give the same image.
/// </summary>
public sealed record SatelliteRecipe
{
    /// <summary>
    /// 3 dB width along range of the single-look satellite image, metres, in the range geometry of the input.
    /// </summary>
    public required double RangeResolution { get; init; }

    /// <summary>3 dB width along azimuth of the single-look satellite image, metres.</summary>
    public required double AzimuthResolution { get; init; }

    /// <summary>Spacing along range before looks are taken, metres; null samples at 1.2 times the bandwidth.</summary>
    public double? RangeSpacing { get; init; }

    /// <summary>
    /// Spacing along azimuth before looks are taken, metres; null samples at 1.2 times the bandwidth.
    /// </summary>
    public double? AzimuthSpacing { get; init; }

    /// <summary>Pixels averaged along range, at least 1; 1 x 1 leaves the image complex.</summary>
    public int RangeLooks { get; init; } = 1;

    /// <summary>Pixels averaged along azimuth, at least 1.</summary>
    public int AzimuthLooks { get; init; } = 1;

    /// <summary>
    /// Noise-equivalent sigma nought in dB; null adds no noise. The input must be calibrated for it to mean this.
    /// </summary>
    public double? NoiseEquivalentSigmaNought { get; init; }

    /// <summary>Incidence angle of the satellite, degrees; null keeps that of the input.</summary>
    public double? IncidenceAngle { get; init; }

    /// <summary>
    /// Power n of sigma nought's fall with incidence, cos^n: 1 keeps gamma nought, 2 is Lambert's law.
    /// </summary>
    public double IncidencePower { get; init; } = 1;

    /// <summary>Weighting of the spectrum, along range and, unless it has its own, along azimuth.</summary>
    public SpectralWindow Window { get; init; } = new HammingWindow(0.7);

    /// <summary>Weighting of the azimuth spectrum; null for that of <see cref="Window"/>.</summary>
    public SpectralWindow? AzimuthWindow { get; init; }

    /// <summary>Seed of the thermal noise.</summary>
    public int Seed { get; init; }

    /// <summary>
    /// What a sensor would see of an airborne image, resampled so that its pixel is a whole number of airborne ones,
    /// the same along range and azimuth: the pair that translation learns from.
    /// </summary>
    /// <param name="satellite">The sensor; its noise, windows, bandwidths and incidence are taken.</param>
    /// <param name="airborne">
    /// Facts of the airborne image: spacing, incidence, and whether range is slant range (taken so unless it says no).
    /// </param>
    /// <returns>
    /// A recipe whose result has rows and columns that are those of the airborne image over the
    /// scale, where that divides them.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The image does not tell its spacing or incidence, or its pixels are larger than the sensor's.
    /// </exception>
    public static SatelliteRecipe Of(Sensor satellite, SarMetadata airborne)
    {
        ArgumentNullException.ThrowIfNull(satellite);
        ArgumentNullException.ThrowIfNull(airborne);
        satellite.Check();
        double range = airborne.RangeSpacing
            ?? throw new ArgumentException("range spacing: the image does not tell its own.");
        double azimuth = airborne.AzimuthSpacing
            ?? throw new ArgumentException("azimuth spacing: the image does not tell its own.");
        // Metres on the ground for each metre of the image's range.
        var ground = airborne.SlantRange == false ? 1 : 1 / Math.Sin(Math.PI / 180
            * (airborne.IncidenceAngle
                ?? throw new ArgumentException("incidence: the image does not tell its own, so "
                + "its ground spacing is not known.")));
        var pair = SensorPair.Grid.Of(range * ground, azimuth, satellite)
            ?? throw new ArgumentException(
                $"image: found pixels of {SensorPair.Pixel(range * ground, azimuth)} on the ground, "
                + $"expected at most those of {satellite.Name}, {SensorPair.Pixel(satellite)}.");
        return new SatelliteRecipe
        {
            RangeResolution = satellite.SlantRangeResolution / ground
                / Math.Sin(satellite.IncidenceAngle * Math.PI / 180),
            AzimuthResolution = satellite.AzimuthResolution,
            RangeSpacing = pair.RangeSpacing / ground,
            AzimuthSpacing = pair.AzimuthSpacing,
            RangeLooks = pair.RangeLooks,
            AzimuthLooks = pair.AzimuthLooks,
            NoiseEquivalentSigmaNought = satellite.NoiseEquivalentSigmaNought,
            IncidenceAngle = airborne.IncidenceAngle is null ? null : satellite.IncidenceAngle,
            Window = satellite.RangeWindow,
            AzimuthWindow = satellite.AzimuthWindow,
        };
    }

    /// <summary>This recipe as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>A recipe from its JSON.</summary>
    /// <exception cref="FormatException">Not the JSON of a recipe.</exception>
    public static SatelliteRecipe FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<SatelliteRecipe>(json, Json)
                ?? throw new FormatException("satellite recipe: found null, expected an object.");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or ArgumentException)
        {
            throw new FormatException($"satellite recipe: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    /// <summary>Makes the satellite-like image.</summary>
    /// <param name="airborne">Complex single-look image that knows its spacing.</param>
    /// <returns>
    /// A <see cref="ComplexImage"/> for one look, else an <see cref="IntensityImage"/>,
    /// on the satellite's grid and the same ground.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The image does not know its spacing (or incidence, when that is to change), or is coarser than the wanted one.
    /// </exception>
    public SarImage Apply(ComplexImage airborne)
    {
        ArgumentNullException.ThrowIfNull(airborne);
        var crop = CropFor(airborne.Metadata);
        var image = ResolutionChange.Apply(airborne, crop);
        var gain = IncidenceGain(airborne.Metadata);
        var pixels = image.Pixels;
        if (gain != 1)
            pixels = Array.ConvertAll(pixels, s => s * gain);
        if (NoiseEquivalentSigmaNought is { } level)
            AddNoise(pixels, image.Rows, image.Columns, crop, Math.Pow(10, level / 10));
        image = new ComplexImage(image.Rows, image.Columns, pixels, Facts(image.Metadata), image.GeoReference);
        return RangeLooks == 1 && AzimuthLooks == 1 ? image : Multilook.Apply(image, AzimuthLooks, RangeLooks);
    }

    /// <summary>
    /// Makes the satellite-like raster from one of any size, in bounded memory: the numbers that the whole image gives.
    /// </summary>
    /// <param name="airborne">Complex single-look raster that knows its spacing.</param>
    /// <param name="path">
    /// The GeoTIFF, complex for one look, else of intensities; it appears whole or not at all.
    /// </param>
    /// <param name="options">How to write it.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <exception cref="ArgumentException">
    /// The raster is not complex, does not know its spacing (or incidence, when that is to change), is coarser than the
    /// wanted one, or smaller than one rectangle of looks.
    /// </exception>
    /// <exception cref="RasterException">
    /// Reading or writing failed; the scratch files beside the result have no room.
    /// </exception>
    public void Apply(SarRaster airborne, string path, GeoTiffOptions? options = null, Action<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(airborne);
        var crop = CropFor(airborne.Metadata);
        var gain = IncidenceGain(airborne.Metadata);
        var (rows, columns) = ResolutionChange.NewGrid(airborne.Rows, airborne.Columns, crop);
        if (AzimuthLooks < 1 || AzimuthLooks > rows || RangeLooks < 1 || RangeLooks > columns)
            throw new ArgumentException($"looks: found {AzimuthLooks} x {RangeLooks}, expected 1 x "
                + $"1 to {rows} x {columns}.");
        using var image = ResolutionChange.Crop(airborne, path, ResolutionChange.WithCentroids(airborne, crop), share =>
            progress?.Invoke(0.8 * share));
        using var noise = NoiseEquivalentSigmaNought is null ? null : Noise(path, rows, columns, crop);
        double rowFactor = (double)airborne.Rows / rows, columnFactor = (double)airborne.Columns / columns;
        var facts = Facts(ResolutionChange.Coarsened(airborne.Metadata, crop, rowFactor, columnFactor));
        var place = airborne.GeoReference?.Coarsened(rowFactor, columnFactor);
        var isComplex = RangeLooks == 1 && AzimuthLooks == 1;
        // The facts and the place of the result are those that multilooking a line of rectangles gives.
        var sample = new ComplexImage(AzimuthLooks, columns, new Complex32[AzimuthLooks * columns], facts, place);
        SarImage one = isComplex ? sample : Multilook.Apply(sample, AzimuthLooks, RangeLooks);
        using var writer = new GeoTiffWriter(path, rows / AzimuthLooks, one.Columns, isComplex ? PixelKind.Complex
            : PixelKind.Intensity, one.Metadata, one.GeoReference, options);
        var bandRows = Math.Max(1, (1 << 20) / columns / AzimuthLooks) * AzimuthLooks;
        foreach (var band in RasterWindow.Cover(rows / AzimuthLooks * AzimuthLooks, columns, bandRows, columns))
        {
            Complex32[] lines = new Complex32[band.Rows * columns],
                noisy = new Complex32[noise is null ? 0 : lines.Length];
            image.ReadLines(band.Row, band.Rows, lines);
            noise?.ReadLines(band.Row, band.Rows, noisy);
            var (scale, level) = (image.Scale, noise is null ? 0
                : (float)Math.Sqrt(Math.Pow(10, NoiseEquivalentSigmaNought!.Value / 10)));
            for (var i = 0; i < lines.Length; i++)
            {
                lines[i] = lines[i] * scale * gain;
                if (noise is not null)
                    lines[i] += noisy[i] * noise.Scale * level;
            }
            var seen = new ComplexImage(band.Rows, columns, lines);
            writer.WriteWindow(band.Row / AzimuthLooks, 0, isComplex ? seen
                : Multilook.Apply(seen, AzimuthLooks, RangeLooks));
            progress?.Invoke(0.8 + 0.2 * (band.Row + band.Rows) / rows);
        }
        writer.Complete();
    }

    private SpectralCrop CropFor(SarMetadata airborne)
    {
        var (range, azimuth) = (Window, AzimuthWindow ?? Window);
        return ResolutionChange.CropFor(airborne, RangeResolution, AzimuthResolution,
            RangeSpacing ?? RangeResolution / range.WidthFactor() / 1.2,
            AzimuthSpacing ?? AzimuthResolution / azimuth.WidthFactor() / 1.2, range, azimuth);
    }

    private SarMetadata Facts(SarMetadata coarse) =>
        coarse with { IncidenceAngle = IncidenceAngle ?? coarse.IncidenceAngle, Looks = 1 };

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
        var found = metadata.IncidenceAngle
            ?? throw new ArgumentException("incidence: the image does not tell its own, so it cannot be changed.");
        if (!(wanted is >= 0 and < 90) || !(found is >= 0 and < 90))
            throw new ArgumentException($"incidence: found {found} and {wanted} degrees, expected 0 to 90.");
        return (float)Math.Pow(Math.Cos(wanted * Math.PI / 180) / Math.Cos(found * Math.PI / 180), IncidencePower / 2);
    }

    // Receiver noise goes through the same processor as the echoes: white inside the band, with the band's weighting.
    private void AddNoise(Complex32[] pixels, int rows, int columns, SpectralCrop crop, double power)
    {
        var noise = new Complex32[pixels.Length];
        DrawNoise(0, columns, noise);
        var image = ResolutionChange.Apply(new ComplexImage(rows, columns, noise), NoiseCrop(crop));
        // ResolutionChange keeps the mean intensity of the draw; the level wanted is the expected one.
        var scale = (float)Math.Sqrt(power);
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] += image.Pixels[i] * scale;
    }

    // The same noise, line by line.
    private SpectralStream Noise(string path, int rows, int columns, SpectralCrop crop)
    {
        var stream = new SpectralStream(path, rows, columns, NoiseCrop(crop));
        try
        {
            stream.Run((window, lines) => DrawNoise(window.Row, columns, lines), null);
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private static SpectralCrop NoiseCrop(SpectralCrop crop) =>
        crop with { RowFactor = 1, ColumnFactor = 1, DopplerCentroid = crop.DopplerCentroid
            ?? 0, RangeCentroid = crop.RangeCentroid ?? 0 };

    // A stream for each row, so that noise does not depend on how many rows come at a time.
    private void DrawNoise(int firstRow, int columns, Span<Complex32> noise)
    {
        float[] real = new float[columns], imaginary = new float[columns];
        for (var at = 0; at < noise.Length; at += columns)
        {
            new SeededRandom((ulong)Seed, "thermal noise", firstRow + at / columns).FillCircularNormal(real, imaginary);
            for (var i = 0; i < columns; i++)
                noise[at + i] = new Complex32(real[i], imaginary[i]);
        }
    }
}
