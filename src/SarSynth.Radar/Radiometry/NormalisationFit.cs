// The constants of a normalisation from data, in one pass over any number of tiles or scenes.

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// Gathers amplitude statistics over tiles, a scene or a whole data set, in constant memory, and gives the
/// normalisations that follow from them. Not safe for several threads: give each its own and <see
/// cref="Add(NormalisationFit)"/> them.
/// </summary>
public sealed class NormalisationFit
{
    private readonly double epsilon;
    private Moments amplitude;
    private Moments logarithm;

    /// <param name="epsilon">
    /// Amplitude added before the logarithm, above 0; 1e-4 of the typical amplitude is a good choice.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">Epsilon is not a finite number above 0.</exception>
    public NormalisationFit(double epsilon = 1e-6)
    {
        if (!(double.IsFinite(epsilon) && epsilon > 0))
            throw new ArgumentOutOfRangeException(nameof(epsilon),
                $"epsilon: found {epsilon}, expected a finite number above 0.");
        this.epsilon = epsilon;
    }

    /// <summary>Pixels seen so far, no data (NaN, infinite) left out.</summary>
    public long Count => amplitude.Count;

    /// <summary>Takes in linear amplitudes; values that are not finite are left out.</summary>
    /// <returns>This fit.</returns>
    public NormalisationFit Add(ReadOnlySpan<float> values)
    {
        Moments block = default, logarithms = default;
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
                continue;
            block.Add(value);
            logarithms.Add(Math.Log(Math.Max(value, 0) + epsilon));
        }
        amplitude.Merge(block);
        logarithm.Merge(logarithms);
        return this;
    }

    /// <summary>Takes in what another fit of the same epsilon has seen.</summary>
    /// <exception cref="ArgumentException">The other's epsilon differs.</exception>
    public NormalisationFit Add(NormalisationFit other)
    {
        if (other.epsilon != epsilon)
            throw new ArgumentException($"epsilon: found {other.epsilon}, expected {epsilon}.", nameof(other));
        amplitude.Merge(other.amplitude);
        logarithm.Merge(other.logarithm);
        return this;
    }

    /// <summary>A / (mean + deviations x standard deviation), clipped to [0, 1].</summary>
    /// <exception cref="InvalidOperationException">No valid pixel, or all of them zero.</exception>
    public ClippedNormalisation Clipped(double deviations = 3, NormalisationScope scope = NormalisationScope.Global)
    {
        RequirePixels();
        if (amplitude.Mean <= 0)
            throw new InvalidOperationException("normalisation: every pixel is zero, there is "
                + "no amplitude to scale by.");
        return new ClippedNormalisation(amplitude.Mean, amplitude.Deviation, deviations) { Scope = scope };
    }

    /// <summary>(ln(A + epsilon) - mean) / standard deviation.</summary>
    /// <exception cref="InvalidOperationException">No valid pixel, or all of them equal.</exception>
    public LogNormalisation Log(NormalisationScope scope = NormalisationScope.Global)
    {
        RequirePixels();
        if (logarithm.Deviation <= 0)
            throw new InvalidOperationException("normalisation: every pixel has the same value, "
                + "there is no deviation to scale by.");
        return new LogNormalisation(logarithm.Mean, logarithm.Deviation, epsilon) { Scope = scope };
    }

    private void RequirePixels()
    {
        if (amplitude.Count == 0)
            throw new InvalidOperationException("normalisation: no valid pixel was given.");
    }

    // Welford's update and Chan's merge: no cancellation however large the mean.
    private struct Moments
    {
        public long Count;
        public double Mean;
        private double squares;

        public readonly double Deviation => Count == 0 ? 0 : Math.Sqrt(squares / Count);

        public void Add(double value)
        {
            Count++;
            var delta = value - Mean;
            Mean += delta / Count;
            squares += delta * (value - Mean);
        }

        public void Merge(Moments other)
        {
            if (other.Count == 0)
                return;
            var count = Count + other.Count;
            var delta = other.Mean - Mean;
            squares += other.squares + delta * delta * ((double)Count * other.Count / count);
            Mean += delta * other.Count / count;
            Count = count;
        }
    }
}
