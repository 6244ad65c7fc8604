// Two sensors on one grid: which whole number of fine pixels a coarse pixel is, and how the
// coarse image is sampled for it.
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Simulation;

/// <summary>
/// A fine sensor and a coarser one whose pixel covers exactly <see cref="Scale"/> x <see cref="Scale"/> pixels of the
/// fine one, as super-resolution and translation need it.
/// </summary>
/// <remarks>
/// Where the sensor's own spacing is no whole multiple, its band-limited signal is sampled anew: an image and its
/// samples on another grid hold the same spectrum as long as that grid is fine enough for the band (Oppenheim and
/// Schafer 2010, ch. 4), so bandwidths, windows, noise and the name of the random stream stay. The pixel nearest in
/// size to the sensor's own is taken, and as many samples are averaged into it as the band asks for, but no
/// fewer than the sensor's looks.
/// </remarks>
public sealed record SensorPair
{
    private SensorPair(Sensor airborne, Sensor satellite, int scale, bool isResampled) =>
        (Airborne, Satellite, Scale, IsResampled) = (airborne, satellite, scale, isResampled);

    /// <summary>The fine sensor, as it was given.</summary>
    public Sensor Airborne { get; }

    /// <summary>
    /// The coarse sensor on the grid of the pair: its detected pixel is <see cref="Scale"/> fine pixels wide and high.
    /// </summary>
    public Sensor Satellite { get; }

    /// <summary>
    /// Detected pixels of the fine sensor in one of the coarse sensor, along range and along azimuth.
    /// </summary>
    public int Scale { get; }

    /// <summary>
    /// Whether the coarse sensor's own spacing was no whole multiple, so that its image is sampled on another grid.
    /// </summary>
    public bool IsResampled { get; }

    /// <summary>Pairs two sensors.</summary>
    /// <param name="airborne">
    /// The fine sensor: its detected pixels are no larger than the other's, along range and azimuth.
    /// </param>
    /// <param name="satellite">The coarse sensor.</param>
    /// <exception cref="ArgumentException">
    /// The first is not the finer one (the message names sensors that are), both
    /// have one name, or a field is out of range.
    /// </exception>
    public static SensorPair Of(Sensor airborne, Sensor satellite)
    {
        ArgumentNullException.ThrowIfNull(airborne);
        ArgumentNullException.ThrowIfNull(satellite);
        airborne.Check();
        satellite.Check();
        if (airborne.Name == satellite.Name)
            throw new ArgumentException($"sensors: found {airborne.Name} twice, expected two (of "
                + $"one name they would have the same speckle).");
        var grid = Grid.Of(RangePixel(airborne), AzimuthPixel(airborne), satellite)
            ?? throw new ArgumentException(NotFiner(airborne, satellite));
        var onGrid = satellite with
        {
            GroundRangeSpacing = grid.RangeSpacing, RangeLooks = grid.RangeLooks,
            AzimuthSpacing = grid.AzimuthSpacing, AzimuthLooks = grid.AzimuthLooks,
        };
        onGrid.Check();
        return new SensorPair(airborne, onGrid, grid.Scale, onGrid != satellite);
    }

    /// <summary>Sees a scene with both sensors, on registered grids.</summary>
    /// <param name="scene">The scene; its cells are no larger than the samples of either sensor.</param>
    /// <param name="seed">Seed of the speckle.</param>
    /// <param name="fidelity">How rich.</param>
    /// <returns>
    /// The detected images: coarse pixel (r, c) covers the fine pixels from (r k, c k) on, k = <see cref="Scale"/>.
    /// Fine rows and columns at the end that fill no coarse pixel are left off. Flat ground is registered; what is
    /// raised is displaced by height / tan(incidence), so it lies at one place only for sensors of one incidence angle.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The scene is smaller than one coarse pixel, or its cells are too large.
    /// </exception>
    public (AmplitudeImage Airborne, AmplitudeImage Satellite) Observe(Scene scene, ulong seed,
        Fidelity fidelity = Fidelity.Truth)
    {
        var coarse = Simulator.Observe(scene, Satellite, seed, fidelity).Detected;
        var fine = Simulator.Observe(scene, Airborne, seed, fidelity).Detected;
        return (fine.Crop(new RasterWindow(0, 0, coarse.Rows * Scale, coarse.Columns * Scale)), coarse);
    }

