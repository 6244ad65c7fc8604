// What a generator of airborne images learns from: one square of pixels, what it is conditioned on, and its captions.
using System.Text.Json.Serialization;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Data;

/// <summary>What the numbers of a condition are.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ConditionKind>))]
public enum ConditionKind
{
    /// <summary>Amplitudes, which may be averaged and interpolated.</summary>
    Amplitude,

    /// <summary>Codes of classes, which may not.</summary>
    Classes,
}

/// <summary>
/// An image that a tile is generated from: the satellite's view, a class map, the simulator's render.
/// </summary>
/// <param name="Name">What it shows: "satellite", "landcover", "simulated" or the data's own word.</param>
/// <param name="Kind">What its numbers are.</param>
/// <param name="Rows">Rows; of the tile's ground, so fewer where the condition is coarser.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Pixels">Row-major [rows x columns]; NaN where there is no data.</param>
/// <param name="IsNormalised">
/// Whether amplitudes run from 0 to 1 already; false for linear amplitude and classes.
/// </param>
public sealed record TileCondition(
    string Name, ConditionKind Kind, int Rows, int Columns, float[] Pixels, bool IsNormalised = false);

/// <summary>Where a tile was cut.</summary>
/// <param name="Scene">Name of the scene.</param>
/// <param name="Row">First row in the scene's grid of tiles' pixels.</param>
/// <param name="Column">First column.</param>
public sealed record TilePlace(string Scene, int Row, int Column);

/// <summary>One tile: airborne pixels with their validity, conditions, captions, split and place.</summary>
public sealed class Tile
{
    /// <summary>Name, unique in its data.</summary>
    public required string Key { get; init; }

    /// <summary>The file or shard that it came from, for messages.</summary>
    public required string Source { get; init; }

    /// <summary>
    /// An <see cref="AmplitudeImage"/> or a <see cref="ComplexImage"/>; NaN marks pixels without data, as everywhere.
    /// </summary>
    public required SarImage Image { get; init; }

    /// <summary>
    /// Whether amplitudes are A / (mu + 3 sigma) already, 1 being <see cref="Ceiling"/>; false for linear amplitude.
    /// </summary>
    public required bool IsNormalised { get; init; }

    /// <summary>The linear amplitude that a pixel of 1 stands for; null where that is not known.</summary>
    public double? Ceiling { get; init; }

    /// <summary>Which part of the data it belongs to; null where nothing tells.</summary>
    public Split? Split { get; init; }

    /// <summary>Where it was cut; null where nothing tells.</summary>
    public TilePlace? Place { get; init; }

    /// <summary>
    /// Captions by name, in the data's order ("SHORT", "MID", "LONG"; "text"); empty where there is none.
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, string>> Captions { get; init; } = [];

    /// <summary>Conditions, in the data's order; empty where there is none.</summary>
    public IReadOnlyList<TileCondition> Conditions { get; init; } = [];

    /// <summary>Rows of the image.</summary>
    public int Rows => Image.Rows;

    /// <summary>Columns of the image.</summary>
    public int Columns => Image.Columns;

    /// <summary>A caption.</summary>
    /// <param name="name">Its name; null takes the first.</param>
    /// <exception cref="TileException">The tile has none of this name.</exception>
    public string Caption(string? name = null)
    {
        foreach (var caption in Captions)
        {
            if (name is null || caption.Key == name)
                return caption.Value;
        }
        throw new TileException(Source, Key, name is null ? "found no caption, expected one"
            : $"found captions '{string.Join("', '", Captions.Select(c => c.Key))}', expected one called '{name}'");
    }

    /// <summary>A condition.</summary>
    /// <exception cref="TileException">The tile has none of this name.</exception>
    public TileCondition Condition(string name) => Conditions.FirstOrDefault(c => c.Name == name)
        ?? throw new TileException(Source, Key, Conditions.Count == 0 ? $"found no condition, expected '{name}'"
            : $"found conditions '{string.Join("', '", Conditions.Select(c => c.Name))}', expected '{name}'");

    /// <summary>1 where the image holds data, 0 elsewhere; row-major [rows x columns].</summary>
    public float[] Validity() => Image switch
    {
        ComplexImage c => Array.ConvertAll(c.Pixels, s => float.IsNaN(s.Real) || float.IsNaN(s.Imaginary) ? 0f : 1f),
        _ => Array.ConvertAll(Image.ToAmplitude().Pixels, a => float.IsNaN(a) ? 0f : 1f),
    };

