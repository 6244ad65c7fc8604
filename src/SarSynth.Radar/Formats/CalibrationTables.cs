// What a product tells of its radiometry, as plain numbers; SarSynth.Radar.Radiometry turns them into calibrations.
namespace SarSynth.Radar.Formats;

/// <summary>The calibration of one channel, as its product's annotation gives it.</summary>
internal abstract record CalibrationTables
{
    /// <summary>What was assumed where the annotation leaves something open, a sentence each.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];
}

/// <summary>
/// A Sentinel-1 channel: tables over the image of the calibration values A, the incidence angle and the noise.
/// </summary>
/// <param name="Sigma">A of sigma nought.</param>
/// <param name="Beta">A of beta nought.</param>
/// <param name="Gamma">A of gamma nought.</param>
/// <param name="Incidence">Incidence angle, degrees.</param>
/// <param name="RangeNoise">Noise along range, in units of |DN|²; null when the product has none.</param>
/// <param name="AzimuthNoise">Factors on it along azimuth, by blocks of the image; none means 1.</param>
internal sealed record Sentinel1Tables(
    LookUpTable Sigma, LookUpTable Beta, LookUpTable Gamma, LookUpTable Incidence,
    LookUpTable? RangeNoise, IReadOnlyList<AzimuthNoiseBlock> AzimuthNoise) : CalibrationTables;

/// <summary>Azimuth noise of one block of a Sentinel-1 image, a swath of the scene: a factor per line.</summary>
/// <param name="FirstLine">First line of the block.</param>
/// <param name="LastLine">Last line of the block.</param>
/// <param name="FirstSample">First sample of the block.</param>
/// <param name="LastSample">Last sample of the block.</param>
/// <param name="Table">The factors, with lines as its pixels.</param>
internal sealed record AzimuthNoiseBlock(
    int FirstLine, int LastLine, int FirstSample, int LastSample, LookUpTable Table)
{
    /// <summary>How many lines a row lies outside of the block.</summary>
    public int LinesTo(int row) => Math.Max(0, Math.Max(FirstLine - row, row - LastLine));

    /// <summary>How many samples a column lies outside of the block.</summary>
    public int SamplesTo(int column) => Math.Max(0, Math.Max(FirstSample - column, column - LastSample));

    /// <summary>The factor of the block's line that is nearest to a row.</summary>
    public double FactorAt(int row) => Table.At(0, Math.Clamp(row, FirstLine, LastLine));
}

/// <summary>A SICD: polynomials in metres from the scene centre point, and where that point lies.</summary>
/// <param name="Sigma">Factor to sigma nought; null when the product does not tell.</param>
/// <param name="Beta">Factor to beta nought.</param>
/// <param name="Gamma">Factor to gamma nought.</param>
/// <param name="Noise">Absolute noise in decibels of |DN|².</param>
/// <param name="Range">Column of the scene centre point, and metres from column to column.</param>
/// <param name="Azimuth">Row of the scene centre point, and metres from row to row.</param>
internal sealed record SicdTables(
    Polynomial2D? Sigma, Polynomial2D? Beta, Polynomial2D? Gamma, Polynomial2D? Noise,
    (double Origin, double Spacing) Range, (double Origin, double Spacing) Azimuth) : CalibrationTables;

/// <summary>A TerraSAR-X layer.</summary>
/// <param name="Factor">The annotated calFactor, ks.</param>
/// <param name="Rows">Rows of the image.</param>
/// <param name="Columns">Columns of the image.</param>
/// <param name="Incidence">
/// Incidence at the first and last column of the first row, then of the last row, degrees.
/// </param>
/// <param name="RangeTime">Two-way range time of the first column and its step, seconds.</param>
/// <param name="AzimuthSpan">Seconds from the first row to the last.</param>
/// <param name="Noise">Noise estimates by azimuth time from the first row.</param>
internal sealed record TerraSarXTables(
    double Factor, int Rows, int Columns, double[] Incidence, (double First, double Spacing) RangeTime,
    double AzimuthSpan, IReadOnlyList<TerraSarXNoise> Noise) : CalibrationTables;

/// <summary>One noise estimate of TerraSAR-X: a polynomial in range time, in units of |DN|².</summary>
internal sealed record TerraSarXNoise(
    double Time, double ValidFrom, double ValidTo, double Reference, double[] Coefficients);

/// <summary>A polynomial in two variables: sum of c[i, j] x^i y^j.</summary>
internal sealed record Polynomial2D(double[,] Coefficients)
{
    public double At(double x, double y)
    {
        var sum = 0.0;
        for (var i = Coefficients.GetLength(0) - 1; i >= 0; i--)
        {
            var inner = 0.0;
            for (var j = Coefficients.GetLength(1) - 1; j >= 0; j--)
                inner = inner * y + Coefficients[i, j];
            sum = sum * x + inner;
        }
        return sum;
    }
}
