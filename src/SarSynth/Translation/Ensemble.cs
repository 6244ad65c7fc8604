// Several translations of one scene: where they agree and where not, as rasters, tile by tile.
using MathNet.Numerics.Statistics;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Translation;

/// <summary>What is made of the members of an ensemble.</summary>
public sealed record EnsembleRecipe
{
    /// <summary>Seeds, from the recipe's own on.</summary>
    public int Members { get; init; } = 8;

    /// <summary>
    /// Side of the squares of pixels whose mean intensity is compared: 1 compares single-look pixels, whose speckle
    /// alone deviates by 5.6 dB; 8 leaves 0.7 dB of it, and shows what the model is not sure of.
    /// </summary>
    public int Cell { get; init; } = 1;

    /// <summary>The quantile bands, 0 to 1, ascending.</summary>
    public IReadOnlyList<double> Quantiles { get; init; } = [0.05, 0.5, 0.95];

    /// <summary>Throws where a value cannot be.</summary>
    /// <exception cref="ArgumentException">It cannot; the message names it.</exception>
    public EnsembleRecipe Checked()
    {
        if (Members < 2)
            throw new ArgumentException($"ensemble: found {Members} members, expected 2 or more.");
        if (Cell is < 1 or > 512)
            throw new ArgumentException($"ensemble cell: found {Cell}, expected 1 to 512 pixels.");
        if (Quantiles.Any(q => !(q is >= 0 and <= 1)))
            throw new ArgumentException($"quantiles: found {string.Join(", ", Quantiles)}, expected 0 to 1.");
        return this;
    }
}

/// <summary>The files of an ensemble.</summary>
/// <param name="Members">Its members.</param>
/// <param name="Mean">Amplitude: root of the mean intensity.</param>
/// <param name="Deviation">Standard deviation of the decibels (of n - 1).</param>
/// <param name="Quantiles">Amplitudes by quantile.</param>
public sealed record EnsembleFiles(
    IReadOnlyList<string> Members, string Mean, string Deviation, IReadOnlyDictionary<string, string> Quantiles)
{
    /// <summary>The names beside a result's: x.tif has x.seed-1.tif, x.mean.tif, x.deviation.tif, x.q05.tif.</summary>
    /// <param name="output">The result's name.</param>
    /// <param name="recipe">Members and quantiles.</param>
    /// <param name="seed">Of the first member.</param>
    public static EnsembleFiles Of(string output, EnsembleRecipe recipe, ulong seed)
    {
        string Name(string part) => Path.ChangeExtension(output, null) + $".{part}" + Path.GetExtension(output);
        return new([.. Enumerable.Range(0, recipe.Members).Select(i => Name($"seed-{seed + (ulong)i}"))],
            Name("mean"), Name("deviation"), recipe.Quantiles.ToDictionary(QuantileName, q => Name(QuantileName(q))));
    }

    /// <summary>The rasters of statistics.</summary>
    public IEnumerable<string> Statistics => [Mean, Deviation, .. Quantiles.Values];

    private static string QuantileName(double q) => FormattableString.Invariant($"q{100 * q:00.###}");
}

/// <summary>Statistics of ensembles.</summary>
public static class Ensemble
{
    // Pixels of a member that are held at once.
    private const int WindowPixels = 1 << 20;

