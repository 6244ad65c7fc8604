// Amplitude weights of a band-limited spectrum, and what they do to the impulse response.
using System.Text.Json.Serialization;
using MathNet.Numerics;

namespace SarSynth.Radar.Signal;

/// <summary>An amplitude weight over the band, from -1 (lower edge) to 1 (upper edge).</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(RectangularWindow), "rectangular")]
[JsonDerivedType(typeof(HammingWindow), "hamming")]
[JsonDerivedType(typeof(KaiserWindow), "kaiser")]
[JsonDerivedType(typeof(TaylorWindow), "taylor")]
public abstract record SpectralWindow
{
    /// <summary>The weight at a place in the band.</summary>
    /// <param name="position">-1 ... 1; outside the weight is 0.</param>
    public double Weight(double position) => Math.Abs(position) <= 1 ? Inside(position) : 0;

    /// <summary>Width of the impulse response at half power times the bandwidth: 0.886 without weighting.</summary>
    public double WidthFactor()
    {
        // Half power of the response h(x) = integral of w(u) cos(pi x u) over -1 ... 1, x in units of 1/bandwidth.
        double peak = Response(0), low = 0, high = 4;
        while (high - low > 1e-9)
        {
            var middle = (low + high) / 2;
            if (Response(middle) > peak * Math.Sqrt(0.5))
                low = middle;
            else
                high = middle;
        }
        return 2 * low;
    }

    /// <summary>The weight inside the band.</summary>
    private protected abstract double Inside(double position);

    private double Response(double x)
    {
        const int steps = 4096;
        double sum = 0;
        for (var i = 0; i < steps; i++)
        {
            var u = (i + 0.5) / steps;
            sum += Inside(u) * Math.Cos(Math.PI * x * u);
        }
        return sum / steps;
    }
}

/// <summary>No weighting: sharpest, side lobes at -13.3 dB.</summary>
public sealed record RectangularWindow : SpectralWindow
{
    private protected override double Inside(double position) => 1;
}

/// <summary>a + (1 - a) cos(pi x): Hamming with a = 0.54; Sentinel-1 uses 0.70 to 0.75, TerraSAR-X 0.6.</summary>
/// <param name="Coefficient">0.5 (Hann) ... 1 (none).</param>
public sealed record HammingWindow(double Coefficient = 0.54) : SpectralWindow
{
    private protected override double Inside(double position) =>
        Coefficient + (1 - Coefficient) * Math.Cos(Math.PI * position);
}

/// <summary>Kaiser's window I0(beta sqrt(1 - x²)) / I0(beta).</summary>
/// <param name="Beta">0 (none) and up; 2.5 is common in SAR.</param>
public sealed record KaiserWindow(double Beta = 2.5) : SpectralWindow
{
    private protected override double Inside(double position) =>
        SpecialFunctions.BesselI0(Beta * Math.Sqrt(1 - position * position)) / SpecialFunctions.BesselI0(Beta);
}

/// <summary>Taylor's window: side lobes of equal height near the main lobe.</summary>
/// <param name="SideLobe">Level of the side lobes in dB below the peak, above 0.</param>
/// <param name="Count">Number of nearly equal side lobes, at least 2 (n-bar).</param>
/// <remarks>Carrara, Goodman and Majewski (1995), appendix D.</remarks>
public sealed record TaylorWindow(double SideLobe = 35, int Count = 5) : SpectralWindow
{
    private readonly double[] coefficients = Coefficients(SideLobe, Count);

    /// <inheritdoc/>
    public bool Equals(TaylorWindow? other) => other is not null && SideLobe == other.SideLobe && Count == other.Count;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(SideLobe, Count);

    private protected override double Inside(double position)
    {
        var sum = 1.0;
        for (var m = 0; m < coefficients.Length; m++)
            sum += 2 * coefficients[m] * Math.Cos(Math.PI * (m + 1) * position);
        return sum;
    }

    private static double[] Coefficients(double sideLobe, int count)
    {
        if (!(sideLobe > 0) || count < 2)
            throw new ArgumentException($"Taylor window: found side lobes of {sideLobe} dB and a count of {count}, "
                + $"expected above 0 dB and at least 2.");
        var a = Math.Acosh(Math.Pow(10, sideLobe / 20)) / Math.PI;
        var stretch = count * count / (a * a + (count - 0.5) * (count - 0.5));
        var coefficients = new double[count - 1];
        for (var m = 1; m < count; m++)
        {
            double numerator = 1, denominator = 1;
            for (var n = 1; n < count; n++)
            {
                numerator *= 1 - m * m / (stretch * (a * a + (n - 0.5) * (n - 0.5)));
                if (n != m)
                    denominator *= 1 - (double)m * m / (n * n);
            }
            coefficients[m - 1] = (m % 2 == 0 ? -1 : 1) * numerator / (2 * denominator);
        }
        return coefficients;
    }
}