    /// <summary>How a sensor is sampled on a grid whose pixels are whole numbers of fine ones.</summary>
    /// <param name="Scale">Fine pixels in a pixel, in both axes.</param>
    /// <param name="RangeSpacing">Metres on the ground between samples along range.</param>
    /// <param name="RangeLooks">Samples along range that make a pixel.</param>
    /// <param name="AzimuthSpacing">Metres between samples along azimuth.</param>
    /// <param name="AzimuthLooks">Samples along azimuth that make a pixel.</param>
    internal sealed record Grid(int Scale, double RangeSpacing, int RangeLooks, double AzimuthSpacing, int AzimuthLooks)
    {
        /// <summary>
        /// The grid of fine pixels of a size in metres on the ground; null where they are larger than the sensor's.
        /// </summary>
        public static Grid? Of(double fineRange, double fineAzimuth, Sensor sensor)
        {
            const double rounding = 1 + 1e-9;
            double range = RangePixel(sensor), azimuth = AzimuthPixel(sensor);
            if (fineRange > range * rounding || fineAzimuth > azimuth * rounding)
                return null;
            // Square in fine pixels: the axis that is coarser by more of them tells how many.
            var scale = (int)Math.Max(Math.Round(range / fineRange), Math.Round(azimuth / fineAzimuth));
            // Bandwidths in cycles per metre on the ground.
            var (rangeSpacing, rangeLooks) = Sampling(fineRange * scale, sensor.GroundRangeSpacing, sensor.RangeLooks,
                sensor.RangeBandFraction / sensor.GroundRangeSpacing);
            var (azimuthSpacing, azimuthLooks) = Sampling(fineAzimuth * scale, sensor.AzimuthSpacing,
                sensor.AzimuthLooks,
                sensor.AzimuthBandwidth);
            return new Grid(scale, rangeSpacing, rangeLooks, azimuthSpacing, azimuthLooks);
        }

        private static (double Spacing, int Looks) Sampling(double pixel, double spacing, int looks, double bandwidth)
        {
            if (Math.Abs(spacing * looks - pixel) <= 1e-9 * pixel)
                return (spacing, looks);
            var samples = Math.Max(looks, (int)Math.Ceiling(bandwidth * pixel));
            return (pixel / samples, samples);
        }
    }

    private static string NotFiner(Sensor airborne, Sensor satellite)
    {
        var finer = Sensors.Names.Select(Sensors.Named)
            .Where(sensor => sensor.Platform == "airborne" && sensor.Name != satellite.Name
                && Grid.Of(RangePixel(sensor), AzimuthPixel(sensor), satellite) is not null)
            .Select(sensor => sensor.Name).ToArray();
        return $"sensors: found pixels of {Pixel(airborne)} for {airborne.Name}, "
            + $"expected at most those of {satellite.Name}, {Pixel(satellite)}: "
            + (finer.Length > 0 ? $"take {string.Join(", ", finer)}." : "no airborne sensor of the kit is finer.");
    }

    internal static string Pixel(Sensor sensor) => Pixel(RangePixel(sensor), AzimuthPixel(sensor));

    internal static string Pixel(double range, double azimuth) =>
        FormattableString.Invariant($"{range:0.###} m along range and {azimuth:0.###} m along azimuth");

    // Sizes of a detected pixel on the ground, metres.
    private static double RangePixel(Sensor sensor) => sensor.GroundRangeSpacing * sensor.RangeLooks;

    private static double AzimuthPixel(Sensor sensor) => sensor.AzimuthSpacing * sensor.AzimuthLooks;
}
