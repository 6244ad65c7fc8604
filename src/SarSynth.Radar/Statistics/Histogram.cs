// Histograms of pixels: equal bins or equal ratios, in one pass or fed block by block.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Statistics;

/// <summary>Counts of pixels in bins. A bin holds its lower edge; the last one holds its upper edge too.</summary>
/// <remarks>Values outside the range and NaN are counted apart, never put in a border bin.</remarks>
public sealed class Histogram
{
    [JsonConstructor]
    internal Histogram(
        double minimum, double maximum, bool isLogarithmic, IReadOnlyList<long> counts, long below, long above,
            long noData)
    {
        Minimum = minimum;
        Maximum = maximum;
        IsLogarithmic = isLogarithmic;
        Counts = counts;
        Below = below;
        Above = above;
        NoData = noData;
    }

    /// <summary>Lower edge of the first bin.</summary>
    public double Minimum { get; }

    /// <summary>Upper edge of the last bin.</summary>
    public double Maximum { get; }

    /// <summary>Whether the edges grow by a constant ratio instead of a constant step.</summary>
    public bool IsLogarithmic { get; }

    /// <summary>Pixels per bin.</summary>
    public IReadOnlyList<long> Counts { get; }

    /// <summary>Pixels below <see cref="Minimum"/> (minus infinity among them).</summary>
    public long Below { get; }

    /// <summary>Pixels above <see cref="Maximum"/> (infinity among them).</summary>
    public long Above { get; }

    /// <summary>Pixels that were NaN.</summary>
    public long NoData { get; }

    /// <summary>Pixels within the range.</summary>
    public long Total => Counts.Sum();

    /// <summary>Edge of a bin: 0 is the lower edge of the first, Counts.Count the upper edge of the last.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Index outside 0..Counts.Count.</exception>
    public double Edge(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(index, Counts.Count);
        double t = (double)index / Counts.Count;
        return index == Counts.Count ? Maximum
            : IsLogarithmic ? Minimum * Math.Pow(Maximum / Minimum, t)
            : Minimum + (Maximum - Minimum) * t;
    }

    /// <summary>Middle of a bin (geometric where the bins are logarithmic).</summary>
    public double Center(int index) =>
        IsLogarithmic ? Math.Sqrt(Edge(index) * Edge(index + 1)) : (Edge(index) + Edge(index + 1)) / 2;

    /// <summary>
    /// Probability density per bin: counts over (total x bin width); NaN when the histogram is empty.
    /// </summary>
    public double[] Densities()
    {
        double total = Total;
        return Counts.Select((count, i) => total == 0 ? double.NaN : count / (total * (Edge(i + 1) - Edge(i))))
            .ToArray();
    }

    /// <summary>The value below which a share of the counted pixels lies, linear within its bin.</summary>
    /// <param name="share">In [0, 1].</param>
    /// <returns>NaN when the histogram is empty.</returns>
    public double Quantile(double share)
    {
        if (!(share >= 0 && share <= 1))
            throw new ArgumentOutOfRangeException(nameof(share), share, "Expected a share in [0, 1].");
        double target = share * Total, sum = 0;
        for (int i = 0; i < Counts.Count; i++)
        {
            if (Counts[i] > 0 && sum + Counts[i] >= target)
                return Edge(i) + (Edge(i + 1) - Edge(i)) * (target - sum) / Counts[i];
            sum += Counts[i];
        }
        return double.NaN;
    }

    /// <summary>Histogram with bins of equal width.</summary>
    /// <param name="pixels">Any values.</param>
    /// <param name="bins">Number of bins, 1 to 2^24.</param>
    /// <param name="minimum">Lower edge of the first bin.</param>
    /// <param name="maximum">Upper edge of the last bin, greater than <paramref name="minimum"/>.</param>
    /// <exception cref="ArgumentException">Bins or range that make no histogram.</exception>
    public static Histogram Linear(ReadOnlySpan<float> pixels, int bins, double minimum, double maximum)
    {
        var counter = HistogramCounter.Linear(bins, minimum, maximum);
        counter.Add(pixels);
        return counter.ToHistogram();
    }

    /// <summary>Histogram with bins of equal width from the smallest to the largest finite pixel.</summary>
    /// <inheritdoc cref="Linear(ReadOnlySpan{float}, int, double, double)"/>
    /// <exception cref="ArgumentException">
    /// No finite pixel. Constant pixels c give the range c - 0.5 to c + 0.5 (numpy's rule), wider where float needs it.
    /// </exception>
    public static Histogram Linear(ReadOnlySpan<float> pixels, int bins = 256)
    {
        var sums = PixelSums.Of(pixels);
        sums.ThrowIfUnusable(nameof(pixels));
        var counter = CounterFor(bins, sums.Minimum, sums.Maximum);
        counter.Add(pixels);
        return counter.ToHistogram();
    }

