// Calibrations in closed form: SICD polynomials, TerraSAR-X factor.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// SICD: factor = scale factor polynomial in metres from the scene centre point, x along range (SICD rows), y along
/// azimuth (SICD columns). Noise is 10^(NoisePoly/10) where its level is absolute.
/// </summary>
/// <remarks>NGA.STND.0024-1 (SICD volume 1), section Radiometric.</remarks>
public sealed class SicdCalibration : Calibration
{
    private readonly SicdTables tables;

    internal SicdCalibration(SicdTables tables) => this.tables = tables;

    /// <inheritdoc/>
    public override bool HasNoise => tables.Noise is not null;

    /// <inheritdoc/>
    public override void Factors(int row, int firstColumn, Backscatter quantity, Span<double> factors)
    {
        var polynomial = quantity switch
            {
                Backscatter.BetaNought => tables.Beta,
                Backscatter.SigmaNought => tables.Sigma,
                _ => tables.Gamma,
            }
            ?? throw new NotSupportedException($"{quantity}: the SICD has no scale factor polynomial for it.");
        Evaluate(polynomial, row, firstColumn, factors);
    }

    /// <inheritdoc/>
    public override void Noise(int row, int firstColumn, Span<double> noise)
    {
        var polynomial = tables.Noise
            ?? throw new NotSupportedException("thermal noise: the SICD has no absolute noise polynomial.");
        Evaluate(polynomial, row, firstColumn, noise);
        foreach (ref var value in noise)
            value = Math.Pow(10, value / 10);
    }

    private void Evaluate(Polynomial2D polynomial, int row, int firstColumn, Span<double> values)
    {
        var y = (row - tables.Azimuth.Origin) * tables.Azimuth.Spacing;
        for (var i = 0; i < values.Length; i++)
            values[i] = polynomial.At((firstColumn + i - tables.Range.Origin) * tables.Range.Spacing, y);
    }
}

/// <summary>
/// TerraSAR-X and TanDEM-X: beta nought = ks |DN|²; sigma and gamma nought by the sine and tangent of the incidence
/// angle, which is bilinear between the annotated scene corners. Noise is the annotated polynomial in range
/// time nearest in azimuth time.
/// </summary>
/// <remarks>
/// Airbus, Radiometric Calibration of TerraSAR-X Data (TSXX-ITD-TN-0049), eqs. 1 to
/// 3; level 1b product format TX-GS-DD-3307.
/// </remarks>
public sealed class TerraSarXCalibration : Calibration
{
    private readonly TerraSarXTables tables;

    internal TerraSarXCalibration(TerraSarXTables tables) => this.tables = tables;

    /// <inheritdoc/>
    public override bool HasNoise => tables.Noise.Count > 0;

    /// <summary>The incidence angle at a place of the image, degrees.</summary>
    public double IncidenceAngle(double row, double column)
    {
        double v = tables.Rows > 1 ? row / (tables.Rows - 1) : 0,
            u = tables.Columns > 1 ? column / (tables.Columns - 1) : 0;
        var incidence = tables.Incidence;
        return (1 - v) * ((1 - u) * incidence[0] + u * incidence[1]) + v * ((1 - u) * incidence[2] + u * incidence[3]);
    }

    /// <inheritdoc/>
    public override void Factors(int row, int firstColumn, Backscatter quantity, Span<double> factors)
    {
        for (var i = 0; i < factors.Length; i++)
        {
            var angle = IncidenceAngle(row, firstColumn + i) * Math.PI / 180;
            factors[i] = tables.Factor * quantity switch
            {
                Backscatter.BetaNought => 1,
                Backscatter.SigmaNought => Math.Sin(angle),
                _ => Math.Tan(angle),
            };
        }
    }

    /// <inheritdoc/>
    public override void Noise(int row, int firstColumn, Span<double> noise)
    {
        if (tables.Noise.Count == 0)
            throw new NotSupportedException("thermal noise: the product has no noise annotation.");
        var time = tables.Rows > 1 ? tables.AzimuthSpan * row / (tables.Rows - 1) : 0;
        var record = tables.Noise.MinBy(candidate => Math.Abs(candidate.Time - time))!;
        for (var i = 0; i < noise.Length; i++)
        {
            var tau = Math.Clamp(tables.RangeTime.First + (firstColumn + i) * tables.RangeTime.Spacing,
                record.ValidFrom, record.ValidTo) - record.Reference;
            var sum = 0.0;
            for (var k = record.Coefficients.Length - 1; k >= 0; k--)
                sum = sum * tau + record.Coefficients[k];
            noise[i] = sum;
        }
    }
}
