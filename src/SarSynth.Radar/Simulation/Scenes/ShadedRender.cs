// A scene as a camera above would see it: grey levels by land cover, sun and shadow, no radar.
// Lambert's law for the shading, a march towards the sun for the shadows (Horn 1981, "Hill shading").
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>Light and tone of a render.</summary>
/// <param name="SunAzimuth">Where the sun stands, degrees clockwise from the top of the picture.</param>
/// <param name="SunElevation">Its height above the horizon, degrees, in (0, 90].</param>
/// <param name="Ambient">Light that reaches shadows too, share of all, in [0, 1].</param>
/// <param name="Gamma">Exponent 1 / Gamma on the reflected light, more than 0.</param>
/// <param name="Seed">Of the grey level of each land cover and of its fine texture.</param>
public sealed record RenderStyle(double SunAzimuth = 315, double SunElevation = 45, double Ambient = 0.4,
    double Gamma = 1.8, ulong Seed = 0)
{
    /// <summary>A style drawn from a seed: any azimuth, 25 to 70 degrees of elevation, soft to hard light.</summary>
    public static RenderStyle Draw(ulong seed)
    {
        var random = new SeededRandom(seed, "render style");
        return new(random.Uniform(0, 360), random.Uniform(25, 70), random.Uniform(0.3, 0.55),
            random.Uniform(1.4, 2.2), seed);
    }
}

/// <summary>Renders scenes as grey pictures.</summary>
public static class ShadedRender
{
    // Reflectances of ground in visible light, by LandCover: grassland .1 to .2, soil .1 to .25, concrete .3 to .5 ...
    private static readonly double[] Reflectance =
        [0.24, 0.17, 0.2, 0.12, 0.08, 0.04, 0.1, 0.38, 0.3, 0.28, 0.5, 0.16, 0.42, 0.26];

    // Contrast of fine texture: crowns and shrubs have it, water and roads hardly.
    private static readonly double[] Roughness =
        [0.05, 0.04, 0.06, 0.2, 0.25, 0.02, 0.02, 0.03, 0.08, 0.03, 0.05, 0.1, 0.04, 0.06];

    /// <summary>Renders a scene.</summary>
    /// <param name="scene">Land cover, heights and parcels.</param>
    /// <param name="style">Light and tone.</param>
    /// <returns>Grey levels in [0, 1], row-major, one for each cell.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An angle or exponent out of its range.</exception>
    public static float[] Of(Scene scene, RenderStyle style)
    {
        ArgumentNullException.ThrowIfNull(scene);
        Require(style.SunElevation is > 0 and <= 90, nameof(style.SunElevation), style.SunElevation, "in (0, 90]");
        Require(style.Ambient is >= 0 and <= 1, nameof(style.Ambient), style.Ambient, "in [0, 1]");
        Require(style.Gamma > 0, nameof(style.Gamma), style.Gamma, "above 0");
        var (rows, columns) = (scene.Rows, scene.Columns);
        var workers = new ParallelOptions();
        var fine = TextureField.Gaussian(scene, 2 * scene.Spacing, workers);
        var broad = TextureField.Gaussian(scene, 20 * scene.Spacing, workers);
        var tones = Tones(style.Seed);
        double azimuth = style.SunAzimuth * Math.PI / 180, elevation = style.SunElevation * Math.PI / 180;
        // Towards the sun: up the picture at azimuth 0, to the right at 90.
        var (down, right, up) = (-Math.Cos(azimuth) * Math.Cos(elevation), Math.Sin(azimuth) * Math.Cos(elevation),
            Math.Sin(elevation));
        var reach = scene.Heights.Max() - scene.Heights.Min();
        var pixels = new float[rows * columns];
        Parallel.For(0, rows, workers, r =>
        {
            for (var c = 0; c < columns; c++)
            {
                var i = r * columns + c;
                var cover = scene.Classes[i];
                // Parcels differ by decibels for a radar, by a fraction of that for a camera.
                var albedo = tones[cover] * Math.Pow(10, scene.Offsets[i] / 35)
                    * Math.Exp(Roughness[cover] * fine[i] + 0.06 * broad[i]);
                var (slopeDown, slopeRight) = Slope(scene, r, c);
                var facing = (up - down * slopeDown - right * slopeRight)
                    / Math.Sqrt(1 + slopeDown * slopeDown + slopeRight * slopeRight);
                var sun = Math.Max(0, facing) / up * Lit(scene, r, c, down, right, up, reach);
                var light = albedo * (style.Ambient + (1 - style.Ambient) * Math.Min(1.6, sun));
                pixels[i] = (float)Math.Pow(Math.Clamp(light / 0.6, 0, 1), 1 / style.Gamma);
            }
        });
        return pixels;
    }

    private static double[] Tones(ulong seed)
    {
        var random = new SeededRandom(seed, "render tones");
        var tones = new double[Reflectance.Length];
        for (var i = 0; i < tones.Length; i++)
            tones[i] = Reflectance[i] * Math.Exp(random.Uniform(-0.25, 0.25));
        return tones;
    }

    // Metres up for a metre down the picture and to the right; walls are cut to slopes of two.
    private static (double Down, double Right) Slope(Scene scene, int r, int c)
    {
        double At(int row, int column) => scene.Heights[Math.Clamp(row, 0, scene.Rows - 1) * scene.Columns
            + Math.Clamp(column, 0, scene.Columns - 1)];
        var step = 2 * scene.Spacing;
        return (Math.Clamp((At(r + 1, c) - At(r - 1, c)) / step, -2, 2),
            Math.Clamp((At(r, c + 1) - At(r, c - 1)) / step, -2, 2));
    }

    // 1 in the sun, 0 in shadow, between in half-shadow.
    private static double Lit(
        Scene scene, int row, int column, double down, double right, double up, double reach)
    {
        var level = Math.Sqrt(down * down + right * right);
        if (level < 1e-6)
            return 1;
        var (own, rise) = (scene.Heights[row * scene.Columns + column], up / level * scene.Spacing);
        var (stepRow, stepColumn) = (down / level, right / level);
        var lit = 1.0;
        for (var step = 1; step * rise <= reach && lit > 0; step++)
        {
            int r = (int)Math.Round(row + step * stepRow), c = (int)Math.Round(column + step * stepColumn);
            if (r < 0 || c < 0 || r >= scene.Rows || c >= scene.Columns)
                break;
            // How far the sun's ray passes above what stands here; the half-shadow widens on its way.
            var above = own + step * rise - scene.Heights[r * scene.Columns + c];
            lit = Math.Min(lit, Math.Clamp(0.5 + above / (0.3 + 0.05 * step * rise), 0, 1));
        }
        return lit;
    }

    private static void Require(bool fine, string field, double found, string expected)
    {
        if (!fine)
            throw new ArgumentOutOfRangeException(field,
                FormattableString.Invariant($"render style, {field}: found {found}, expected {expected}."));
    }
}
