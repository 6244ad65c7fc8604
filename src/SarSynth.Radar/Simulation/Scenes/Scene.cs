// A piece of land as the simulator sees it: what covers it, how high it is, and the point scatterers on it.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Simulation;

/// <summary>
/// A scene on a square grid: rows run along azimuth, columns along ground range away from the sensor.
/// </summary>
public sealed class Scene
{
    private readonly SceneCaptions captions;

    internal Scene(int rows, int columns, double spacing, ulong seed, byte[] classes, float[] heights, float[] offsets,
        IReadOnlyList<Target> targets, IReadOnlyList<SceneObject> objects, SceneKind kind, int originRow = 0,
            int originColumn = 0,
        IReadOnlyDictionary<LandCover, Surface>? surfaces = null)
    {
        (Rows, Columns, Spacing, Seed, Kind) = (rows, columns, spacing, seed, kind);
        (Classes, Heights, Offsets, Targets, Objects) = (classes, heights, offsets, targets, objects);
        (OriginRow, OriginColumn) = (originRow, originColumn);
        Surfaces = surfaces ?? Surface.Defaults;
        captions = new SceneCaptions(this);
    }

    /// <summary>Number of rows (azimuth).</summary>
    public int Rows { get; }

    /// <summary>Number of columns (ground range).</summary>
    public int Columns { get; }

    /// <summary>Cell size in both axes, metres.</summary>
    public double Spacing { get; }

    /// <summary>Seed of the scene and of its texture.</summary>
    public ulong Seed { get; }

    /// <summary>The kind it was generated as; <see cref="SceneKind.Custom"/> for maps from outside.</summary>
    public SceneKind Kind { get; }

    /// <summary>Class of every cell, row-major, values of <see cref="LandCover"/>.</summary>
    public byte[] Classes { get; }

    /// <summary>Height of the top of every cell (ground, canopy, roof), metres, row-major.</summary>
    public float[] Heights { get; }

    /// <summary>How much brighter than its class's mean a cell is, dB, row-major: parcels, rows, tracks.</summary>
    public float[] Offsets { get; }

    /// <summary>Point scatterers.</summary>
    public IReadOnlyList<Target> Targets { get; }

    /// <summary>Named things with their places, for captions and labels.</summary>
    public IReadOnlyList<SceneObject> Objects { get; }

    /// <summary>How each class scatters.</summary>
    public IReadOnlyDictionary<LandCover, Surface> Surfaces { get; }

    /// <summary>Several phrasings of what is in the scene; the same seed gives the same words.</summary>
    public IReadOnlyList<string> Captions => captions.Phrasings(0, 0, Rows, Columns, 5);

    /// <summary>A scene drawn from a seed.</summary>
    /// <param name="seed">The same seed and options give the same scene.</param>
    /// <param name="options">Size and kind.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size or spacing is out of range.</exception>
    public static Scene Generate(ulong seed, SceneOptions options) => SceneBuilder.Build(seed, options);

