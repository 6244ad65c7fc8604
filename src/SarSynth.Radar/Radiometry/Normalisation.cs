// From linear amplitude to the numbers a model works on, and back: small records that serialise with the data.
using System.Numerics.Tensors;
using System.Text.Json;
using System.Text.Json.Serialization;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Radiometry;

/// <summary>What the constants of a normalisation were fitted on.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<NormalisationScope>))]
public enum NormalisationScope
{
    /// <summary>The whole data set: one set of constants, so brightness stays comparable between scenes.</summary>
    Global,

    /// <summary>One scene.</summary>
    Scene,

    /// <summary>One tile.</summary>
    Tile,
}

/// <summary>An invertible map from linear amplitude to model values. NaN (no data) stays NaN both ways.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ClippedNormalisation), "clipped")]
[JsonDerivedType(typeof(DecibelNormalisation), "decibel")]
[JsonDerivedType(typeof(LogNormalisation), "log")]
public abstract record Normalisation
{
    /// <summary>What the constants were fitted on.</summary>
    public NormalisationScope Scope { get; init; } = NormalisationScope.Global;

    /// <summary>Amplitude (linear, not negative) to model values; the two spans may be the same.</summary>
    /// <exception cref="ArgumentException">The spans differ in length.</exception>
    public abstract void Apply(ReadOnlySpan<float> amplitude, Span<float> normalised);

    /// <summary>Model values to amplitude (linear, never negative); the two spans may be the same.</summary>
    /// <exception cref="ArgumentException">The spans differ in length.</exception>
    public abstract void Invert(ReadOnlySpan<float> normalised, Span<float> amplitude);

    /// <summary>The image's amplitude as model values, row-major.</summary>
    public float[] Apply(SarImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var amplitude = image.ToAmplitude().Pixels;
        var normalised = new float[amplitude.Length];
        Apply(amplitude, normalised);
        return normalised;
    }

    /// <summary>Model values as an amplitude image.</summary>
    /// <param name="normalised">Row-major [rows x columns].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="metadata">The sensor's facts to carry along.</param>
    /// <param name="geoReference">Where the pixels lie.</param>
    public AmplitudeImage Invert(ReadOnlySpan<float> normalised, int rows, int columns, SarMetadata? metadata = null,
        GeoReference? geoReference = null)
    {
        var amplitude = new float[normalised.Length];
        Invert(normalised, amplitude);
        return new AmplitudeImage(rows, columns, amplitude, metadata, geoReference);
    }

    /// <summary>This normalisation as JSON, with its kind.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>A normalisation from its JSON.</summary>
    /// <exception cref="FormatException">Not the JSON of a normalisation; the message says what is wrong.</exception>
    public static Normalisation FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<Normalisation>(json, Json)
                ?? throw new FormatException("normalisation: found null, expected an object.");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or ArgumentException)
        {
            throw new FormatException($"normalisation: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        RespectRequiredConstructorParameters = true,
        AllowOutOfOrderMetadataProperties = true,
        WriteIndented = true,
    };

    private protected static double Positive(double value, string name) =>
        double.IsFinite(value)
            && value > 0 ? value
            : throw new ArgumentException($"{name}: found {value}, expected a finite number above 0.", name);

    private protected static double Finite(double value, string name) =>
        double.IsFinite(value) ? value
            : throw new ArgumentException($"{name}: found {value}, expected a finite number.", name);

    private protected static void SameLength(ReadOnlySpan<float> from, Span<float> to)
    {
        if (from.Length != to.Length)
            throw new ArgumentException($"normalisation: found {to.Length} places for {from.Length} values.");
    }
}