    /// <summary>
    /// Writes the statistics of members, pixel by pixel or square by square: in memory lies one window of each.
    /// </summary>
    /// <param name="files">The members, which are read, and the rasters, which are written.</param>
    /// <param name="recipe">Squares and quantiles.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancel">Ends between windows; nothing stays behind.</param>
    /// <remarks>Quantiles are interpolated between order statistics (Hyndman and Fan 1996, type 7).</remarks>
    /// <returns>Mean of the decibels of the mean; for the grey scale of pictures.</returns>
    /// <exception cref="RasterException">A member cannot be read, or has another size.</exception>
    public static double Write(EnsembleFiles files, EnsembleRecipe recipe, Action<double>? progress = null,
        CancellationToken cancel = default)
    {
        recipe.Checked();
        var members = files.Members.Select(path => SarRaster.Open(path)).ToList();
        try
        {
            var first = members[0];
            if (members.Find(m => (m.Rows, m.Columns) != (first.Rows, first.Columns)) is { } other)
            {
                throw new RasterException(other.Path, $"has {other.Rows} x {other.Columns} pixels, expected those of "
                    + $"{first.Path}: {first.Rows} x {first.Columns}");
            }
            var cell = Math.Min(recipe.Cell, Math.Min(first.Rows, first.Columns));
            var (rows, columns) = (first.Rows / cell, first.Columns / cell);
            var place = first.GeoReference?.Coarsened(cell, cell);
            GeoTiffWriter Writer(string path, PixelKind kind, string product, double? looks) => new(path, rows, columns,
                kind, first.Metadata with
                {
                    ProductType = product, Looks = looks, RangeSpacing = first.Metadata.RangeSpacing * cell,
                    AzimuthSpacing = first.Metadata.AzimuthSpacing * cell,
                }, place);
            using var mean = Writer(files.Mean, PixelKind.Amplitude, "ensemble mean", members.Count);
            using var deviation = Writer(files.Deviation, PixelKind.Decibel, "ensemble standard deviation of decibels",
                null);
            var bands = files.Quantiles.Select(q => Writer(q.Value, PixelKind.Amplitude, $"ensemble quantile {q.Key}",
                null)).ToList();
            try
            {
                var (sum, count) = (0.0, 0L);
                var side = Math.Max(1, (int)Math.Sqrt(WindowPixels) / cell);
                foreach (var window in RasterWindow.Cover(rows, columns, side, side))
                {
                    cancel.ThrowIfCancellationRequested();
                    var (logs, valid) = WriteWindow(members, cell, window, recipe, mean, deviation, bands);
                    (sum, count) = (sum + logs, count + valid);
                    progress?.Invoke((double)(window.Row * (long)columns + (window.Column + window.Columns)
                        * (long)window.Rows) / ((long)rows * columns));
                }
                foreach (var writer in bands.Prepend(deviation).Prepend(mean))
                    writer.Complete();
                return count > 0 ? sum / count : double.NaN;
            }
            finally
            {
                bands.ForEach(b => b.Dispose());
            }
        }
        finally
        {
            members.ForEach(m => m.Dispose());
        }
    }

    private static (double SumOfDecibels, long Valid) WriteWindow(List<SarRaster> members, int cell,
        RasterWindow window, EnsembleRecipe recipe, GeoTiffWriter mean, GeoTiffWriter deviation,
        List<GeoTiffWriter> bands)
    {
        var part = new RasterWindow(window.Row * cell, window.Column * cell, window.Rows * cell, window.Columns * cell);
        var intensities = members.ConvertAll(member =>
            Radar.Signal.Multilook.Apply(member.Read(part), cell, cell).Pixels);
        var count = window.Rows * window.Columns;
        float[] means = new float[count], deviations = new float[count];
        var quantiles = bands.ConvertAll(_ => new float[count]);
        Parallel.For(0, window.Rows, row =>
        {
            double[] values = new double[members.Count], decibels = new double[members.Count];
            for (var at = row * window.Columns; at < (row + 1) * window.Columns; at++)
            {
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = intensities[i][at];
                    decibels[i] = 10 * Math.Log10(values[i]);
                }
                Array.Sort(values);
                // No data, or none of a member: an order of them has no meaning.
                var valid = !double.IsNaN(values[0]) && values[0] > 0;
                means[at] = valid ? (float)Math.Sqrt(values.Average()) : float.NaN;
                deviations[at] = valid ? (float)decibels.StandardDeviation() : float.NaN;
                for (var q = 0; q < quantiles.Count; q++)
                {
                    quantiles[q][at] = valid ? (float)Math.Sqrt(SortedArrayStatistics.QuantileCustom(values,
                        recipe.Quantiles[q], QuantileDefinition.R7)) : float.NaN;
                }
            }
        });
        mean.WriteValues(window, means);
        deviation.WriteValues(window, deviations);
        for (var q = 0; q < bands.Count; q++)
            bands[q].WriteValues(window, quantiles[q]);
        var seen = means.Where(a => a > 0).ToList();
        return (seen.Sum(a => 20 * Math.Log10(a)), seen.Count);
    }
}
