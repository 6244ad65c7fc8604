using System.Numerics;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Statistics;
using SarSynth.Tests.Support;
using static SarSynth.Radar.Tests.Statistics.Goldens;

namespace SarSynth.Radar.Tests.Statistics;

public class SignalTests
{
    // isce3's benchmark: a Kaiser band of 257 frequencies (edges in full), or the closed form of a
    // raised cosine; 10 side lobes.
    [Theory]
    [InlineData("none", 0, 0, -13.27, -10.11)]
    [InlineData("kaiser", 4, 0, -30.10, -28.97)]
    [InlineData("kaiser", 2, 90, -20.13, -17.21)]
    [InlineData("notch", 0.23, 0.15, -10.82, -5.61)]
    [InlineData("cosine", 1, 0, -13.26, -10.12)]
    [InlineData("cosine", 0.1, 0, -40.06, -33.10)]
    [InlineData("cosine", 0.5, 0, -21.21, -16.53)]
    public void Side_lobes_have_the_published_values(string window, double parameter, double more, double pslr,
        double islr)
    {
        // A band of 0.8 of the sampling rate; 257 of its frequencies repeat after 256 / 0.8 samples.
        bool closed = window == "cosine";
        int n = closed ? 1024 : 320;
        double position = n / 2 - 4.63;
        var line = Response(n, 0.8, position, window, parameter, more, closed ? 0.3 : 0.3125, closed ? 4001 : 257);
        var r = ImpulseResponse.OfLine(line);
        Assert.Equal(pslr, r.Pslr.Value, 0.1);
        Assert.Equal(islr, r.Islr.Value, 0.1);
        Assert.Null(r.Islr.Reason);
        // The same definition in numpy, from the Fourier transform of the same band.
        var golden = Json("impulse").GetProperty("cases")
            .GetProperty(FormattableString.Invariant($"{window}_{parameter}_{more}"));
        Assert.Equal(golden.Number("pslr"), r.Pslr.Value, 0.02);
        Assert.Equal(golden.Number("islr"), r.Islr.Value, 0.02);
        Assert.Equal(position, r.Position.Value, 0.01);
        if (window == "none")
            Close(0.886 / 0.8, r.Width.Value, 5e-3);
    }

    [Fact]
    public void A_line_too_short_for_its_side_lobes_says_so() =>
        Assert.Contains("ends before", ImpulseResponse.OfLine(Response(24, 0.8, 11.6, "none", 0, 0, 0)).Islr.Reason);

    [Fact]
    public void Point_target_in_an_image_is_measured_to_a_hundredth_of_a_pixel()
    {
        var range = Response(128, 0.7, 60.31, "none", 0, 0, 0);
        var azimuth = Response(96, 0.5, 41.84, "none", 0, 0, 0.21);
        var image = new Complex32[96 * 128];
        for (int y = 0; y < 96; y++)
            for (int x = 0; x < 128; x++)
                image[y * 128 + x] = azimuth[y] * range[x];
        var r = ImpulseResponse.Of(image, 96, 128, 42, 60, chip: 96);
        Assert.Equal(60.31, r.Range.Position.Value, 0.01);
        Assert.Equal(41.84, r.Azimuth.Position.Value, 0.01);
        Close(0.886 / 0.7, r.Range.Width.Value, 0.02);
        Close(0.886 / 0.5, r.Azimuth.Width.Value, 0.02);
        Assert.Equal(-13.27, r.Range.Pslr.Value, 0.3); // the chip cuts the far side lobes
        Assert.Equal(-13.27, r.Azimuth.Pslr.Value, 0.3);
    }

