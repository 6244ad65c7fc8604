// Pairs of a facet simulation and the airborne image of the same ground: registered as anybody would register them.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;

namespace SarSynth.Data;

/// <summary>What a network that bridges simulated and measured images learns from.</summary>
public static class FacetPairs
{
    // Parts whose displacements are averaged, pixels a side; of parts that resemble each other less, the place is a
    // matter of chance.
    private const int Part = 96;

    private const double LeastCorrelation = 0.3;

    /// <summary>Sees a scene with an airborne sensor and with its facet simulator.</summary>
    /// <param name="scene">The scene.</param>
    /// <param name="sensor">The sensor.</param>
    /// <param name="seed">Seed of the airborne image's speckle.</param>
    /// <param name="facets">The simulator.</param>
    /// <returns>
    /// The single-look airborne image, and the root of the simulator's map of mean intensity, moved by whole pixels as
    /// the two images themselves say; what is left of its registration error stays.
    /// </returns>
    public static (AmplitudeImage Airborne, AmplitudeImage Facets) Observe(Scene scene, Sensor sensor, ulong seed,
        FacetModel facets)
    {
        var airborne = Simulator.Observe(scene, sensor, seed).Detected;
        var map = Simulator.Observe(scene, sensor, seed, facets).SpeckleFree!;
        var (row, column) = DisplacementOf(map, airborne);
        return (airborne, Moved(map, -(int)Math.Round(row), -(int)Math.Round(column)).ToAmplitude());
    }

    /// <summary>How far a map as a whole lies from an image of the same ground, pixels.</summary>
    /// <param name="map">The map of mean intensity.</param>
    /// <param name="image">The image, on the same grid.</param>
    /// <returns>Medians over parts of 96 x 96 pixels that resemble each other; 0 where none does.</returns>
    public static (double Row, double Column) DisplacementOf(SarImage map, SarImage image)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(image);
        var side = Math.Min(Part, Math.Min(map.Rows, map.Columns) * 3 / 4);
        var places = from r in Enumerable.Range(0, map.Rows) where r % (side / 2) == side / 8
            from c in Enumerable.Range(0, map.Columns) where c % (side / 2) == side / 8
            select new RasterWindow(r, c, side, side);
        Shift[] shifts = [.. Displacement.Local(map.ToIntensity().Pixels, image.ToIntensity().Pixels, map.Rows,
            map.Columns, [.. places]).OfType<Shift>().Where(s => s.Correlation >= LeastCorrelation)];
        return (Median(s => s.Axis is null || Math.Abs(s.Axis.Value.Row) > 0.7, s => s.Row),
            Median(s => s.Axis is null || Math.Abs(s.Axis.Value.Column) > 0.7, s => s.Column));

        double Median(Func<Shift, bool> tells, Func<Shift, double> of)
        {
            double[] sorted = [.. shifts.Where(tells).Select(of).Order()];
            return sorted.Length == 0 ? 0 : (sorted[sorted.Length / 2] + sorted[(sorted.Length - 1) / 2]) / 2;
        }
    }

    // Beyond its borders the map goes on as it ends.
    private static IntensityImage Moved(IntensityImage map, int down, int across)
    {
        if (down == 0 && across == 0)
            return map;
        var moved = new float[map.Pixels.Length];
        for (var r = 0; r < map.Rows; r++)
        {
            var from = Math.Clamp(r - down, 0, map.Rows - 1) * map.Columns;
            for (var c = 0; c < map.Columns; c++)
                moved[r * map.Columns + c] = map.Pixels[from + Math.Clamp(c - across, 0, map.Columns - 1)];
        }
        return new(map.Rows, map.Columns, moved, map.Metadata, map.GeoReference);
    }
}
