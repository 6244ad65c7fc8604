// Where the pixels of an image lie on the ground.
namespace SarSynth.Radar.Images;

/// <summary>
/// Where pixels lie on the ground: GDAL's affine transform, or ground control points where the file has these only, and
/// the coordinate reference system of either.
/// </summary>
/// <param name="Transform">
/// Six values: x = T0 + column T1 + row T2, y = T3 + column T4 + row T5, at pixel
/// corners; null when control points tell the place.
/// </param>
/// <param name="Projection">Coordinate reference system as WKT; empty when the file has none.</param>
public sealed record GeoReference(IReadOnlyList<double>? Transform, string Projection)
{
    /// <summary>Ground control points; none when a transform tells the place.</summary>
    public IReadOnlyList<GroundControlPoint> ControlPoints { get; init; } = [];

    /// <summary>A place that is told by ground control points alone.</summary>
    /// <param name="points">One or more.</param>
    /// <param name="projection">Their coordinate reference system as WKT.</param>
    public static GeoReference Of(IReadOnlyList<GroundControlPoint> points, string projection) =>
        new((IReadOnlyList<double>?)null, projection) { ControlPoints = points };

    /// <summary>
    /// Height and width of a pixel in metres; null unless a transform tells them in a system projected in metres.
    /// </summary>
    public (double Row, double Column)? PixelSize
    {
        get
        {
            // The last unit of a projected system is that of its axes.
            var unit = Projection.LastIndexOf("UNIT[\"", StringComparison.Ordinal);
            if (Transform is not { } t || !Projection.StartsWith("PROJC", StringComparison.Ordinal) || unit < 0
                || !Projection.AsSpan(unit + 6).StartsWith("met", StringComparison.OrdinalIgnoreCase))
                return null;
            return (Math.Sqrt(t[2] * t[2] + t[5] * t[5]), Math.Sqrt(t[1] * t[1] + t[4] * t[4]));
        }
    }

    /// <summary>
    /// The same ground on a grid whose pixels are <paramref name="factor"/> times finer in both axes.
    /// </summary>
    /// <param name="factor">Greater than 0; 4 turns pixels of 1.6 m into pixels of 0.4 m.</param>
    public GeoReference Refined(double factor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(factor);
        return this with
        {
            Transform = Transform is { } t
                ? [t[0], t[1] / factor, t[2] / factor, t[3], t[4] / factor, t[5] / factor] : null,
            ControlPoints = [.. ControlPoints.Select(point =>
                point with { Row = point.Row * factor, Column = point.Column * factor })],
        };
    }

    /// <summary>The same ground on a grid whose pixels are larger by a factor per axis, from the same corner.</summary>
    /// <param name="rowFactor">Greater than 0; height of a new pixel in old ones.</param>
    /// <param name="columnFactor">Greater than 0; width of a new pixel in old ones.</param>
    public GeoReference Coarsened(double rowFactor, double columnFactor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rowFactor);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columnFactor);
        return this with
        {
            Transform = Transform is { } t
                ? [t[0], t[1] * columnFactor, t[2] * rowFactor, t[3], t[4] * columnFactor, t[5] * rowFactor] : null,
            ControlPoints = [.. ControlPoints.Select(point =>
                point with { Row = point.Row / rowFactor, Column = point.Column / columnFactor })],
        };
    }

    /// <summary>
    /// The same grid seen from another first pixel. Control points that come to lie outside are kept.
    /// </summary>
    /// <param name="row">Row that becomes row 0.</param>
    /// <param name="column">Column that becomes column 0.</param>
    public GeoReference Shifted(double row, double column) => this with
    {
        Transform = Transform is { } t
            ? [t[0] + column * t[1] + row * t[2], t[1], t[2], t[3] + column * t[4] + row * t[5], t[4], t[5]] : null,
        ControlPoints = [.. ControlPoints.Select(point =>
            point with { Row = point.Row - row, Column = point.Column - column })],
    };

    /// <summary>Equal when the transform, the control points and the projection are.</summary>
    public bool Equals(GeoReference? other) => other is not null && Projection == other.Projection
        && (Transform ?? []).SequenceEqual(other.Transform ?? []) && ControlPoints.SequenceEqual(other.ControlPoints);

    /// <inheritdoc/>
    public override int GetHashCode() => 
        HashCode.Combine(Projection, Transform?[0], Transform?[3], ControlPoints.Count);
}

/// <summary>A place of the image whose place on the ground is known.</summary>
/// <param name="Row">Row, counted from the upper edge of the first: 0.5 is the middle of row 0.</param>
/// <param name="Column">Column, counted from the left edge of the first.</param>
/// <param name="X">Easting or longitude, in the units of the reference system.</param>
/// <param name="Y">Northing or latitude.</param>
/// <param name="Z">Height, metres mostly.</param>
/// <param name="Id">Its name; may be empty.</param>
public sealed record GroundControlPoint(double Row, double Column, double X, double Y, double Z = 0, string Id = "");
