// Parts of the data by place: blocks of ground are dealt to training, validation and test by a hash of where they lie.
using System.Text.RegularExpressions;
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>
/// Tells the part of a window of a scene. Ground is divided into blocks by longitude and latitude, so that scenes of
/// the same ground agree whatever their grids, where these are geographic or UTM. A scene in another reference system
/// has blocks of that system, and one that nothing places has blocks of its own.
/// </summary>
internal sealed partial class GroundBlocks
{
    private const double MetresPerDegree = 111_319.49;

    private readonly TilingRecipe recipe;
    private readonly double block;
    private readonly string frame;
    private readonly Func<double, double, (double X, double Y)> place;
    private readonly double slack;
    private readonly bool isGeographic;

    /// <param name="recipe">Seed and shares.</param>
    /// <param name="block">Side of a block, metres.</param>
    /// <param name="scene">The scene's name.</param>
    /// <param name="reference">Where its pixels lie; null where nothing tells.</param>
    /// <param name="spacing">Metres of a pixel's height and width, for scenes without a place.</param>
    public GroundBlocks(TilingRecipe recipe, double block, string scene, GeoReference? reference,
        (double Row, double Column) spacing)
    {
        (this.recipe, this.block) = (recipe, block);
        if (reference is not null && Transform(reference) is { } found)
        {
            var (transform, residual) = found;
            (double X, double Y) Map(double row, double column) =>
                (transform[0] + column * transform[1] + row * transform[2], transform[3] + column * transform[4]
                    + row * transform[5]);
            if (Utm().Match(reference.Projection) is { Success: true } utm)
            {
                var (zone, isSouth) = (int.Parse(utm.Groups[2].Value), utm.Groups[1].Value == "7");
                place = (row, column) => Map(row, column) is var (x, y) ? TransverseMercator.ToGeographic(zone,
                    isSouth, x, y) : default;
                (isGeographic, slack, frame) = (true, residual / MetresPerDegree, "");
                return;
            }
            place = Map;
            isGeographic = reference.Projection.StartsWith("GEOG", StringComparison.Ordinal);
            (slack, frame) = (residual, isGeographic ? "" : reference.Projection);
            return;
        }
        place = (row, column) => (column * spacing.Column, row * spacing.Row);
        frame = scene;
    }

    /// <summary>The part that a window lies in; null where it touches blocks of two parts.</summary>
    public Split? PartOf(RasterWindow window)
    {
        Split? part = null;
        foreach (var (row, column) in Blocks(window))
        {
            var split = PartOf(row, column);
            if (part is not null && part != split)
                return null;
            part = split;
        }
        return part;
    }

    /// <summary>
    /// Longitude and latitude, or the scene's own coordinates, of a window's bounds: west, south, east, north.
    /// </summary>
    public (double West, double South, double East, double North) Bounds(RasterWindow window)
    {
        var corners = from row in (int[])[window.Row, window.Row + window.Rows]
                      from column in (int[])[window.Column, window.Column + window.Columns]
                      select place(row, column);
        var (x, y) = (corners.Select(c => c.X).ToArray(), corners.Select(c => c.Y).ToArray());
        return (x.Min() - slack, y.Min() - slack, x.Max() + slack, y.Max() + slack);
    }

    /// <summary>Whether <see cref="Bounds"/> are degrees.</summary>
    public bool IsGeographic => isGeographic;

    private IEnumerable<(long Row, long Column)> Blocks(RasterWindow window)
    {
        var (west, south, east, north) = Bounds(window);
        var height = isGeographic ? block / MetresPerDegree : block;
        // A window that ends at a block's edge is not in the next one, whatever the last digit says.
        var hair = 1e-9 * height;
        for (var row = (long)Math.Floor((south + hair) / height); row * height < north - hair; row++)
        {
            // Blocks keep their width in metres towards the poles; it follows from their row alone.
            var width = isGeographic ? height / Math.Max(0.01, Math.Cos((row + 0.5) * height * Math.PI / 180)) : block;
            for (var column = (long)Math.Floor((west + hair) / width); column * width < east - hair; column++)
                yield return (row, column);
        }
    }

    private Split PartOf(long row, long column)
    {
        // The frame's name, so that two scenes without a place do not get the same pattern.
        var random = new SplitMix(recipe.Seed, NameHash.Of(frame), (ulong)row, (ulong)column);
        var share = random.Next(1 << 30) / (double)(1 << 30);
        return share < recipe.Test ? Split.Test : share < recipe.Test + recipe.Validation ? Split.Validation
            : Split.Train;
    }