    [Theory]
    [InlineData("none", 0, 0.8), InlineData("kaiser", 3, 0.6)]
    public void Errors_of_the_response_are_the_spread_that_clutter_makes(string window, double parameter, double band)
    {
        const int trials = 200;
        var random = new Random(3);
        // A cubic phase makes one highest side lobe, not two of which the higher counts.
        var clean = Response(128, band, 63.4, window, parameter, 0, 0, cubicPhase: 0.5);
        double amplitude = clean.Max(c => c.Magnitude), sigma = amplitude * 0.002;
        var spectrum = (Complex32[])clean.Clone();
        SarSynth.Radar.Signal.Fourier.Forward(spectrum);
        double energy = spectrum.Sum(c => (double)c.MagnitudeSquared);
        var found = new AxisResponse[trials];
        for (int t = 0; t < trials; t++)
        {
            // Clutter that the same filter has passed.
            var noise = new Complex32[128];
            for (int k = 0; k < 128; k++)
            {
                double share = spectrum[k].MagnitudeSquared / energy;
                double radius = Math.Sqrt(-Math.Log(1 - random.NextDouble()) * share) * 128;
                double angle = 2 * Math.PI * random.NextDouble();
                noise[k] = new Complex32((float)(radius * Math.Cos(angle)), (float)(radius * Math.Sin(angle)));
            }
            SarSynth.Radar.Signal.Fourier.Inverse(noise);
            found[t] = ImpulseResponse.OfLine([.. clean.Zip(noise, (a, b) => a + b * (float)sigma)], 16, 5,
                sigma * sigma);
        }
        // A spread of 200 is known to 5 %; three of them.
        Check(r => r.Position, 0.85, 1.15);
        Check(r => r.Width, 0.85, 1.15);
        Check(r => r.Pslr, 0.85, 1.15);
        Check(r => r.Islr, 0.85, 1.15);

        void Check(Func<AxisResponse, Estimate> part, double lowest, double highest) =>
            Assert.InRange(Spread([.. found.Select(r => part(r).Value)]) / found.Average(r => part(r).StandardError),
                lowest, highest);
    }

    [Fact]
    public void Targets_are_found_where_they_are_and_nowhere_else()
    {
        var random = new Random(4);
        var image = EnlTests.Speckle(random, 200 * 200, 1);
        (int, int)[] places = [(20, 30), (100, 101), (199, 0), (150, 60)];
        foreach (var (y, x) in places)
            image[y * 200 + x] = 80;
        var found = PointTargets.Detect(image, 200, 200);
        Assert.Equal(places.Order(), found.Select(t => (t.Row, t.Column)).Order());
        Assert.All(found, t => Assert.InRange(t.SignalToClutter, 18, 20));
        Assert.Empty(PointTargets.Detect(new float[10_000], 100, 100));
        // False alarms: 40,000 pixels at 1e-3 give at most 40 (only the brightest of a neighbourhood counts).
        int alarms = PointTargets.Detect(EnlTests.Speckle(random, 200 * 200, 1), 200, 200, 31, 3, 1e-3).Count;
        Assert.InRange(alarms, 15, 60);
        Assert.Throws<ArgumentException>(() => PointTargets.Detect(image, 200, 200, 31, 31));
        Assert.Throws<ArgumentException>(() => PointTargets.Detect(image, 200, 200, falseAlarm: 0));
    }

    [Theory]
    [InlineData(0.5), InlineData(0.8), InlineData(1.0)]
    public void Spectrum_of_band_limited_speckle_gives_its_band(double band)
    {
        var image = BandLimited(new Random(5), 200, 512, band, 1);
        var s = Spectrum.Of(image, 200, 512, ImageAxis.Range);
        // Hann's window rounds the edges of the band: about one bin of 256.
        Assert.InRange(s.EffectiveBandwidth.Value, band - 0.012, Math.Min(1, band + 0.012));
        Close(1 / s.EffectiveBandwidth.Value, s.EquivalentResolution.Value, 1e-9);
        Assert.Equal(1, s.PowerDensity.Average(), 1e-9);
        // Autocorrelation sinc(band x lag): 1/e where sinc(u) = 0.3679, u = 0.6979.
        Close(0.6979 / band, s.AutocorrelationLength.Value, 0.03);
        var across = Spectrum.Of(image, 200, 512, ImageAxis.Azimuth);
        Assert.InRange(across.Flatness.Value, 0.985, 1);
        Assert.InRange(across.EffectiveBandwidth.Value, 0.985, 1);
        if (band < 1)
            Assert.True(s.Flatness.Upper < 0.5);
        else
            Assert.InRange(s.Flatness.Value, 0.985, 1);
    }

    [Fact]
    public void Centre_frequency_is_the_shift_and_errors_are_the_spread()
    {
        var random = new Random(6);
        var centres = new double[40];
        var bandwidths = new double[40];
        double centreError = 0, bandwidthError = 0;
        for (int t = 0; t < 40; t++)
        {
            var image = BandLimited(random, 64, 128, 0.6, 1);
            for (int i = 0; i < image.Length; i++)
            {
                var turn = Complex.FromPolarCoordinates(1, 2 * Math.PI * 0.37 * (i % 128));
                image[i] *= new Complex32((float)turn.Real, (float)turn.Imaginary);
            }
            var s = Spectrum.Of(image, 64, 128, ImageAxis.Range);
            centres[t] = s.CentreFrequency.Value;
            bandwidths[t] = s.EffectiveBandwidth.Value;
            centreError += s.CentreFrequency.StandardError / 40;
            bandwidthError += s.EffectiveBandwidth.StandardError / 40;
        }
        Assert.Equal(0.37, centres.Average(), 0.003);
        Assert.InRange(Spread(centres) / centreError, 0.6, 1.6); // a spread of 40 is known to 11 %
        Assert.InRange(Spread(bandwidths) / bandwidthError, 0.5, 1.7);
    }

