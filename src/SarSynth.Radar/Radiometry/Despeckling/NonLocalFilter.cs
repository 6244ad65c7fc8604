// A non-local filter: averages pixels whose surroundings look alike, by a likelihood made for speckle.
using System.Numerics;

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// Non-local means for speckle: a pixel becomes the weighted mean of the pixels in a search window, weighted by how
/// likely the patches around both have the same reflectivity.
/// </summary>
/// <remarks>
/// Deledalle, Denis and Tupin (2009), the non-iterative probabilistic patch-based weights: exp(-(1/h) sum over the
/// patch of (2 looks - 1) ln((A1/A2 + A2/A1) / 2)), amplitudes A; a pixel's own weight is the largest of the others, so
/// that noise does not favour itself. Pairs with a pixel without data are left out of the comparison of patches; a zero
/// is as far from any other pixel as one of 1e-30 of it.
/// </remarks>
/// <param name="Patch">Side of a patch, odd, at least 3.</param>
/// <param name="Search">Side of the search window, odd, at least 3.</param>
/// <param name="Looks">Equivalent number of looks of the input, above 0.5.</param>
/// <param name="Strength">h per pixel of the patch, above 0; larger smooths more.</param>
public sealed record NonLocalFilter(int Patch = 7, int Search = 21, double Looks = 1, double Strength = 0.15)
    : SpeckleFilter
{
    private readonly int patch = ValidSize(Patch);
    private readonly int search = ValidSize(Search);
    private readonly double looks = ValidLooks(Looks) > 0.5 ? Looks
        : throw new ArgumentException($"looks: found {Looks}, expected above 0.5.");
    private readonly double strength = double.IsFinite(Strength)
        && Strength > 0 ? Strength : throw new ArgumentException($"strength: found {Strength}, expected above 0.");

    /// <inheritdoc/>
    public override int Halo => search / 2 + patch / 2;

    private protected override void Filter(float[] intensity, int rows, int columns, float[] result)
    {
        const int bandRows = 32;
        Parallel.For(0, (rows + bandRows - 1) / bandRows, band =>
            new Band(this, intensity, rows, columns, band * bandRows, Math.Min(bandRows, rows - band * bandRows))
                .Filter(result));
    }

    // Some rows of the image with all that they need around them; every offset of the search
    // window is one pass over them.
    private sealed class Band
    {
        // The distance of two intensities whose ratio is 1e30: no pair is farther apart. Zeros have no logarithm.
        private static readonly float Farthest = (float)(15 * Math.Log(10) - Math.Log(2));

        private readonly NonLocalFilter filter;
        private readonly int columns;
        private readonly int firstRow;
        private readonly int bandRows;
        private readonly int halo;
        private readonly int stride;
        private readonly float[] values;
        private readonly float[] logarithms;
        private readonly float[] valid;
        private readonly bool hasZeros;
        private readonly bool hasGaps;

        public Band(NonLocalFilter filter, float[] image, int rows, int columns, int firstRow, int bandRows)
        {
            (this.filter, this.columns, this.firstRow, this.bandRows) = (filter, columns, firstRow, bandRows);
            halo = filter.Halo;
            stride = columns + 2 * halo + Vector<float>.Count;
            values = new float[(bandRows + 2 * halo) * stride];
            logarithms = new float[values.Length];
            valid = new float[values.Length];
            for (var row = 0; row < bandRows + 2 * halo; row++)
            {
                var source = LocalMoments.Mirror(firstRow + row - halo, rows) * columns;
                for (var column = 0; column < columns + 2 * halo; column++)
                {
                    var value = image[source + LocalMoments.Mirror(column - halo, columns)];
                    var at = row * stride + column;
                    valid[at] = float.IsFinite(value) ? 1 : 0;
                    hasGaps |= valid[at] == 0;
                    hasZeros |= value <= 0;
                    values[at] = value > 0 && float.IsFinite(value) ? value : 0;
                    logarithms[at] = values[at] > 0 ? MathF.Log(values[at]) / 2 : 0;
                }
            }
        }

        public void Filter(float[] filtered)
        {
            int half = filter.search / 2, patchHalf = filter.patch / 2;
            int innerColumns = columns + 2 * patchHalf, innerRows = bandRows + 2 * patchHalf;
            var innerStride = innerColumns + 2 * Vector<float>.Count;
            var distances = new float[innerRows * innerStride];
            var pairs = new float[hasZeros || hasGaps ? distances.Length : 0];
            var vertical = new float[innerStride + filter.patch];
            float[] sums = new float[bandRows * (columns + Vector<float>.Count)], totals = new float[sums.Length],
                largest = new float[sums.Length];
            var scales = new float[columns + Vector<float>.Count];
            var scale = (float)(-(2 * filter.looks - 1) / (filter.strength * filter.patch * filter.patch));
            Array.Fill(scales, scale);
            for (var dr = -half; dr <= half; dr++)
            {
                for (var dc = -half; dc <= half; dc++)
                {
                    if (dr == 0 && dc == 0)
                        continue;
                    Distances(dr, dc, innerRows, innerColumns, innerStride, patchHalf, distances);
                    if (hasZeros || hasGaps)
                        Correct(dr, dc, innerRows, innerColumns, innerStride, patchHalf, distances, pairs);
                    for (var row = 0; row < bandRows; row++)
                    {
                        if (hasGaps)
                            WeighByPairs(row, innerStride, pairs, vertical, scales, scale);
                        Accumulate(row, dr, dc, innerStride, vertical, distances, scales, sums, totals, largest);
                    }
                }
            }
            for (var row = 0; row < bandRows; row++)
            {
                for (var column = 0; column < columns; column++)
                {
                    var at = row * (columns + Vector<float>.Count) + column;
                    var own = (row + halo) * stride + column + halo;
                    // A pixel like no other keeps its value.
                    var weight = totals[at] > 0 ? largest[at] : 1;
                    filtered[(firstRow + row) * columns + column] =
                        (sums[at] + weight * values[own]) / (totals[at] + weight);
                }
            }
        }

        // ln((A1/A2 + A2/A1) / 2) = ln(I1 + I2) - ln A1 - ln A2 - ln 2 of every pixel and its partner at the offset.
        private void Distances(int dr, int dc, int innerRows, int innerColumns, int innerStride, int patchHalf,
            float[] distances)
        {
            var ln2 = new Vector<float>(MathF.Log(2));
            var margin = halo - patchHalf;
            for (var row = 0; row < innerRows; row++)
            {
                int here = (row + margin) * stride + margin, there = here + dr * stride + dc, to = row * innerStride;
                for (var column = 0; column < innerColumns; column += Vector<float>.Count)
                {
                    int a = Math.Min(here + column, values.Length - Vector<float>.Count),
                        b = Math.Min(there + column, values.Length - Vector<float>.Count);
                    var both = Vector.Log(new Vector<float>(values, a) + new Vector<float>(values, b));
                    (both - new Vector<float>(logarithms, a) - new Vector<float>(logarithms, b) - ln2)
                        .CopyTo(distances, to + column);
                }
            }
        }

        // A second look at the distances where there are zeros or gaps. Pairs: 1 where both pixels hold data.
        private void Correct(
            int dr, int dc, int innerRows, int innerColumns, int innerStride, int patchHalf, float[] distances,
                float[] pairs)
        {
            int margin = halo - patchHalf, last = values.Length - Vector<float>.Count;
            for (var row = 0; row < innerRows; row++)
            {
                int here = (row + margin) * stride + margin, there = here + dr * stride + dc, to = row * innerStride;
                for (var column = 0; column < innerColumns; column += Vector<float>.Count)
                {
                    int a = Math.Min(here + column, last), b = Math.Min(there + column, last);
                    var firstIsZero = Vector.Equals(new Vector<float>(values, a), Vector<float>.Zero);
                    var secondIsZero = Vector.Equals(new Vector<float>(values, b), Vector<float>.Zero);
                    var pair = new Vector<float>(valid, a) * new Vector<float>(valid, b);
                    pair.CopyTo(pairs, to + column);
                    var bounded = Bounded(new Vector<float>(distances, to + column), firstIsZero, secondIsZero);
                    (bounded * pair).CopyTo(distances, to + column);
                }
            }
        }

        // Two zeros are alike, a zero and another pixel as far apart as can be.
        private static Vector<float> Bounded(Vector<float> distance, Vector<int> firstIsZero, Vector<int> secondIsZero)
        {
            var farthest = new Vector<float>(Farthest);
            var apart = Vector.ConditionalSelect(firstIsZero ^ secondIsZero, farthest, Vector.Min(distance, farthest));
            return Vector.ConditionalSelect(firstIsZero & secondIsZero, Vector<float>.Zero, apart);
        }

        // The mean over the pairs that there are, for as many as a patch has.
        private void WeighByPairs(int row, int innerStride, float[] pairs, float[] vertical, float[] scales,
            float scale)
        {
            var patch = filter.patch;
            SumRows(row, innerStride, pairs, vertical);
            for (var column = 0; column < columns; column += Vector<float>.Count)
            {
                Vector<float> count = default;
                for (var c = 0; c < patch; c++)
                    count += new Vector<float>(vertical, column + c);
                (new Vector<float>(scale * patch * patch) / Vector.Max(count, Vector<float>.One))
                    .CopyTo(scales, column);
            }
        }

        private void SumRows(int row, int innerStride, float[] lines, float[] vertical)
        {
            var patch = filter.patch;
            for (var column = 0; column <= innerStride - Vector<float>.Count; column += Vector<float>.Count)
            {
                Vector<float> sum = default;
                for (var r = 0; r < patch; r++)
                    sum += new Vector<float>(lines, (row + r) * innerStride + column);
                sum.CopyTo(vertical, column);
            }
        }

        private void Accumulate(
            int row, int dr, int dc, int innerStride, float[] vertical, float[] distances, float[] scales,
            float[] sums, float[] totals, float[] largest)
        {
            var patch = filter.patch;
            SumRows(row, innerStride, distances, vertical);
            var partner = (row + halo + dr) * stride + halo + dc;
            var to = row * (columns + Vector<float>.Count);
            for (var column = 0; column < columns; column += Vector<float>.Count)
            {
                Vector<float> sum = default;
                for (var c = 0; c < patch; c++)
                    sum += new Vector<float>(vertical, column + c);
                var weight = Vector.Exp(sum * new Vector<float>(scales, column)) * new Vector<float>(valid,
                    partner + column);
                (new Vector<float>(sums, to + column) + weight * new Vector<float>(values, partner + column))
                    .CopyTo(sums, to + column);
                (new Vector<float>(totals, to + column) + weight).CopyTo(totals, to + column);
                Vector.Max(new Vector<float>(largest, to + column), weight).CopyTo(largest, to + column);
            }
        }
    }
}
