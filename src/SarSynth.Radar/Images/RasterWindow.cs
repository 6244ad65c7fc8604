// A part of a raster, and what its pixels mean.
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Images;

/// <summary>A rectangle of pixels.</summary>
/// <param name="Row">First row, from 0.</param>
/// <param name="Column">First column, from 0.</param>
/// <param name="Rows">Number of rows, at least 1.</param>
/// <param name="Columns">Number of columns, at least 1.</param>
public readonly record struct RasterWindow(int Row, int Column, int Rows, int Columns)
{
    /// <summary>Throws unless this window lies in an image of the given size.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is empty or reaches outside.</exception>
    public void RequireInside(int rows, int columns)
    {
        if (Rows < 1 || Columns < 1 || Row < 0 || Column < 0 || (long)Row + Rows > rows
            || (long)Column + Columns > columns)
            throw new ArgumentOutOfRangeException("window",
                $"window: found {this}, expected one pixel or more inside {rows} x {columns}.");
    }

    /// <summary>This window grown by a halo on all sides, cut at the borders of the image.</summary>
    public RasterWindow Grown(int halo, int rows, int columns)
    {
        int top = Math.Max(0, Row - halo), left = Math.Max(0, Column - halo);
        int bottom = (int)Math.Min(rows, (long)Row + Rows + halo),
            right = (int)Math.Min(columns, (long)Column + Columns + halo);
        return new RasterWindow(top, left, bottom - top, right - left);
    }

    /// <summary>Windows that cover an image of the given size, row by row; the last ones may be smaller.</summary>
    /// <param name="rows">Rows of the image.</param>
    /// <param name="columns">Columns of the image.</param>
    /// <param name="windowRows">Rows of a window, at least 1.</param>
    /// <param name="windowColumns">Columns of a window, at least 1.</param>
    public static IEnumerable<RasterWindow> Cover(int rows, int columns, int windowRows, int windowColumns)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(windowRows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(windowColumns);
        return Windows();

        IEnumerable<RasterWindow> Windows()
        {
            for (long row = 0; row < rows; row += windowRows)
            {
                for (long column = 0; column < columns; column += windowColumns)
                    yield return new RasterWindow((int)row, (int)column, (int)Math.Min(windowRows, rows - row),
                        (int)Math.Min(windowColumns, columns - column));
            }
        }
    }
}

/// <summary>What the numbers in a raster file are.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PixelKind>))]
public enum PixelKind
{
    /// <summary>Complex samples; read as <see cref="ComplexImage"/>.</summary>
    Complex,

    /// <summary>Detected amplitude |s|, linear; read as <see cref="AmplitudeImage"/>.</summary>
    Amplitude,

    /// <summary>Intensity |s|², linear; read as <see cref="IntensityImage"/>.</summary>
    Intensity,

    /// <summary>Intensity in decibels, 10 log10 |s|²; read as a linear <see cref="IntensityImage"/>.</summary>
    Decibel,

    /// <summary>
    /// Values that a normalisation made of amplitudes for a model; they are no backscatter and not read as such.
    /// </summary>
    Normalised,
}

/// <summary>A block of a raster as it streams by.</summary>
/// <param name="Window">The pixels that this block stands for; blocks cover the raster without overlap.</param>
/// <param name="Padded">The pixels that were read: the window and its halo, cut at the borders.</param>
/// <param name="Image">The pixels of <see cref="Padded"/>.</param>
public sealed record RasterBlock(RasterWindow Window, RasterWindow Padded, SarImage Image);
