// A sample of intensities as the fits use it: logarithms, sorted, and a compact form for likelihoods.
namespace SarSynth.Radar.Statistics;

/// <summary>Positive pixels of a sample, as logarithms of intensity.</summary>
internal sealed class FitSample
{
    // Samples up to this size enter likelihoods pixel by pixel.
    private const int ExactCount = 1024;

    private readonly double[] nodes, weights;
    private readonly double sumOfLogs;

    public FitSample(ReadOnlySpan<float> pixels, int minimum, DetectedKind kind)
    {
        Kind = kind;
        var logs = PixelSums.Logarithms(pixels, nameof(pixels), minimum, out _, out _);
        if (kind == DetectedKind.Amplitude)
        {
            for (int i = 0; i < logs.Length; i++)
                logs[i] *= 2;
        }
        Array.Sort(logs);
        SortedLogarithms = logs;
        sumOfLogs = logs.Sum();
        MeanLog = sumOfLogs / logs.Length;
        LogMoments = new double[7];
        RawMoments = new double[7];
        foreach (double log in logs)
        {
            // Around the mean logarithm: no overflow and no cancellation whatever the data's scale.
            double d = log - MeanLog, x = Math.Exp(d), power = 1, raw = 1;
            for (int r = 0; r < 7; r++)
            {
                LogMoments[r] += power / logs.Length;
                RawMoments[r] += raw / logs.Length;
                power *= d;
                raw *= x;
            }
        }
        IsConstant = !(LogMoments[2] > 1e-14);
        (nodes, weights) = logs.Length <= ExactCount || IsConstant ? (logs, []) : Gridded();
    }

    public DetectedKind Kind { get; }

    /// <summary>Natural logarithms of the intensity, ascending.</summary>
    public double[] SortedLogarithms { get; }

    public int Count => SortedLogarithms.Length;

    public bool IsConstant { get; }

    /// <summary>Mean of ln I.</summary>
    public double MeanLog { get; }

    /// <summary>Central moments of ln I, orders 0 to 6.</summary>
    public double[] LogMoments { get; }

    /// <summary>Moments of I / exp(MeanLog), orders 0 to 6.</summary>
    public double[] RawMoments { get; }

    /// <summary>Mean log-density of ln I under a law of the intensity.</summary>
    /// <remarks>
    /// Large samples are spread on a grid in ln I with the weights of cubic interpolation: the sum is then that of the
    /// interpolated log-density, which is smooth, to about 1e-7.
    /// </remarks>
    public double MeanLogLikelihood(ClutterLaw law)
    {
        double sum = 0;
        for (int i = 0; i < nodes.Length; i++)
        {
            double weight = weights.Length == 0 ? 1.0 / nodes.Length : weights[i];
            if (weight != 0)
                sum += weight * (law.LogDensity(Math.Exp(nodes[i])) + nodes[i]);
        }
        return sum;
    }

    /// <summary>
    /// Log-likelihood of the pixels as they were given, intensity or amplitude, under a law of the intensity.
    /// </summary>
    public double LogLikelihood(ClutterLaw law)
    {
        // Density of the amplitude a: 2 a p(a²); of the logarithm: I p(I).
        double jacobian = Kind == DetectedKind.Intensity ? -sumOfLogs : Count * Math.Log(2) - sumOfLogs / 2;
        return Count * MeanLogLikelihood(law) + jacobian;
    }

    private (double[] Nodes, double[] Weights) Gridded()
    {
        double step = Math.Min(1.0 / 32, Math.Sqrt(LogMoments[2]) / 16);
        double origin = SortedLogarithms[0] - step;
        // A single far outlier must not make the grid huge.
        double range = SortedLogarithms[^1] - SortedLogarithms[0];
        if (range / step > 100_000)
            return (SortedLogarithms, []);
        int count = (int)(range / step) + 4;
        var grid = new double[count];
        foreach (double log in SortedLogarithms)
        {
            double position = (log - origin) / step;
            int k = Math.Clamp((int)position, 1, count - 3);
            double t = position - k;
            grid[k - 1] += -t * (t - 1) * (t - 2) / 6;
            grid[k] += (t + 1) * (t - 1) * (t - 2) / 2;
            grid[k + 1] += -(t + 1) * t * (t - 2) / 2;
            grid[k + 2] += (t + 1) * t * (t - 1) / 6;
        }
        for (int i = 0; i < count; i++)
            grid[i] /= Count;
        return ([.. Enumerable.Range(0, count).Select(i => origin + i * step)], grid);
    }
}
