// Measures of how often which amplitude comes: distances of distributions, power, the brightest pixel, missing ones.
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>Measures of the amplitude's distribution.</summary>
internal static class AmplitudeMeasures
{
    /// <summary>Bins of equal ratio of the amplitude's histogram.</summary>
    public const int Bins = 150;

    /// <summary>Ends of those bins, dB of the true images' mean intensity.</summary>
    public const double Lowest = -60, Highest = 40;

    private const string Law = "amplitude law";

    private const string BinsInWords =
        "150 bins of 2/3 dB from -60 to 40 dB of the true images' mean intensity, the outer ones open";

    private const int FineBins = 4096;

    /// <summary>Distances of the distributions that every table has.</summary>
    public static IEnumerable<Measure> Divergences()
    {
        yield return Divergence("kl", "KL, log bins", $"KL(true || image) of the amplitude, nats: {BinsInWords}.",
            new(0, Most: 0.003), look => LogBins(look, Bins));
        yield return Divergence("kl-8bit", "KL, 8 bit", "KL(true || image) of A / (mu + 3 sigma) in 256 levels, mu and "
            + "sigma of all true images; nats.", new(0, Most: 0.003), EightBits);
    }

    /// <summary>The same on one class of ground each.</summary>
    public static IEnumerable<Measure> DivergencesByClass()
    {
        foreach (var (which, words, goal) in classes)
            yield return OnClass(Divergence($"kl-{Id(which)}", $"KL on {words}",
                $"KL as above of the pixels whose true class is {words}.", new(0, Most: goal),
                look => LogBins(look, Bins, which)));
    }

    /// <summary>Other distances of the distributions.</summary>
    public static IEnumerable<Measure> OtherDistances()
    {
        yield return Row("js", "Jensen-Shannon", $"Jensen-Shannon divergence of the amplitude, nats: {BinsInWords}.",
            look => LogBins(look, Bins), JensenShannon);
        yield return Row("w1", "Wasserstein-1", "Wasserstein-1 distance of the amplitude, in true mean amplitudes; "
            + "4,096 equal bins up to four times mu + 3 sigma.", LinearBins, Wasserstein1) with { Unit = "mean" };
        yield return Row("w1-intensity", "W1 of intensity", "Wasserstein-1 distance of the intensity, in true mean "
            + "intensities; 4,096 bins of equal ratio. (KL, JS and KS are the same for amplitude and intensity.)",
            look => LogBins(look, FineBins), IntensityWasserstein1) with { Unit = "mean" };
        yield return Row("ks", "Kolmogorov-Smirnov", "Largest gap between the distribution functions of the amplitude; "
            + "4,096 bins of equal ratio.", look => LogBins(look, FineBins), KolmogorovSmirnov)
            with { Bounds = (0, 1) };
    }

    /// <summary>Those on one class of ground each.</summary>
    public static IEnumerable<Measure> OtherDistancesByClass()
    {
        foreach (var (which, words, _) in classes)
        {
            yield return Detail("js", "JS", "Jensen-Shannon divergence", Bins, JensenShannon);
            yield return Detail("w1", "W1", "Wasserstein-1 distance of the amplitude, in true mean amplitudes, 4,096 "
                + "bins of equal ratio,", FineBins, AmplitudeWasserstein1);
            yield return Detail("w1-intensity", "W1 of intensity", "Wasserstein-1 distance of the intensity, in true "
                + "mean intensities, 4,096 bins of equal ratio,", FineBins, IntensityWasserstein1);
            yield return Detail("ks", "KS", "largest gap between the distribution functions, 4,096 bins of equal "
                + "ratio,",
                FineBins, KolmogorovSmirnov);

            Measure Detail(string id, string name, string definition, int bins,
                Func<double[], double[], double> distance) => OnClass(Row($"{id}-{Id(which)}", $"{name} on {words}",
                $"{definition} of the pixels whose true class is {words}.", look => LogBins(look, bins, which),
                distance)) with { IsDetail = true };
        }
    }

    private static readonly (GroundClass Class, string Words, double Goal)[] classes =
    [
        (GroundClass.Fields, "fields", 0.002), (GroundClass.Trees, "trees", 0.005),
        (GroundClass.Paved, "paved ground", 0.003), (GroundClass.Built, "built ground", 0.004),
    ];

    private static string Id(GroundClass which) => which.ToString().ToLowerInvariant();

