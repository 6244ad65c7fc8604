// How amplitudes become grey levels: the usual four, and one grey scale for images that are compared.
namespace SarSynth.Radar.Images;

/// <summary>A map from linear amplitude to display brightness 0 ... 1, fitted to the image that is shown.</summary>
public abstract record Remap
{
    /// <summary>Amplitude 0 to the 99th percentile, linear: the default.</summary>
    public static Remap Default { get; } = new PercentileRemap();

    /// <summary>The map for an image of these amplitudes.</summary>
    /// <param name="amplitudes">Finite amplitudes, not empty, ascending.</param>
    internal abstract Func<float, double> Fit(float[] amplitudes);

    private protected static double Quantile(float[] sorted, double quantile) =>
        sorted[(int)Math.Clamp(Math.Round(quantile * (sorted.Length - 1)), 0, sorted.Length - 1)];
}

/// <summary>Linear in amplitude from 0 to a percentile.</summary>
/// <param name="Percentile">Amplitudes above this percentile are white; 0 ... 100.</param>
public sealed record PercentileRemap(double Percentile = 99) : Remap
{
    internal override Func<float, double> Fit(float[] amplitudes)
    {
        var white = Quantile(amplitudes, Percentile / 100);
        return white > 0 ? a => a / white : _ => 0;
    }
}

/// <summary>
/// Linear in amplitude from 0 to a given amplitude: images shown with the same one can be compared by eye.
/// </summary>
/// <param name="White">The amplitude that is white, above 0.</param>
public sealed record FixedRemap(double White) : Remap
{
    internal override Func<float, double> Fit(float[] amplitudes) => a => a / White;
}

/// <summary>Linear in amplitude, white at mean + 3 standard deviations.</summary>
/// <param name="Deviations">Standard deviations above the mean that are white.</param>
public sealed record DeviationRemap(double Deviations = 3) : Remap
{
    internal override Func<float, double> Fit(float[] amplitudes)
    {
        var mean = amplitudes.Average(a => (double)a);
        var white = mean + Deviations * Math.Sqrt(amplitudes.Average(a => (a - mean) * (a - mean)));
        return white > 0 ? a => a / white : _ => 0;
    }
}

/// <summary>Linear in decibels of intensity.</summary>
/// <param name="Low">Decibels that are black; null takes the 1st percentile.</param>
/// <param name="High">Decibels that are white; null takes the 99.5th percentile.</param>
public sealed record DecibelRemap(double? Low = null, double? High = null) : Remap
{
    internal override Func<float, double> Fit(float[] amplitudes)
    {
        var positive = amplitudes.AsSpan()[amplitudes.AsSpan()
            .IndexOfAnyExceptInRange(float.NegativeInfinity, 0f) is var at and >= 0 ? at..
            : amplitudes.Length..].ToArray();
        if (positive.Length == 0)
            return _ => 0;
        var low = Low ?? 20 * Math.Log10(Quantile(positive, 0.01));
        var width = Math.Max((High ?? 20 * Math.Log10(Quantile(positive, 0.995))) - low, 1e-6);
        return a => a > 0 ? (20 * Math.Log10(a) - low) / width : 0;
    }
}

/// <summary>
/// The density remap of the SAR exploitation community: logarithmic, anchored at 0.8 times the mean amplitude.
/// </summary>
/// <param name="Minimum">Grey level (of 255) at 0.8 times the mean.</param>
/// <param name="Contrast">
/// White lies at this many times 0.8 the mean; 40 is the standard, 60 brighter, 4 of high contrast.
/// </param>
/// <remarks>
/// D = Dmin + (255 - Dmin) log(A / (0.8 mean)) / log(Contrast): the
/// amplitude-to-density remap of NGA's SIDD and SICD tools.
/// </remarks>
public sealed record DensityRemap(double Minimum = 30, double Contrast = 40) : Remap
{
    internal override Func<float, double> Fit(float[] amplitudes)
    {
        var anchor = 0.8 * amplitudes.Average(a => (double)a);
        var slope = (255 - Minimum) / Math.Log(Contrast);
        return anchor > 0 ? a => a > 0 ? (Minimum + slope * Math.Log(a / anchor)) / 255 : 0 : _ => 0;
    }
}
