// The signal between the samples of a line: Fourier interpolation about the centre of its spectrum.
using System.Numerics;

namespace SarSynth.Radar.Signal;

/// <summary>A line of samples as the band-limited, periodic signal through them.</summary>
internal sealed class BandLimitedSignal
{
    private readonly Complex[] spectrum;
    private readonly int lowest;

    public BandLimitedSignal(Complex[] samples)
        : this(Transform(samples), null)
    {
    }

    private BandLimitedSignal(Complex[] bins, int? gap)
    {
        int n = bins.Length;
        lowest = gap ?? Gap([.. bins.Select(Power)]);
        spectrum = new Complex[n];
        for (int i = 0; i < n; i++)
            spectrum[i] = bins[(lowest + i) % n] / n;
    }

    /// <summary>
    /// Lines of one image: their band is cut at the same place, so that their phases go together between the samples.
    /// </summary>
    public static BandLimitedSignal[] OfLines(IEnumerable<Complex[]> lines)
    {
        var bins = lines.Select(Transform).ToArray();
        var power = new double[bins[0].Length];
        foreach (var line in bins)
            for (int k = 0; k < power.Length; k++)
                power[k] += Power(line[k]);
        int gap = Gap(power);
        return [.. bins.Select(line => new BandLimitedSignal(line, gap))];
    }

    public int Length => spectrum.Length;

    /// <summary>Share of the line's energy in every bin of its spectrum, and the bins' angular frequencies.</summary>
    public IEnumerable<(double Share, double Frequency)> Band()
    {
        double energy = spectrum.Sum(Power);
        return spectrum.Select((c, i) => (Power(c) / energy, 2 * Math.PI * (lowest + i) / Length));
    }

    public Complex At(double position)
    {
        // Horner's scheme in exp(2 pi i x / n).
        var turn = Complex.FromPolarCoordinates(1, 2 * Math.PI * position / Length);
        var sum = Complex.Zero;
        for (int i = Length - 1; i >= 0; i--)
            sum = sum * turn + spectrum[i];
        return sum * Complex.FromPolarCoordinates(1, 2 * Math.PI * position * lowest / Length);
    }

    public double Intensity(double position) => Power(At(position));

    /// <summary>Position of the highest intensity in a range, to about 1e-8 pixels.</summary>
    public double Peak(double from, double to, int oversampling)
    {
        double step = 1.0 / oversampling, best = from, highest = -1;
        double coarse = Math.Max(step, 0.125);
        for (double x = from; x <= to; x += coarse)
        {
            double value = Intensity(x);
            if (value > highest)
                (best, highest) = (x, value);
        }
        return Extreme(best - coarse, best + coarse, highest: true);
    }

    /// <summary>Position of the one extreme of the intensity in a range, by golden section.</summary>
    public double Extreme(double from, double to, bool highest)
    {
        const double golden = 0.6180339887498949;
        for (int i = 0; i < 60 && to - from > 1e-9; i++)
        {
            double c = to - golden * (to - from), d = from + golden * (to - from);
            if (Intensity(c) > Intensity(d) == highest)
                to = d;
            else
                from = c;
        }
        return (from + to) / 2;
    }

    private static double Power(Complex value) => value.Real * value.Real + value.Imaginary * value.Imaginary;

    private static Complex[] Transform(Complex[] samples)
    {
        var bins = (Complex[])samples.Clone();
        MathNet.Numerics.IntegralTransforms.Fourier.Forward(bins,
            MathNet.Numerics.IntegralTransforms.FourierOptions.Matlab);
        return bins;
    }

    /// <summary>
    /// Where the band is cut: the bin with least energy around it, weighted with cos(d/2)^16 of the angle d from it.
    /// </summary>
    /// <remarks>
    /// The Doppler centroid may move the band anywhere; a notch in it, narrower than the gap, is not taken for the gap.
    /// </remarks>
    private static int Gap(double[] power)
    {
        const int half = 8;
        int n = power.Length;
        // cos(d/2)^16 is a sum of 8 harmonics, so that the weighting needs 8 sums, not one for each bin.
        var harmonics = new Complex[half + 1];
        for (int k = 0; k < n; k++)
        {
            for (int m = 0; m <= half; m++)
                harmonics[m] += power[k] * Complex.FromPolarCoordinates(1, -2 * Math.PI * m * k / n);
        }
        int best = 0;
        double least = double.PositiveInfinity;
        for (int k = 0; k < n; k++)
        {
            double around = 0, binomial = 1;
            for (int m = 0; m <= half; m++)
            {
                around += (m == 0 ? 1
                    : 2) * binomial * (harmonics[m] * Complex.FromPolarCoordinates(1, 2 * Math.PI * m * k / n)).Real;
                binomial *= (half - m) / (half + m + 1.0);
            }
            if (around < least)
                (best, least) = (k, around);
        }
        return best;
    }
}