    [Fact]
    public void Detected_speckle_has_the_squared_autocorrelation()
    {
        var image = BandLimited(new Random(7), 200, 512, 0.5, 1);
        var intensity = image.Select(c => c.MagnitudeSquared).ToArray();
        var s = Spectrum.Of(intensity, 200, 512, ImageAxis.Range);
        // sinc² falls to 1/e where sinc = 0.6065: u = 0.5221.
        Close(0.5221 / 0.5, s.AutocorrelationLength.Value, 0.05);
        Assert.Equal(0, s.CentreFrequency.Value, 0.02);
    }

    [Fact]
    public void Coherence_and_phase_are_recovered_within_their_errors()
    {
        var random = new Random(8);
        const double coherence = 0.6, phase = 1.1;
        double square = 0, phaseSquare = 0;
        for (int t = 0; t < 100; t++)
        {
            var (a, b) = Pair(random, 400, coherence, phase);
            var e = Coherence.Of(a, b);
            square += Math.Pow((e.Unbiased.Value - coherence) / e.Unbiased.StandardError, 2) / 100;
            phaseSquare += Math.Pow((e.Phase.Value - phase) / e.Phase.StandardError, 2) / 100;
        }
        // A mean of 100 squares of normal values: 1 with a standard deviation of 0.14.
        Assert.InRange(square, 0.5, 1.6);
        Assert.InRange(phaseSquare, 0.5, 1.6);
        var (x, y) = Pair(random, 40 * 50, coherence, phase);
        var (magnitude, angle) = Coherence.Map(x, y, 40, 50, 9);
        Assert.Equal(coherence, magnitude.Average(), 0.03);
        Assert.Equal(phase, angle.Average(), 0.05);
        Assert.Equal(1, Coherence.Of(x, x).Magnitude.Value, 1e-9);
        Assert.NotNull(Coherence.Of(x, new Complex32[x.Length]).Magnitude.Reason);
        Assert.Throws<ArgumentException>(() => Coherence.Of(x, y.AsSpan(1)));
        Assert.Throws<ArgumentException>(() => Coherence.Of([], []));
        Assert.Throws<ArgumentException>(() => Coherence.Of(
            [.. x, new Complex32(float.PositiveInfinity, 0)], [.. y, y[0]]));
    }

    [Theory]
    [InlineData(0.0, 1), InlineData(0.7, 1), InlineData(0.7, 4), InlineData(0.95, 10), InlineData(0.4, 3.5)]
    public void Phase_density_is_a_density_and_that_of_simulated_pairs(double coherence, double looks)
    {
        const int steps = 4000;
        double sum = 0;
        for (int i = 0; i < steps; i++)
            sum += Coherence.PhaseDensity(-Math.PI + (i + 0.5) * 2 * Math.PI / steps, coherence, looks,
                0.4) * 2 * Math.PI / steps;
        Close(1, sum, 1e-9);
        if (looks != Math.Floor(looks))
            return;
        const int bins = 24, draws = 20_000;
        var counts = new int[bins];
        var (a, b) = Pair(new Random(9), draws * (int)looks, coherence, 0.4);
        for (int d = 0; d < draws; d++)
        {
            var cross = Complex.Zero;
            for (int l = 0; l < looks; l++)
            {
                var product = a[d * (int)looks + l] * b[d * (int)looks + l].Conjugate();
                cross += new Complex(product.Real, product.Imaginary);
            }
            counts[Math.Min(bins - 1, (int)((cross.Phase + Math.PI) / (2 * Math.PI) * bins))]++;
        }
        double chi = 0;
        int used = 0;
        for (int k = 0; k < bins; k++)
        {
            double expected = 0;
            for (int i = 0; i < 50; i++)
                expected += draws * Coherence.PhaseDensity(-Math.PI + (k + (i + 0.5) / 50) * 2 * Math.PI / bins,
                    coherence, looks, 0.4) * 2 * Math.PI / bins / 50;
            if (expected < 5)
                continue;
            chi += (counts[k] - expected) * (counts[k] - expected) / expected;
            used++;
        }
        Assert.True(SpecialFunctions.GammaUpperRegularized((used - 1) / 2.0, chi / 2) > 1e-4,
            $"chi2 {chi} of {used} bins");
    }