    /// <summary>An empty histogram over the range of pixels, which may be a single value.</summary>
    internal static HistogramCounter CounterFor(int bins, double smallest, double largest)
    {
        double spread = largest > smallest ? 0 : Math.Max(0.5, Math.Abs(smallest) * 1e-6);
        return HistogramCounter.Linear(bins, smallest - spread, largest + spread);
    }

    /// <summary>Histogram with bins of equal ratio; zeros and negative values count as <see cref="Below"/>.</summary>
    /// <param name="pixels">Any values.</param>
    /// <param name="bins">Number of bins, 1 to 2^24.</param>
    /// <param name="minimum">Lower edge of the first bin, greater than 0.</param>
    /// <param name="maximum">Upper edge of the last bin, greater than <paramref name="minimum"/>.</param>
    /// <exception cref="ArgumentException">Bins or range that make no histogram.</exception>
    public static Histogram Logarithmic(ReadOnlySpan<float> pixels, int bins, double minimum, double maximum)
    {
        var counter = HistogramCounter.Logarithmic(bins, minimum, maximum);
        counter.Add(pixels);
        return counter.ToHistogram();
    }
}

/// <summary>
/// A histogram that grows: feed it block by block, from one thread; counters of the same bins add up.
/// </summary>
public sealed class HistogramCounter
{
    private readonly double minimum, maximum;
    private readonly bool isLogarithmic;
    private readonly long[] counts;
    private long below, above, noData;

    private HistogramCounter(int bins, double minimum, double maximum, bool isLogarithmic)
    {
        if (bins < 1 || bins > 1 << 24)
            throw new ArgumentException($"bins: found {bins}, expected 1 to {1 << 24}.", nameof(bins));
        if (!(double.IsFinite(minimum) && double.IsFinite(maximum) && minimum < maximum))
            throw new ArgumentException($"range: found [{minimum}, {maximum}], expected finite "
                + $"edges with minimum < maximum.");
        if (isLogarithmic && !(minimum > 0))
            throw new ArgumentException($"range: found a minimum of {minimum}, expected more "
                + $"than 0 for logarithmic bins.");
        (this.minimum, this.maximum, this.isLogarithmic) = (minimum, maximum, isLogarithmic);
        counts = new long[bins];
    }

    /// <summary>An empty histogram with bins of equal width.</summary>
    /// <inheritdoc cref="Histogram.Linear(ReadOnlySpan{float}, int, double, double)"/>
    public static HistogramCounter Linear(int bins, double minimum, double maximum) =>
        new(bins, minimum, maximum, false);

    /// <summary>An empty histogram with bins of equal ratio.</summary>
    /// <inheritdoc cref="Histogram.Logarithmic"/>
    public static HistogramCounter Logarithmic(int bins, double minimum, double maximum) =>
        new(bins, minimum, maximum, true);

    /// <summary>Counts <paramref name="pixels"/> too.</summary>
    /// <param name="pixels">Any values, NaN and infinities included.</param>
    public void Add(ReadOnlySpan<float> pixels)
    {
        const int block = 1 << 18;
        int tasks = (pixels.Length + block - 1) / block;
        if (isLogarithmic)
        {
            var edges = LogarithmicEdges();
            foreach (var part in PixelSums.Blocks(pixels, values => CountLogarithmic(values, edges)))
                Add(part);
        }
        else if (tasks < 2)
        {
            Add(CountLinear(pixels));
        }
        else
        {
            AddInParallel(pixels, tasks, block);
        }
    }

