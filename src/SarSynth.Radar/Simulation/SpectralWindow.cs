// The weighting of a sensor's spectrum and the impulse response that it gives (Carrara, Goodman and Majewski 1995, app. D).
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Simulation;

/// <summary>Kinds of spectral weighting.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<WindowKind>))]
public enum WindowKind
{
    /// <summary>No weighting: first side lobe at -13.26 dB.</summary>
    [JsonStringEnumMemberName("rectangular")] Rectangular,

    /// <summary>Generalised Hamming: a + (1 - a) cos(2 pi f / B), a in [0.5, 1].</summary>
    [JsonStringEnumMemberName("hamming")] Hamming,

    /// <summary>Kaiser-Bessel: I0(b sqrt(1 - (2 f / B)²)) / I0(b), b at least 0.</summary>
    [JsonStringEnumMemberName("kaiser")] Kaiser,
}

/// <summary>The weighting of a processed band.</summary>
/// <param name="Kind">Its family.</param>
/// <param name="Coefficient">Hamming's a or Kaiser's b; ignored for rectangular.</param>
public sealed record SpectralWindow(WindowKind Kind, double Coefficient = 0)
{
    /// <summary>No weighting.</summary>
    public static SpectralWindow Rectangular { get; } = new(WindowKind.Rectangular);

    /// <summary>The weight at <paramref name="x"/> = f / B.</summary>
    /// <param name="x">Frequency over bandwidth; outside [-0.5, 0.5] the weight is 0.</param>
    public double Weight(double x)
    {
        if (Math.Abs(x) > 0.5)
            return 0;
        return Kind switch
        {
            WindowKind.Hamming => Coefficient + (1 - Coefficient) * Math.Cos(2 * Math.PI * x),
            WindowKind.Kaiser => MathNet.Numerics.SpecialFunctions.BesselI0(Coefficient * Math.Sqrt(1 - 4 * x * x))
                / MathNet.Numerics.SpecialFunctions.BesselI0(Coefficient),
            _ => 1,
        };
    }

    /// <summary>The impulse response at <paramref name="u"/> resolution cells (1/B), with unit energy per resolution cell.</summary>
    /// <param name="u">Distance from the peak times bandwidth.</param>
    /// <returns>h with integral of h² du = 1; even and real.</returns>
    public double ImpulseResponse(double u)
    {
        switch (Kind)
        {
            case WindowKind.Hamming:
                double a = Coefficient, side = (1 - a) / 2;
                return (a * Sinc(u) + side * (Sinc(u - 1) + Sinc(u + 1))) / Math.Sqrt(a * a + 2 * side * side);
            case WindowKind.Kaiser:
                // The Fourier integral of the Kaiser-Bessel window is closed: sinh(r)/r with r² = b² - (pi u)².
                double b = Coefficient, square = b * b - Math.PI * Math.PI * u * u;
                double shape = square > 1e-9 ? Math.Sinh(Math.Sqrt(square)) / Math.Sqrt(square)
                    : square < -1e-9 ? Math.Sin(Math.Sqrt(-square)) / Math.Sqrt(-square) : 1;
                return shape / KaiserNorm(b);
            default:
                return Sinc(u);
        }
    }

    /// <summary>Width of the impulse response at half power, in resolution cells 1/B (0.886 unweighted).</summary>
    [JsonIgnore]
    public double HalfPowerWidth
    {
        get
        {
            double half = ImpulseResponse(0) / Math.Sqrt(2), low = 0, high = 3;
            while (high - low > 1e-12)
            {
                double middle = (low + high) / 2;
                if (ImpulseResponse(middle) > half)
                    low = middle;
                else
                    high = middle;
            }
            return 2 * low;
        }
    }

    internal void Check(string field)
    {
        bool fine = Kind switch
        {
            WindowKind.Hamming => Coefficient is >= 0.5 and <= 1,
            WindowKind.Kaiser => Coefficient is >= 0 and <= 20,
            _ => Enum.IsDefined(Kind),
        };
        if (!fine)
            throw new ArgumentException($"{field}: found a {Kind} window with coefficient {Coefficient}, expected Hamming in [0.5, 1] or Kaiser in [0, 20].");
    }

    private static double Sinc(double u) => Math.Abs(u) < 1e-9 ? 1 : Math.Sin(Math.PI * u) / (Math.PI * u);

    // Parseval: the integral of the response squared is the integral of the window squared over the band.
    private static double KaiserNorm(double b)
    {
        const int steps = 512;
        double sum = 0;
        for (int i = 0; i < steps; i++)
        {
            double x = (i + 0.5) / steps - 0.5;
            double w = MathNet.Numerics.SpecialFunctions.BesselI0(b * Math.Sqrt(1 - 4 * x * x));
            sum += w * w / steps;
        }
        return Math.Sqrt(sum);
    }
}