    [Fact]
    public void Circular_speckle_passes_and_preferred_phases_fail()
    {
        var random = new Random(10);
        int below = 0;
        for (int t = 0; t < 300; t++)
            below += Coherence.Circularity(BandLimited(random, 1, 128, 1, 1)).PValue < 0.2 ? 1 : 0;
        Assert.InRange(below, 32, 88); // 60 with a standard deviation of 6.9; four of them
        var squeezed = BandLimited(random, 1, 1024, 1, 1).Select(c => new Complex32(c.Real, 0.5f * c.Imaginary))
            .ToArray();
        Assert.True(Coherence.Circularity(squeezed).PValue < 1e-6);
        Assert.Throws<ArgumentException>(() => Coherence.Circularity(new Complex32[100]));
        Assert.Throws<ArgumentException>(() => Coherence.Circularity([]));
    }

    [OptionalDataFact(RealData.Envisat)]
    public void Real_single_look_image_has_a_band_and_is_circular()
    {
        var pixels = RealData.EnvisatPixels();
        var range = Spectrum.Of(pixels, 500, 500, ImageAxis.Range);
        var azimuth = Spectrum.Of(pixels, 500, 500, ImageAxis.Azimuth);
        Assert.InRange(range.EffectiveBandwidth.Value, 0.3, 0.99);
        Assert.InRange(azimuth.EffectiveBandwidth.Value, 0.3, 0.99);
        Assert.True(range.Flatness.Upper < 1);
    }

    [Fact]
    public void Bad_input_is_refused()
    {
        var bad = new Complex32[64];
        Assert.Throws<ArgumentException>(() => ImpulseResponse.OfLine(bad));
        Assert.Throws<ArgumentException>(() => ImpulseResponse.OfLine(new Complex32[3]));
        bad[3] = new Complex32(float.NaN, 0);
        Assert.Throws<ArgumentException>(() => ImpulseResponse.OfLine(bad));
        Assert.Throws<ArgumentException>(() => ImpulseResponse.Of(new Complex32[400], 20, 20, 20, 0));
        Assert.Throws<ArgumentException>(() => ImpulseResponse.Of(new Complex32[100], 10, 10, 1, 1));
        Assert.Throws<ArgumentException>(() => Spectrum.Of(new Complex32[400], 20, 20, ImageAxis.Range));
        Assert.Throws<ArgumentException>(() => Spectrum.Of(new Complex32[4], 2, 2, ImageAxis.Range));
        Assert.Throws<ArgumentException>(() => Spectrum.Of(new Complex32[5], 2, 2, ImageAxis.Range));
        // Constants, ramps and lines with one pixel end in finite numbers, quickly.
        var constant = Enumerable.Repeat(Complex32.One, 64).ToArray();
        Assert.False(double.IsNaN(ImpulseResponse.OfLine(constant).Position.Value));
        var single = new Complex32[64];
        single[0] = Complex32.One;
        Assert.Equal(0, ImpulseResponse.OfLine(single).Position.Value, 0.01);
        Assert.InRange(Spectrum.Of([.. constant, .. constant], 2, 64, ImageAxis.Range)
            .EffectiveBandwidth.Value, 0, 0.1);
    }

