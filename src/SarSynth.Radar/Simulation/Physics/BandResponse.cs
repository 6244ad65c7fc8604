// The impulse response of a weighted band in closed form: cosine-sum windows give shifted
// sincs, Kaiser's a hyperbolic sine (Harris 1978).
using System.Collections.Concurrent;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>h(u) of a window, u in resolution cells 1/B from the peak, with integral of h² du = 1.</summary>
internal sealed class BandResponse
{
    private const int Steps = 2048;

    private static readonly ConcurrentDictionary<SpectralWindow, BandResponse> Known = new();

    private readonly double beta = double.NaN, norm;
    private readonly double[] cosines = [];

    private BandResponse(SpectralWindow window)
    {
        double energy = 0;
        var weights = new double[Steps];
        for (int i = 0; i < Steps; i++)
        {
            weights[i] = window.Weight((i + 0.5) / Steps);
            energy += weights[i] * weights[i] / Steps;
        }
        if (window is KaiserWindow kaiser)
        {
            // The window's transform is sinh(r) / r over I0(beta), r² = beta² - (pi u)².
            beta = kaiser.Beta;
            norm = 1 / (Math.Sqrt(energy) * MathNet.Numerics.SpecialFunctions.BesselI0(beta));
        }
        else
        {
            cosines = Cosines(weights);
            norm = 1 / Math.Sqrt(energy);
        }
        HalfPowerWidth = Width();
    }

    /// <summary>The response of a window.</summary>
    public static BandResponse Of(SpectralWindow window) => Known.GetOrAdd(window, static w => new BandResponse(w));

    /// <summary>Width at half power in resolution cells (0.886 unweighted).</summary>
    public double HalfPowerWidth { get; }

    /// <summary>The response at <paramref name="u"/> resolution cells; even and real.</summary>
    public double At(double u)
    {
        if (!double.IsNaN(beta))
        {
            double square = beta * beta - Math.PI * Math.PI * u * u, root = Math.Sqrt(Math.Abs(square));
            return norm * (root < 1e-5 ? 1 : square > 0 ? Math.Sinh(root) / root : Math.Sin(root) / root);
        }
        double sum = cosines[0] * Sinc(u);
        for (int m = 1; m < cosines.Length; m++)
            sum += cosines[m] / 2 * (Sinc(u - m) + Sinc(u + m));
        return norm * sum;
    }

    // w(x) = sum of a[m] cos(pi m x) on -1 ... 1.
    private static double[] Cosines(double[] weights)
    {
        var cosines = new List<double>();
        for (int m = 0; m < 64; m++)
        {
            double sum = 0;
            for (int i = 0; i < Steps; i++)
                sum += weights[i] * Math.Cos(Math.PI * m * (i + 0.5) / Steps);
            cosines.Add(sum * (m == 0 ? 1.0 : 2.0) / Steps);
        }
        int last = cosines.FindLastIndex(a => Math.Abs(a) > 1e-9);
        return [.. cosines.Take(last + 1)];
    }

    private double Width()
    {
        double half = At(0) / Math.Sqrt(2), low = 0, high = 3;
        while (high - low > 1e-12)
        {
            double middle = (low + high) / 2;
            if (At(middle) > half)
                low = middle;
            else
                high = middle;
        }
        return 2 * low;
    }

    private static double Sinc(double u) => Math.Abs(u) < 1e-9 ? 1 : Math.Sin(Math.PI * u) / (Math.PI * u);
}