    // The affine map from pixels to coordinates, and how far a control point lies from it at most.
    private static (double[] Transform, double Residual)? Transform(GeoReference reference)
    {
        if (reference.Transform is { } transform)
            return ([.. transform], 0);
        var points = reference.ControlPoints;
        if (points.Count < 3)
            return null;
        // Least squares about the middle of the points: normal equations of three unknowns.
        double row0 = points.Average(p => p.Row), column0 = points.Average(p => p.Column);
        double rr = 0, rc = 0, cc = 0, rx = 0, cx = 0, ry = 0, cy = 0, x0 = points.Average(p => p.X),
            y0 = points.Average(p => p.Y);
        foreach (var p in points)
        {
            var (r, c) = (p.Row - row0, p.Column - column0);
            (rr, rc, cc) = (rr + r * r, rc + r * c, cc + c * c);
            (rx, cx, ry, cy) = (rx + r * (p.X - x0), cx + c * (p.X - x0), ry + r * (p.Y - y0), cy + c * (p.Y - y0));
        }
        var determinant = rr * cc - rc * rc;
        if (!(determinant > 1e-9 * rr * cc))
            return null;
        double[] fit = [0, (rr * cx - rc * rx) / determinant, (cc * rx - rc * cx) / determinant,
            0, (rr * cy - rc * ry) / determinant, (cc * ry - rc * cy) / determinant];
        fit[0] = x0 - column0 * fit[1] - row0 * fit[2];
        fit[3] = y0 - column0 * fit[4] - row0 * fit[5];
        var residual = points.Max(p => Math.Max(Math.Abs(fit[0] + p.Column * fit[1] + p.Row * fit[2] - p.X),
            Math.Abs(fit[3] + p.Column * fit[4] + p.Row * fit[5] - p.Y)));
        return (fit, residual);
    }

    // The last authority of a projected system is its own: EPSG 326zz is UTM north, 327zz south.
    [GeneratedRegex("""(?:AUTHORITY|ID)\["EPSG","?32([67])(\d\d)"?\]\]\s*$""")]
    private static partial Regex Utm();
}

/// <summary>From UTM to longitude and latitude on WGS 84.</summary>
/// <remarks>
/// Karney (2011), Transverse Mercator with an accuracy of a few nanometers, eq. 10-11, 36: Krueger's series to n^4.
/// </remarks>
internal static class TransverseMercator
{
    private const double SemiMajor = 6_378_137, Flattening = 1 / 298.257223563, Scale = 0.9996;

    /// <summary>Degrees east and north of a place.</summary>
    public static (double Longitude, double Latitude) ToGeographic(int zone, bool isSouth, double easting,
        double northing)
    {
        const double n = Flattening / (2 - Flattening);
        const double radius = SemiMajor / (1 + n) * (1 + n * n / 4 + n * n * n * n / 64);
        double[] beta =
        [
            n / 2 - 2 * n * n / 3 + 37 * n * n * n / 96 - n * n * n * n / 360,
            n * n / 48 + n * n * n / 15 - 437 * n * n * n * n / 1440,
            17 * n * n * n / 480 - 37 * n * n * n * n / 840,
            4397 * n * n * n * n / 161280,
        ];
        var xi = (northing - (isSouth ? 10_000_000 : 0)) / (Scale * radius);
        var eta = (easting - 500_000) / (Scale * radius);
        var (x, e) = (xi, eta);
        for (var j = 0; j < beta.Length; j++)
        {
            var k = 2 * (j + 1);
            x -= beta[j] * Math.Sin(k * xi) * Math.Cosh(k * eta);
            e -= beta[j] * Math.Cos(k * xi) * Math.Sinh(k * eta);
        }
        // The conformal latitude's tangent gives that of the geographic one by Newton's method.
        var conformal = Math.Sin(x) / Math.Sqrt(Math.Sinh(e) * Math.Sinh(e) + Math.Cos(x) * Math.Cos(x));
        var eccentricity = Math.Sqrt(Flattening * (2 - Flattening));
        var tangent = conformal;
        for (var i = 0; i < 5; i++)
        {
            var root = Math.Sqrt(1 + tangent * tangent);
            var sigma = Math.Sinh(eccentricity * Math.Atanh(eccentricity * tangent / root));
            var now = tangent * Math.Sqrt(1 + sigma * sigma) - sigma * root;
            var square = 1 - eccentricity * eccentricity;
            tangent += (conformal - now) / Math.Sqrt(1 + now * now) * (1
                + square * tangent * tangent) / (square * root);
        }
        var longitude = 6 * zone - 183 + Math.Atan2(Math.Sinh(e), Math.Cos(x)) * 180 / Math.PI;
        return (longitude, Math.Atan(tangent) * 180 / Math.PI);
    }
}