    [Fact]
    public void Diagram_holds_curves_and_an_ellipse_about_the_sample()
    {
        foreach (var p in LogCumulantDiagram.Curve(ClutterFamily.Gamma, 2))
            Close(Polygamma.Of(2, Polygamma.InverseTrigamma(p.K2)), p.K3, 1e-9);
        var weibull = new WeibullLaw(1.7, 2);
        var last = LogCumulantDiagram.Curve(ClutterFamily.Weibull, weibull.LogCumulant(2))[^1];
        Close(weibull.LogCumulant(3), last.K3, 1e-9);
        var k = new KLaw(2, 4, 1);
        Close(k.LogCumulant(3), LogCumulantDiagram.Curve(ClutterFamily.K, k.LogCumulant(2), 4)[^1].K3, 1e-9);
        var f = new FisherLaw(2, 4, 1);
        Close(f.LogCumulant(3), LogCumulantDiagram.Curve(ClutterFamily.Fisher, f.LogCumulant(2), 4)[^1].K3, 1e-9);
        // The 95 % ellipse holds the true point in about 95 % of experiments: 200 with a standard deviation of 1.5 %.
        var random = new Random(12);
        var law = new GammaLaw(3, 1);
        int inside = 0;
        for (int t = 0; t < 200; t++)
        {
            var c = LogCumulants.Of(EnlTests.Speckle(random, 3000, 3));
            inside += Inside(LogCumulantDiagram.Ellipse(c), law.LogCumulant(2), law.LogCumulant(3)) ? 1 : 0;
        }
        Assert.InRange(inside / 200.0, 0.89, 0.995);
        Assert.Throws<ArgumentException>(() => LogCumulantDiagram.Curve(ClutterFamily.K, 2));
        Assert.Throws<ArgumentException>(() => LogCumulantDiagram.Curve(ClutterFamily.GeneralizedGamma, 2));

        static bool Inside(IReadOnlyList<LogCumulantDiagram.Point> polygon, double x, double y)
        {
            bool inside = false;
            for (int i = 1; i < polygon.Count; i++)
            {
                var (p, q) = (polygon[i - 1], polygon[i]);
                if (p.K3 > y != q.K3 > y && x < p.K2 + (y - p.K3) / (q.K3 - p.K3) * (q.K2 - p.K2))
                    inside = !inside;
            }
            return inside;
        }
    }

    private static double Spread(double[] values)
    {
        double mean = values.Average();
        return Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
    }

    /// <summary>A point target's line: its weighted band summed up frequency by frequency.</summary>
    private static Complex32[] Response(
        int n, double band, double position, string window, double parameter, double more, double centre,
            int frequencies = 4001, double cubicPhase = 0)
    {
        var line = new Complex[n];
        for (int k = 0; k < frequencies; k++)
        {
            double u = -1 + 2.0 * k / (frequencies - 1);
            double weight = window switch
            {
                "kaiser" => SpecialFunctions.BesselI0(parameter * Math.Sqrt(1 - u * u)),
                // A cosine on a pedestal.
                "cosine" => (1 + parameter) / 2 + (1 - parameter) / 2 * Math.Cos(Math.PI * u),
                "notch" => Math.Abs(u / 2 - parameter) <= more / 2 ? 0 : 1,
                _ => 1,
            };
            double phase = (window == "kaiser" ? more * Math.PI / 180 * u * u : 0) + cubicPhase * u * u * u;
            double frequency = centre + u * band / 2;
            var turn = Complex.FromPolarCoordinates(1, 2 * Math.PI * frequency);
            var value = Complex.FromPolarCoordinates(weight / frequencies, -2 * Math.PI * frequency * position + phase);
            for (int i = 0; i < n; i++)
            {
                line[i] += value;
                value *= turn;
            }
        }
        return [.. line.Select(c => new Complex32((float)c.Real, (float)c.Imaginary))];
    }

    /// <summary>Circular Gaussian speckle whose range spectrum is flat over a share of the sampling rate.</summary>
    private static Complex32[] BandLimited(Random random, int rows, int columns, double band, double power)
    {
        var image = new Complex32[rows * columns];
        int half = (int)Math.Round(band * columns / 2);
        for (int r = 0; r < rows; r++)
        {
            var line = new Complex32[columns];
            for (int k = -half; k < half + (columns % 2); k++)
            {
                double radius = Math.Sqrt(-Math.Log(1 - random.NextDouble()) * power * columns),
                    angle = 2 * Math.PI * random.NextDouble();
                line[(k + columns) % columns] = new Complex32((float)(radius * Math.Cos(angle)),
                    (float)(radius * Math.Sin(angle)));
            }
            SarSynth.Radar.Signal.Fourier.Inverse(line);
            line.CopyTo(image, r * columns);
        }
        return image;
    }

    private static (Complex32[] A, Complex32[] B) Pair(Random random, int n, double coherence, double phase)
    {
        var a = new Complex32[n];
        var b = new Complex32[n];
        var turn = Complex.FromPolarCoordinates(coherence, -phase);
        for (int i = 0; i < n; i++)
        {
            Complex x = Draw(), y = turn * x + Math.Sqrt(1 - coherence * coherence) * Draw();
            (a[i], b[i]) = (new Complex32((float)x.Real, (float)x.Imaginary),
                new Complex32((float)y.Real, (float)y.Imaginary));
        }
        return (a, b);

        Complex Draw() => Complex.FromPolarCoordinates(Math.Sqrt(-Math.Log(1 - random.NextDouble())),
            2 * Math.PI * random.NextDouble());
    }
}
