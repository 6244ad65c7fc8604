// Calibrations in closed form: SICD polynomials, TerraSAR-X factor.
using SarSynth.Radar.Rasters;

namespace SarSynth.Radar.Radiometry;

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

/// <summary>
/// SICD: factor = scale factor polynomial in metres from the scene centre point, x along range (SICD rows), y along azimuth
/// (SICD columns). Noise is 10^(NoisePoly/10) where its level is absolute.
/// </summary>
/// <remarks>NGA.STND.0024-1 (SICD volume 1), section Radiometric.</remarks>
public sealed class SicdCalibration : Calibration
{
    private readonly Polynomial2D? sigma;
    private readonly Polynomial2D? beta;
    private readonly Polynomial2D? gamma;
    private readonly Polynomial2D? noise;
    private readonly (double Origin, double Spacing) range;
    private readonly (double Origin, double Spacing) azimuth;

    internal SicdCalibration(Polynomial2D? sigma, Polynomial2D? beta, Polynomial2D? gamma, Polynomial2D? noise,
        (double Origin, double Spacing) range, (double Origin, double Spacing) azimuth)
    {
        (this.sigma, this.beta, this.gamma, this.noise, this.range, this.azimuth) = (sigma, beta, gamma, noise, range, azimuth);
    }

    /// <inheritdoc/>
    public override bool HasNoise => noise is not null;

    /// <inheritdoc/>
    public override void Factors(int row, int firstColumn, Backscatter quantity, Span<double> factors)
    {
        var polynomial = quantity switch { Backscatter.BetaNought => beta, Backscatter.SigmaNought => sigma, _ => gamma }
            ?? throw new NotSupportedException($"{quantity}: the SICD has no scale factor polynomial for it.");
        Evaluate(polynomial, row, firstColumn, factors);
    }

    /// <inheritdoc/>
    public override void Noise(int row, int firstColumn, Span<double> noise)
    {
        Evaluate(this.noise ?? throw new NotSupportedException("thermal noise: the SICD has no absolute noise polynomial."), row, firstColumn, noise);
        foreach (ref var value in noise)
            value = Math.Pow(10, value / 10);
    }

    private void Evaluate(Polynomial2D polynomial, int row, int firstColumn, Span<double> values)
    {
        var y = (row - azimuth.Origin) * azimuth.Spacing;
        for (var i = 0; i < values.Length; i++)
            values[i] = polynomial.At((firstColumn + i - range.Origin) * range.Spacing, y);
    }
}

/// <summary>
/// TerraSAR-X and TanDEM-X: beta nought = ks |DN|²; sigma and gamma nought by the sine and tangent of the incidence angle, which is
/// bilinear between the annotated scene corners. Noise is the annotated polynomial in range time nearest in azimuth time.
/// </summary>
/// <remarks>Airbus, Radiometric Calibration of TerraSAR-X Data (TSXX-ITD-TN-0049), eqs. 1 to 3; level 1b product format TX-GS-DD-3307.</remarks>
public sealed class TerraSarXCalibration : Calibration
{
    private readonly double factor;
    private readonly int rows;
    private readonly int columns;
    private readonly double[] incidence;
    private readonly (double First, double Spacing) rangeTime;
    private readonly double azimuthSpan;
    private readonly List<TerraSarXNoise> noise;

    /// <param name="factor">The annotated calFactor, ks.</param>
    /// <param name="rows">Rows of the image.</param>
    /// <param name="columns">Columns of the image.</param>
    /// <param name="incidence">Incidence at the first and last column of the first row, then of the last row, degrees.</param>
    /// <param name="rangeTime">Two-way range time of the first column and its step, seconds.</param>
    /// <param name="azimuthSpan">Seconds from the first row to the last.</param>
    /// <param name="noise">Noise estimates by azimuth time from the first row.</param>
    internal TerraSarXCalibration(double factor, int rows, int columns, double[] incidence, (double First, double Spacing) rangeTime, double azimuthSpan, List<TerraSarXNoise> noise)
    {
        (this.factor, this.rows, this.columns, this.incidence, this.rangeTime, this.azimuthSpan, this.noise) = (factor, rows, columns, incidence, rangeTime, azimuthSpan, noise);
    }

    /// <inheritdoc/>
    public override bool HasNoise => noise.Count > 0;

    /// <summary>The incidence angle at a place of the image, degrees.</summary>
    public double IncidenceAngle(double row, double column)
    {
        double v = rows > 1 ? row / (rows - 1) : 0, u = columns > 1 ? column / (columns - 1) : 0;
        return (1 - v) * ((1 - u) * incidence[0] + u * incidence[1]) + v * ((1 - u) * incidence[2] + u * incidence[3]);
    }

    /// <inheritdoc/>
    public override void Factors(int row, int firstColumn, Backscatter quantity, Span<double> factors)
    {
        for (var i = 0; i < factors.Length; i++)
        {
            var angle = IncidenceAngle(row, firstColumn + i) * Math.PI / 180;
            factors[i] = factor * quantity switch { Backscatter.BetaNought => 1, Backscatter.SigmaNought => Math.Sin(angle), _ => Math.Tan(angle) };
        }
    }

    /// <inheritdoc/>
    public override void Noise(int row, int firstColumn, Span<double> noise)
    {
        if (this.noise.Count == 0)
            throw new NotSupportedException("thermal noise: the product has no noise annotation.");
        var time = rows > 1 ? azimuthSpan * row / (rows - 1) : 0;
        var record = this.noise.MinBy(candidate => Math.Abs(candidate.Time - time))!;
        for (var i = 0; i < noise.Length; i++)
        {
            var tau = Math.Clamp(rangeTime.First + (firstColumn + i) * rangeTime.Spacing, record.ValidFrom, record.ValidTo) - record.Reference;
            var sum = 0.0;
            for (var k = record.Coefficients.Length - 1; k >= 0; k--)
                sum = sum * tau + record.Coefficients[k];
            noise[i] = sum;
        }
    }
}

/// <summary>One noise estimate: a polynomial in range time, in units of |DN|².</summary>
internal sealed record TerraSarXNoise(double Time, double ValidFrom, double ValidTo, double Reference, double[] Coefficients);