/// <summary>
/// A / (mean + deviations x standard deviation), clipped to [0, 1]: the
/// normalisation of the fine-tuning literature on SAR.
/// </summary>
/// <remarks>
/// Debuysere et al. (2025), arXiv 2506.13307: A_norm = A / (mu + 3 sigma). The inverse is
/// exact (to rounding) where nothing was clipped.
/// </remarks>
/// <param name="Mean">Mean of the linear amplitude, above 0.</param>
/// <param name="StandardDeviation">Standard deviation of the linear amplitude, 0 or above.</param>
/// <param name="Deviations">How many standard deviations above the mean become 1.</param>
public sealed record ClippedNormalisation(double Mean, double StandardDeviation, double Deviations = 3) : Normalisation
{
    /// <summary>The amplitude that becomes 1.</summary>
    [JsonIgnore]
    public double Ceiling { get; } = Positive(Mean + Deviations * StandardDeviation,
        "mean + deviations x standardDeviation");

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<float> amplitude, Span<float> normalised)
    {
        SameLength(amplitude, normalised);
        TensorPrimitives.Multiply(amplitude, (float)(1 / Ceiling), normalised);
        TensorPrimitives.Max(normalised, 0f, normalised);
        TensorPrimitives.Min(normalised, 1f, normalised);
    }

    /// <inheritdoc/>
    public override void Invert(ReadOnlySpan<float> normalised, Span<float> amplitude)
    {
        SameLength(normalised, amplitude);
        TensorPrimitives.Multiply(normalised, (float)Ceiling, amplitude);
        TensorPrimitives.Max(amplitude, 0f, amplitude);
    }
}

/// <summary>Decibels of the intensity, low ... high, to 0 ... 1; clipped there if asked.</summary>
/// <param name="Low">Decibels that become 0; amplitude 0 becomes this too.</param>
/// <param name="High">Decibels that become 1.</param>
/// <param name="Clip">
/// Whether values outside are clipped (below 0 they always are: zero amplitude has no logarithm).
/// </param>
public sealed record DecibelNormalisation(double Low, double High, bool Clip = true) : Normalisation
{
    private readonly double width = Positive(Finite(High, "high") - Finite(Low, "low"), "high - low");

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<float> amplitude, Span<float> normalised)
    {
        SameLength(amplitude, normalised);
        TensorPrimitives.Max(amplitude, (float)Math.Pow(10, Low / 20), normalised);
        TensorPrimitives.Log10(normalised, normalised);
        TensorPrimitives.Multiply(normalised, (float)(20 / width), normalised);
        TensorPrimitives.Subtract(normalised, (float)(Low / width), normalised);
        if (Clip)
        {
            TensorPrimitives.Max(normalised, 0f, normalised);
            TensorPrimitives.Min(normalised, 1f, normalised);
        }
    }

    /// <inheritdoc/>
    public override void Invert(ReadOnlySpan<float> normalised, Span<float> amplitude)
    {
        SameLength(normalised, amplitude);
        TensorPrimitives.Multiply(normalised, (float)(width * Math.Log(10) / 20), amplitude);
        TensorPrimitives.Add(amplitude, (float)(Low * Math.Log(10) / 20), amplitude);
        TensorPrimitives.Exp(amplitude, amplitude);
    }
}

/// <summary>
/// (ln(A + epsilon) - mean) / standard deviation: zero mean, unit variance, speckle turned from a factor into a sum.
/// </summary>
/// <param name="Mean">Mean of ln(A + epsilon).</param>
/// <param name="StandardDeviation">Standard deviation of ln(A + epsilon), above 0.</param>
/// <param name="Epsilon">Amplitude added before the logarithm, above 0: bounds what a zero becomes.</param>
public sealed record LogNormalisation(double Mean, double StandardDeviation, double Epsilon) : Normalisation
{
    private readonly double mean = Finite(Mean, "mean");
    private readonly double deviation = Positive(StandardDeviation, "standardDeviation");
    private readonly double epsilon = Positive(Epsilon, "epsilon");

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<float> amplitude, Span<float> normalised)
    {
        SameLength(amplitude, normalised);
        TensorPrimitives.Max(amplitude, 0f, normalised);
        TensorPrimitives.Add(normalised, (float)epsilon, normalised);
        TensorPrimitives.Log(normalised, normalised);
        TensorPrimitives.Subtract(normalised, (float)mean, normalised);
        TensorPrimitives.Multiply(normalised, (float)(1 / deviation), normalised);
    }

    /// <inheritdoc/>
    public override void Invert(ReadOnlySpan<float> normalised, Span<float> amplitude)
    {
        SameLength(normalised, amplitude);
        TensorPrimitives.Multiply(normalised, (float)deviation, amplitude);
        TensorPrimitives.Add(amplitude, (float)mean, amplitude);
        TensorPrimitives.Exp(amplitude, amplitude);
        TensorPrimitives.Subtract(amplitude, (float)epsilon, amplitude);
        TensorPrimitives.Max(amplitude, 0f, amplitude);
    }
}
