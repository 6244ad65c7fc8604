// A place on the ground seen twice, by an airborne sensor and by a satellite, on registered grids.
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>
/// Which part of a data set a scene belongs to; scenes, never tiles, are split, so that no ground is in two parts.
/// </summary>
public enum Split
{
    /// <summary>Seen by training.</summary>
    Train,

    /// <summary>Seen while tuning, never by training.</summary>
    Validation,

    /// <summary>Seen only by the final evaluation.</summary>
    Test,
}

/// <summary>What a square of the airborne image shows, in words.</summary>
/// <param name="Row">First airborne row.</param>
/// <param name="Column">First airborne column.</param>
/// <param name="Size">Side, airborne pixels.</param>
/// <param name="Text">The caption.</param>
public sealed record TileCaption(int Row, int Column, int Size, string Text);

/// <summary>
/// Two registered images of one place: satellite pixel (r, c) covers the airborne pixels from (r k, c k) to (r k + k -
/// 1, c k + k - 1), k = <see cref="Scale"/>.
/// </summary>
public sealed class PairedScene
{
    /// <summary>Pairs two images.</summary>
    /// <param name="name">Name, unique in its data set.</param>
    /// <param name="airborne">The fine image.</param>
    /// <param name="satellite">The coarse image; its size times the scale is the airborne size.</param>
    /// <param name="captions">Captions of squares; may be empty.</param>
    /// <exception cref="ArgumentException">The sizes are not an integer multiple of each other.</exception>
    public PairedScene(string name, AmplitudeImage airborne, AmplitudeImage satellite,
        IReadOnlyList<TileCaption> captions)
    {
        Scale = airborne.Rows / satellite.Rows;
        if (Scale < 1 || satellite.Rows * Scale != airborne.Rows || satellite.Columns * Scale != airborne.Columns)
            throw new ArgumentException(
                $"scene '{name}': airborne image of {airborne.Rows} x {airborne.Columns}, satellite image of "
                    + $"{satellite.Rows} x {satellite.Columns}; "
                + "expected one whole factor between them.");
        (Name, Airborne, Satellite, Captions) = (name, airborne, satellite, captions);
    }

    /// <summary>Name, unique in its data set.</summary>
    public string Name { get; }

    /// <summary>The fine, single-look image.</summary>
    public AmplitudeImage Airborne { get; }

    /// <summary>The coarse image.</summary>
    public AmplitudeImage Satellite { get; }

    /// <summary>Airborne pixels per satellite pixel, in both axes.</summary>
    public int Scale { get; }

    /// <summary>Captions of squares of the airborne image.</summary>
    public IReadOnlyList<TileCaption> Captions { get; }

    /// <summary>The caption whose square shares most ground with a tile; empty when none does.</summary>
    /// <param name="row">First airborne row of the tile.</param>
    /// <param name="column">First airborne column.</param>
    /// <param name="size">Side, airborne pixels.</param>
    public string CaptionAt(int row, int column, int size)
    {
        var (best, text) = (0L, "");
        foreach (var caption in Captions)
        {
            var shared = Overlap(row, size, caption.Row, caption.Size) * Overlap(column, size, caption.Column,
                caption.Size);
            if (shared > best)
                (best, text) = (shared, caption.Text);
        }
        return text;
    }

    private static long Overlap(int a, int aSize, int b, int bSize) =>
        Math.Max(0, Math.Min(a + aSize, b + bSize) - Math.Max(a, b));
}