    private static Measure OnClass(Measure measure) => measure with
    {
        Needs = MeasureNeeds.Pairs | MeasureNeeds.Ground,
    };

    private static Measure Row(string id, string name, string definition, Func<SceneLook, double[]?> parts,
        Func<double[], double[], double> distance) => new()
    {
        Id = id, Group = Law, Name = name, Definition = definition, Format = "0.0000", Goal = new(0),
        Parts = parts, Join = (truth, own) => distance(Measure.Sum(truth), Measure.Sum(own)),
    };

    /// <summary>Power, the brightest pixel, missing ones.</summary>
    public static IEnumerable<Measure> Extremes()
    {
        yield return new()
        {
            Id = "power", Group = Law, Name = "power, worst scene", Unit = "dB",
            Definition = "Mean intensity over the true one, dB, without sign: of the worst scene.",
            Goal = new(0, Most: 0.3), Needs = MeasureNeeds.Pairs,
            Parts = look => [.. Power(look), .. Power(look.Truth)],
            Join = (_, own) => own.Max(p => Math.Abs(10 * Math.Log10(p[0] / p[1] / (p[2] / p[3])))),
        };
        yield return new()
        {
            Id = "largest", Group = Law, Name = "largest / true, worst",
            Definition = "Largest amplitude over the true largest, of the scene where that is farthest from 1.",
            Goal = new(1, 0.7, 1.5, Ratio: true), Needs = MeasureNeeds.Pairs,
            Parts = look => [Largest(look) / Largest(look.Truth)],
            Join = (_, own) => own.Select(p => p[0]).MaxBy(r => Math.Abs(Math.Log(r))),
        };
        yield return Missing;
    }

    /// <summary>Zeros, NaN and infinities.</summary>
    public static Measure Missing => new()
    {
        Id = "missing", Group = Law, Name = "zeros and NaN", Unit = "%", Format = "0.###", Goal = new(0, Most: 0),
        Definition = "Pixels that are 0, NaN or infinite where the true image has data, percent of those.",
        Parts = look =>
        {
            var (missing, all) = (0.0, 0.0);
            var truth = look.Truth.Raw.Pixels;
            for (var i = 0; i < look.Raw.Pixels.Length; i++)
            {
                // An unpaired image is its own truth, and has no pixels that ought to be empty.
                if (look.Truth != look && !(float.IsFinite(truth[i]) && truth[i] > 0))
                    continue;
                all++;
                missing += float.IsFinite(look.Raw.Pixels[i]) && look.Raw.Pixels[i] > 0 ? 0 : 1;
            }
            return [missing, all];
        },
        Join = (_, own) => Measure.Sum(own) is var s ? 100 * s[0] / s[1] : 0,
    };

    /// <summary>Power of unpaired images.</summary>
    public static Measure PooledPower => new()
    {
        Id = "power-all", Group = Law, Name = "power error", Unit = "dB", Goal = new(0),
        Bounds = Measure.Signed,
        Definition = "Mean intensity of all images over that of all true ones, dB.",
        Parts = Power,
        Join = (truth, own) => (Measure.Sum(truth), Measure.Sum(own)) is var (t, o)
            ? 10 * Math.Log10(o[0] / o[1] / (t[0] / t[1])) : 0,
    };

    /// <summary>KL(p || q) of counts with half a pixel more in each bin (Krichevsky-Trofimov).</summary>
    internal static double KullbackLeibler(double[] p, double[] q)
    {
        var (sum, n, m) = (0.0, 0.0, 0.0);
        for (var i = 0; i < p.Length; i++)
            (n, m) = (n + p[i] + 0.5, m + q[i] + 0.5);
        for (var i = 0; i < p.Length; i++)
            sum += (p[i] + 0.5) / n * Math.Log((p[i] + 0.5) / n / ((q[i] + 0.5) / m));
        return sum;
    }

    internal static double AmplitudeWasserstein1(double[] p, double[] q) => Wasserstein1(p, q, 20);

    internal static double IntensityWasserstein1(double[] p, double[] q) => Wasserstein1(p, q, 10);

    // Of bins of equal ratio over the range in dB; both gaps at a bin's ends count half.
    private static double Wasserstein1(double[] p, double[] q, double decibels)
    {
        var (n, m, width) = (p.Sum(), q.Sum(), (Highest - Lowest) / p.Length);
        var (gap, distance, mean) = (0.0, 0.0, 0.0);
        for (var i = 0; i < p.Length; i++)
        {
            var next = gap + p[i] / n - q[i] / m;
            var (low, high) = (At(i), At(i + 1));
            distance += (Math.Abs(gap) + Math.Abs(next)) / 2 * (high - low);
            mean += p[i] / n * (low + high) / 2;
            gap = next;
        }
        return distance / mean;

        double At(int edge) => Math.Pow(10, (Lowest + edge * width) / decibels);
    }