    /// <summary>A scene from maps of your own.</summary>
    /// <param name="classes">Class of every cell, row-major, values of <see cref="LandCover"/>.</param>
    /// <param name="heights">Height of every cell, metres, row-major.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="spacing">Cell size, metres.</param>
    /// <param name="targets">Point scatterers, or none.</param>
    /// <param name="seed">Seed of the texture.</param>
    /// <param name="surfaces">How each class scatters; <see cref="Surface.Defaults"/> unless given.</param>
    /// <exception cref="ArgumentException">Sizes disagree, a class is unknown, or a height is not finite.</exception>
    public static Scene FromMaps(byte[] classes, float[] heights, int rows, int columns, double spacing,
        IReadOnlyList<Target>? targets = null, ulong seed = 0, IReadOnlyDictionary<LandCover, Surface>? surfaces = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(spacing);
        if (classes.LongLength != (long)rows * columns)
            throw new ArgumentException($"classes: found {classes.Length} values, expected {rows} x {columns}.",
                nameof(classes));
        if (heights.LongLength != (long)rows * columns)
            throw new ArgumentException($"heights: found {heights.Length} values, expected {rows} x {columns}.",
                nameof(heights));
        int unknown = Array.FindIndex(classes, c => !Enum.IsDefined((LandCover)c));
        if (unknown >= 0)
            throw new ArgumentException($"classes: found {classes[unknown]} at row {unknown / columns}, column "
                + $"{unknown % columns}, expected a LandCover value.", nameof(classes));
        int odd = Array.FindIndex(heights, h => !float.IsFinite(h));
        if (odd >= 0)
            throw new ArgumentException($"heights: found {heights[odd]} at row {odd / columns}, column "
                + $"{odd % columns}, expected a finite number of metres.", nameof(heights));
        foreach (var target in targets ?? [])
        {
            if (!(target.CrossSection > 0)
                || !double.IsFinite(target.CrossSection + target.Row + target.Column + target.Height))
                throw new ArgumentException($"targets: found {target}, expected finite "
                    + $"values and a cross-section above 0.", nameof(targets));
        }
        return new Scene(rows, columns, spacing, seed, classes, heights, new float[classes.Length], targets
            ?? [], [], SceneKind.Custom, surfaces: surfaces);
    }

    /// <summary>A scene from a class map and a height map in files (GeoTIFF or any raster that GDAL reads).</summary>
    /// <param name="classPath">Class of every cell, values of <see cref="LandCover"/>.</param>
    /// <param name="heightPath">Height of the top of every cell, metres; as many rows and columns.</param>
    /// <param name="spacing">Cell size, metres; 0 takes it from the class map's georeference.</param>
    /// <param name="targets">Point scatterers, or none.</param>
    /// <param name="seed">Seed of the texture.</param>
    /// <param name="surfaces">How each class scatters; <see cref="Surface.Defaults"/> unless given.</param>
    /// <exception cref="RasterException">
    /// A file is no raster, the two differ in size, a value is no class or no height, or the cell size is unknown.
    /// </exception>
    public static Scene FromFiles(string classPath, string heightPath, double spacing = 0,
        IReadOnlyList<Target>? targets = null,
        ulong seed = 0, IReadOnlyDictionary<LandCover, Surface>? surfaces = null)
    {
        var (codes, reference) = ReadMap(classPath);
        var (heights, _) = ReadMap(heightPath);
        if ((codes.Rows, codes.Columns) != (heights.Rows, heights.Columns))
            throw new RasterException(heightPath,
                $"found {heights.Rows} x {heights.Columns} cells, expected the "
                + $"{codes.Rows} x {codes.Columns} of {classPath}");
        if (spacing <= 0)
        {
            double across = 0, down = 0;
            if (reference?.Transform is { } transform)
                (across, down) = (Math.Abs(transform[1]), Math.Abs(transform[5]));
            if (across <= 0 || Math.Abs(across - down) > 0.001 * across)
                throw new RasterException(classPath, "has no georeference with square cells: say the cell size");
            spacing = across;
        }
        var classes = new byte[codes.Pixels.Length];
        for (int i = 0; i < classes.Length; i++)
        {
            float code = codes.Pixels[i];
            if (!(code >= 0 && code <= 255) || code != (byte)code || !Enum.IsDefined((LandCover)(byte)code))
                throw new RasterException(classPath,
                    $"found {code} at row {i / codes.Columns}, column {i % codes.Columns}, expected a land cover "
                    + $"class, 0 to {Enum.GetValues<LandCover>().Length - 1}");
            classes[i] = (byte)code;
        }
        int odd = Array.FindIndex(heights.Pixels, h => !float.IsFinite(h));
        if (odd >= 0)
            throw new RasterException(heightPath,
                $"has no height at row {odd / codes.Columns}, column {odd % codes.Columns}");
        return FromMaps(classes, heights.Pixels, codes.Rows, codes.Columns, spacing, targets, seed, surfaces);
    }