    /// <summary>Amplitudes from 0 to 1 as the papers feed them, 0 where there is no data; row-major.</summary>
    /// <param name="normalisation">
    /// For linear amplitude; null takes A / (mu + 3 sigma) of this tile. A tile
    /// that is normalised already is only clipped.
    /// </param>
    /// <exception cref="TileException">
    /// Not one valid pixel, or all of them zero, so that nothing can be scaled.
    /// </exception>
    public float[] ToUnitRange(Normalisation? normalisation = null)
    {
        var amplitude = Image.ToAmplitude().Pixels;
        var values = new float[amplitude.Length];
        if (!IsNormalised)
        {
            try
            {
                normalisation ??= new NormalisationFit().Add(amplitude).Clipped(scope: NormalisationScope.Tile);
            }
            catch (InvalidOperationException error)
            {
                throw new TileException(Source, Key, error.Message, error);
            }
            normalisation.Apply(amplitude, values);
            amplitude = values;
        }
        for (var i = 0; i < values.Length; i++)
            values[i] = float.IsNaN(amplitude[i]) ? 0 : Math.Clamp(amplitude[i], 0, 1);
        return values;
    }

    /// <summary>A part of the tile with the same part of its conditions.</summary>
    /// <param name="window">Inside the tile.</param>
    /// <exception cref="TileException">
    /// A condition's pixels do not fit the window: its scale is no whole factor.
    /// </exception>
    public Tile Cropped(RasterWindow window)
    {
        window.RequireInside(Rows, Columns);
        if (window is { Row: 0, Column: 0 } && window.Rows == Rows && window.Columns == Columns)
            return this;
        var place = Image.GeoReference?.Shifted(window.Row, window.Column);
        return new Tile
        {
            Key = Key, Source = Source, IsNormalised = IsNormalised, Ceiling = Ceiling, Split = Split,
            Captions = Captions,
            Place = Place is null ? null : Place with { Row = Place.Row + window.Row, Column = Place.Column
                + window.Column },
            Image = Image switch
            {
                ComplexImage c => new ComplexImage(
                    window.Rows, window.Columns, Part(c.Pixels, Columns, window), c.Metadata, place),
                _ => new AmplitudeImage(window.Rows, window.Columns,
                    Part(Image.ToAmplitude().Pixels, Columns, window), Image.Metadata, place),
            },
            Conditions = [.. Conditions.Select(c => Cropped(c, window))],
        };
    }

    private TileCondition Cropped(TileCondition condition, RasterWindow window)
    {
        var (fineRows, fineColumns) = (Rows / Math.Max(1, condition.Rows), Columns / Math.Max(1, condition.Columns));
        if (fineRows < 1 || fineColumns < 1 || condition.Rows * fineRows != Rows
            || condition.Columns * fineColumns != Columns || window.Row % fineRows != 0 || window.Rows % fineRows != 0
            || window.Column % fineColumns != 0 || window.Columns % fineColumns != 0)
            throw new TileException(Source, Key,
                $"condition '{condition.Name}' of {condition.Rows} x {condition.Columns}: "
                + $"cannot be cut with the tile of {Rows} x {Columns} to {window.Rows} x {window.Columns}, "
                + "expected one whole factor between them");
        var part = new RasterWindow(window.Row / fineRows, window.Column / fineColumns,
            window.Rows / fineRows, window.Columns / fineColumns);
        return condition with
        {
            Rows = part.Rows, Columns = part.Columns, Pixels = Part(condition.Pixels, condition.Columns, part),
        };
    }

    private static T[] Part<T>(T[] pixels, int columns, RasterWindow window)
    {
        var part = new T[window.Rows * window.Columns];
        for (var row = 0; row < window.Rows; row++)
            pixels.AsSpan((window.Row + row) * columns + window.Column, window.Columns)
                .CopyTo(part.AsSpan(row * window.Columns));
        return part;
    }
}

/// <summary>
/// A tile, or the data that it is part of, is not what it should be: where, what was found, what was expected.
/// </summary>
/// <param name="source">File or shard.</param>
/// <param name="key">The tile's name; empty where the whole file is meant.</param>
/// <param name="reason">What was found and what was expected.</param>
/// <param name="inner">The cause, if it was another exception.</param>
public sealed class TileException(string source, string key, string reason, Exception? inner = null)
    : IOException($"{source}: {(key.Length > 0 ? $"tile '{key}': " : "")}{reason.TrimEnd('.')}.", inner)
{
    /// <summary>File or shard.</summary>
    public string File { get; } = source;

    /// <summary>The tile's name; empty where the whole file is meant.</summary>
    public string Key { get; } = key;
}