    internal static double JensenShannon(double[] p, double[] q)
    {
        var (sum, n, m) = (0.0, p.Sum(), q.Sum());
        for (var i = 0; i < p.Length; i++)
        {
            double a = p[i] / n, b = q[i] / m, middle = (a + b) / 2;
            sum += (a > 0 ? a * Math.Log(a / middle) : 0) / 2 + (b > 0 ? b * Math.Log(b / middle) : 0) / 2;
        }
        return sum;
    }

    internal static double KolmogorovSmirnov(double[] p, double[] q)
    {
        var (gap, a, b, n, m) = (0.0, 0.0, 0.0, p.Sum(), q.Sum());
        for (var i = 0; i < p.Length; i++)
        {
            (a, b) = (a + p[i] / n, b + q[i] / m);
            gap = Math.Max(gap, Math.Abs(a - b));
        }
        return gap;
    }

    // The last entry is the width of a bin in true mean amplitudes, the same in all parts.
    private static double Wasserstein1(double[] p, double[] q)
    {
        var (area, a, b) = (0.0, 0.0, 0.0);
        double[] x = p[..FineBins], y = q[..FineBins];
        double n = x.Sum(), m = y.Sum(), mean = p[FineBins + 1] / n;
        for (var i = 0; i < FineBins; i++)
        {
            (a, b) = (a + x[i] / n, b + y[i] / m);
            area += Math.Abs(a - b);
        }
        return area * (p[FineBins] / p[FineBins + 2]) / mean;
    }

    private static Measure Divergence(string id, string name, string definition, Goal goal,
        Func<SceneLook, double[]?> parts) => new()
    {
        Id = id, Group = Law, Name = name, Definition = definition, Format = "0.0000", Goal = goal, Parts = parts,
        Join = (truth, own) => KullbackLeibler(Measure.Sum(truth), Measure.Sum(own)),
    };

    private static double[]? LogBins(SceneLook look, int bins, GroundClass? which = null)
    {
        var power = look.Yardstick.Power;
        var (low, high) = (power * Math.Pow(10, Lowest / 10), power * Math.Pow(10, Highest / 10));
        var histogram = HistogramCounter.Logarithmic(bins, low, high);
        histogram.Add(which is null ? look.Intensity.Pixels : Of(look, which.Value));
        return Open(histogram.ToHistogram());
    }

    private static float[] Of(SceneLook look, GroundClass which)
    {
        var classes = look.Scene.Ground!.Classes;
        return [.. look.Intensity.Pixels.Where((_, i) => classes[i] == (byte)which)];
    }

    private static double[] EightBits(SceneLook look)
    {
        var histogram = HistogramCounter.Linear(256, 0, look.Yardstick.Normalisation.Ceiling);
        histogram.Add(look.Image.Pixels);
        return Open(histogram.ToHistogram())!;
    }

    private static double[] LinearBins(SceneLook look)
    {
        var top = 4 * look.Yardstick.Normalisation.Ceiling;
        var histogram = HistogramCounter.Linear(FineBins, 0, top);
        histogram.Add(look.Image.Pixels);
        var counts = Open(histogram.ToHistogram())!;
        return [.. counts, top / FineBins, look.Image.Pixels.Sum(a => float.IsNaN(a) ? 0.0 : a), 1];
    }

    // What lies outside is in the outer bins; null where there is no pixel.
    private static double[]? Open(Histogram histogram)
    {
        double[] counts = [.. histogram.Counts.Select(c => (double)c)];
        counts[0] += histogram.Below;
        counts[^1] += histogram.Above;
        return counts.Any(c => c > 0) ? counts : null;
    }

    private static double[] Power(SceneLook look)
    {
        var (sum, count) = (0.0, 0.0);
        foreach (var i in look.Intensity.Pixels)
            (sum, count) = float.IsNaN(i) ? (sum, count) : (sum + i, count + 1);
        return [sum, count];
    }

    private static double Largest(SceneLook look)
    {
        var largest = 0f;
        foreach (var a in look.Image.Pixels)
            largest = a > largest ? a : largest;
        return largest;
    }
}