    /// <summary>A part of the scene with the same texture.</summary>
    /// <param name="rowOffset">First row.</param>
    /// <param name="columnOffset">First column.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie within the scene.</exception>
    /// <remarks>What stands outside casts no shadow and no layover into the part.</remarks>
    public Scene Crop(int rowOffset, int columnOffset, int rows, int columns)
    {
        CheckWindow(rowOffset, columnOffset, rows, columns);
        T[] Part<T>(T[] whole)
        {
            var part = new T[rows * columns];
            for (int r = 0; r < rows; r++)
                whole.AsSpan((rowOffset + r) * Columns + columnOffset, columns).CopyTo(part.AsSpan(r * columns));
            return part;
        }
        bool Inside(double r, double c) => r >= rowOffset - 0.5 && r < rowOffset + rows - 0.5
            && c >= columnOffset - 0.5 && c < columnOffset + columns - 0.5;
        var targets = Targets.Where(t => Inside(t.Row, t.Column))
            .Select(t => t with { Row = t.Row - rowOffset, Column = t.Column - columnOffset }).ToArray();
        var objects = Objects.Where(o => Inside(o.Row, o.Column))
            .Select(o => o with { Row = o.Row - rowOffset, Column = o.Column - columnOffset }).ToArray();
        return new Scene(rows, columns, Spacing, Seed, Part(Classes), Part(Heights), Part(Offsets), targets, objects,
            Kind,
            OriginRow + rowOffset, OriginColumn + columnOffset, Surfaces);
    }

    /// <summary>One caption of a part of the scene, written from what is in it.</summary>
    /// <inheritdoc cref="Crop"/>
    public string Caption(int rowOffset, int columnOffset, int rows, int columns)
    {
        CheckWindow(rowOffset, columnOffset, rows, columns);
        return captions.Phrasings(rowOffset, columnOffset, rows, columns, 1)[0];
    }

    /// <summary>Several phrasings of what is in a part of the scene; the same seed gives the same words.</summary>
    /// <param name="rowOffset">First row.</param>
    /// <param name="columnOffset">First column.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="count">How many.</param>
    /// <param name="openings">Words in front, such as "aerial photograph of"; null for those of radar images.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie within the scene.</exception>
    public IReadOnlyList<string> Phrasings(int rowOffset, int columnOffset, int rows, int columns, int count,
        IReadOnlyList<string>? openings = null)
    {
        CheckWindow(rowOffset, columnOffset, rows, columns);
        return captions.Phrasings(rowOffset, columnOffset, rows, columns, count, openings);
    }

    /// <summary>Row of the scene that this one was cropped from.</summary>
    internal int OriginRow { get; }

    /// <summary>Column of the scene that this one was cropped from.</summary>
    internal int OriginColumn { get; }

    // Read as intensity because that kind keeps the sign of heights below zero.
    private static (IntensityImage Map, GeoReference? Reference) ReadMap(string path)
    {
        using var raster = SarRaster.Open(path, new RasterOptions { Kind = PixelKind.Intensity });
        return raster.Read() is IntensityImage map ? (map, raster.GeoReference)
            : throw new RasterException(path, "found complex pixels, expected a map of real numbers");
    }

    private void CheckWindow(int row, int column, int rows, int columns)
    {
        if (row < 0 || column < 0 || rows < 1 || columns < 1 || row > Rows - rows || column > Columns - columns)
            throw new ArgumentOutOfRangeException(nameof(row),
                $"window: found {rows} x {columns} at ({row}, {column}), expected a part of {Rows} x {Columns}.");
    }
}

/// <summary>A named thing in a scene.</summary>
/// <param name="Name">What it is, in words ("aircraft", "farmhouse").</param>
/// <param name="Row">Centre, cells.</param>
/// <param name="Column">Centre, cells.</param>
public sealed record SceneObject(string Name, double Row, double Column);