    /// <summary>Adds the counts of another counter.</summary>
    /// <param name="other">A counter of the same bins.</param>
    /// <exception cref="ArgumentException">Bins or range differ.</exception>
    public void Add(HistogramCounter other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.counts.Length != counts.Length || other.minimum != minimum || other.maximum != maximum
            || other.isLogarithmic != isLogarithmic)
            throw new ArgumentException(
                $"other: found {other.counts.Length} bins over [{other.minimum}, {other.maximum}], expected "
                    + $"{counts.Length} over [{minimum}, {maximum}].", nameof(other));
        for (int i = 0; i < counts.Length; i++)
            counts[i] += other.counts[i];
        below += other.below;
        above += other.above;
        noData += other.noData;
    }

    /// <summary>What has been counted so far.</summary>
    public Histogram ToHistogram() => new(minimum, maximum, isLogarithmic, [.. counts], below, above, noData);

    // Layout of one task's counts: below, the bins, above, no data.
    private void Add(ReadOnlySpan<int> part)
    {
        below += part[0];
        for (int i = 0; i < counts.Length; i++)
            counts[i] += part[i + 1];
        above += part[counts.Length + 1];
        noData += part[counts.Length + 2];
    }

    private unsafe void AddInParallel(ReadOnlySpan<float> pixels, int tasks, int block)
    {
        int length = pixels.Length;
        fixed (float* start = &MemoryMarshal.GetReference(pixels))
        {
            // The lambda may not capture a fixed local; the span stays pinned until the loop is done.
            nint address = (nint)start;
            Parallel.For(0, tasks, task =>
            {
                int offset = task * block;
                var part = CountLinear(new ReadOnlySpan<float>((float*)address + offset,
                    Math.Min(block, length - offset)));
                lock (counts)
                    Add(part);
            });
        }
    }

    private int[] CountLinear(ReadOnlySpan<float> pixels)
    {
        int bins = counts.Length, slots = bins + 3;
        // Neighbouring pixels often fall in one bin; four tables keep their increments from waiting for each other.
        int tables = bins <= 4096 ? 4 : 1;
        var table = new int[tables * slots];
        Span<int> slot = stackalloc int[16];
        double scale = bins / (maximum - minimum);
        var low = Vector512.Create(minimum);
        var factor = Vector512.Create(scale);
        var below = Vector512.Create(-1.0);
        var above = Vector512.Create((double)bins);
        var last = Vector512.Create(bins - 1.0);
        var high = Vector512.Create(maximum);
        int x = 0;
        ref int t0 = ref MemoryMarshal.GetArrayDataReference(table);
        int step = tables == 4 ? slots : 0;
        ref int t1 = ref Unsafe.Add(ref t0, step);
        ref int t2 = ref Unsafe.Add(ref t1, step);
        ref int t3 = ref Unsafe.Add(ref t2, step);
        for (; x <= pixels.Length - 16; x += 16)
        {
            var values = Vector512.LoadUnsafe(in pixels[x]);
            var (a, b) = Vector512.Widen(values);
            if (!Vector512.EqualsAll(values, values))
            {
                Count(pixels.Slice(x, 16), table, scale);
                continue;
            }
            var ia = Vector512.Min(Vector512.Max(Vector512.Floor((a - low) * factor), below), last);
            var ib = Vector512.Min(Vector512.Max(Vector512.Floor((b - low) * factor), below), last);
            ia = Vector512.ConditionalSelect(Vector512.GreaterThan(a, high), above, ia);
            ib = Vector512.ConditionalSelect(Vector512.GreaterThan(b, high), above, ib);
            var index = Vector512.Narrow(Vector512.ConvertToInt64(ia), Vector512.ConvertToInt64(ib));
            index.CopyTo(slot);
            for (int k = 0; k < 16; k += 4)
            {
                Unsafe.Add(ref t0, slot[k] + 1)++;
                Unsafe.Add(ref t1, slot[k + 1] + 1)++;
                Unsafe.Add(ref t2, slot[k + 2] + 1)++;
                Unsafe.Add(ref t3, slot[k + 3] + 1)++;
            }
        }
        Count(pixels[x..], table, scale);
        for (int k = 1; k < tables; k++)
            for (int i = 0; i < slots; i++)
                table[i] += table[k * slots + i];
        Array.Resize(ref table, slots);
        return table;
    }

    /// <summary>Counts one by one, into the first table.</summary>
    private void Count(ReadOnlySpan<float> pixels, int[] table, double scale)
    {
        int bins = counts.Length;
        foreach (float value in pixels)
        {
            int slot = float.IsNaN(value) ? bins + 2
                : value < minimum ? 0
                : value > maximum ? bins + 1
                : Math.Min((int)((value - minimum) * scale), bins - 1) + 1;
            table[slot]++;
        }
    }

    private double[] LogarithmicEdges()
    {
        var histogram = ToHistogram();
        return [.. Enumerable.Range(0, counts.Length + 1).Select(histogram.Edge)];
    }

    private int[] CountLogarithmic(ReadOnlySpan<float> pixels, double[] edges)
    {
        int bins = counts.Length;
        var table = new int[bins + 3];
        double scale = bins / Math.Log(maximum / minimum), origin = Math.Log(minimum);
        foreach (float value in pixels)
        {
            if (float.IsNaN(value))
                table[bins + 2]++;
            else if (value < minimum)
                table[0]++;
            else if (value > maximum)
                table[bins + 1]++;
            else
            {
                int bin = Math.Clamp((int)((Math.Log(value) - origin) * scale), 0, bins - 1);
                // The logarithm may miss by its last digit; the edges decide.
                while (bin > 0 && value < edges[bin])
                    bin--;
                while (bin < bins - 1 && value >= edges[bin + 1])
                    bin++;
                table[bin + 1]++;
            }
        }
        return table;
    }
}
