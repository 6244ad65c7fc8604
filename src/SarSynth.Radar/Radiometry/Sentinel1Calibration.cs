// Sentinel-1: look-up tables of calibration and of thermal noise.
// Sentinel-1 Product Specification S1-RS-MDA-52-7441; thermal denoising MPC-0392.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// value = (|DN|² - noise) / A², with A bilinear in the product's table; noise is range noise times azimuth noise.
/// </summary>
public sealed class Sentinel1Calibration : Calibration
{
    private readonly Sentinel1Tables tables;

    internal Sentinel1Calibration(Sentinel1Tables tables) => this.tables = tables;

    /// <summary>Reads the tables of a product; its measurement need not be there.</summary>
    /// <param name="path">SAFE folder, manifest or zip.</param>
    /// <param name="channel">Which channel; null takes the first.</param>
    /// <exception cref="RasterException">No Sentinel-1 product, or no calibration in it.</exception>
    public static new Sentinel1Calibration Open(string path, string? channel = null) =>
        Calibration.Open(path, channel) as Sentinel1Calibration
            ?? throw new RasterException(path, "is no Sentinel-1 product");

    /// <inheritdoc/>
    public override bool HasNoise => tables.RangeNoise is not null;

    /// <summary>The calibration value A at a place of the image: value = |DN|² / A².</summary>
    /// <param name="quantity">Which table.</param>
    /// <param name="line">Row, may lie between two.</param>
    /// <param name="pixel">Column, may lie between two.</param>
    public double Value(Backscatter quantity, double line, double pixel) => Table(quantity).At(line, pixel);

    /// <summary>
    /// The annotated incidence angle at a place of the image, degrees; bilinear in the geolocation grid.
    /// </summary>
    public double IncidenceAngle(double line, double pixel) => tables.Incidence.At(line, pixel);

    /// <inheritdoc/>
    public override void Factors(int row, int firstColumn, Backscatter quantity, Span<double> factors)
    {
        Table(quantity).Row(row, firstColumn, factors);
        foreach (ref var factor in factors)
            factor = 1 / (factor * factor);
    }

    /// <inheritdoc/>
    public override void Noise(int row, int firstColumn, Span<double> noise)
    {
        var range = tables.RangeNoise
            ?? throw new NotSupportedException("thermal noise: the product has no noise annotation.");
        range.Row(row, firstColumn, noise);
        if (tables.AzimuthNoise.Count > 0)
            MultiplyAzimuth(row, firstColumn, noise);
    }

    private LookUpTable Table(Backscatter quantity) => quantity switch
    {
        Backscatter.BetaNought => tables.Beta,
        Backscatter.SigmaNought => tables.Sigma,
        _ => tables.Gamma,
    };

    // A pixel takes the factor of the block that it lies in; outside of all blocks that of the nearest one.
    private void MultiplyAzimuth(int row, int firstColumn, Span<double> noise)
    {
        var blocks = tables.AzimuthNoise.Select(block =>
            (Block: block, Lines: (double)block.LinesTo(row), Factor: block.FactorAt(row)))
            .OrderBy(candidate => candidate.Lines).ToArray();
        var last = 0;
        for (var i = 0; i < noise.Length; i++)
        {
            // Blocks are thousands of samples wide: mostly the one of the sample before.
            if (blocks[last].Lines > 0 || blocks[last].Block.SamplesTo(firstColumn + i) > 0)
                last = Nearest(firstColumn + i);
            noise[i] *= blocks[last].Factor;
        }

        int Nearest(int column)
        {
            var (best, least) = (0, double.PositiveInfinity);
            for (var i = 0; i < blocks.Length && blocks[i].Lines * blocks[i].Lines < least; i++)
            {
                double samples = blocks[i].Block.SamplesTo(column),
                    distance = blocks[i].Lines * blocks[i].Lines + samples * samples;
                if (distance < least)
                    (best, least) = (i, distance);
            }
            return best;
        }
    }
}
