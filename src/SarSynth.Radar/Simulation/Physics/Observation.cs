// What the simulator hands back: the images and the truth behind them.
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Simulation;

/// <summary>How rich a simulation is.</summary>
public enum Fidelity
{
    /// <summary>
    /// Geometry, texture, parcels and rows, facades, point scatterers: the stand-in for a real image.
    /// </summary>
    Truth,

    /// <summary>
    /// What a facet simulator gives: <see cref="FacetModel"/> with its defaults, from the levels of its own table to
    /// its errors of calibration and registration.
    /// </summary>
    Simulator,

    /// <summary>
    /// The truth's physics over plain ground: its geometry, levels, canopies, scatterers, noise and response, without
    /// texture, parcels and windows. Nothing else differs from <see cref="Truth"/>.
    /// </summary>
    Plain,
}

/// <summary>One scene seen once by one sensor.</summary>
public sealed class Observation
{
    internal Observation(Sensor sensor, ComplexImage singleLook, AmplitudeImage detected, RadarTruth truth)
    {
        (Sensor, SingleLook, Detected, Truth) = (sensor, singleLook, detected, truth);
    }

    /// <summary>The sensor.</summary>
    public Sensor Sensor { get; }

    /// <summary>
    /// The single-look complex image; the mean of its squared magnitude is sigma nought plus noise, linear.
    /// </summary>
    public ComplexImage SingleLook { get; }

    /// <summary>
    /// Amplitude after averaging the intensity over the sensor's looks; the mean of
    /// its square is sigma nought plus noise.
    /// </summary>
    /// <remarks>
    /// A pixel covers exactly the single-look samples it averages, and so the same ground as they do.
    /// </remarks>
    public AmplitudeImage Detected { get; }

    /// <summary>What lies behind, in the radar's geometry on the scene's grid.</summary>
    public RadarTruth Truth { get; }

    /// <summary>
    /// Mean intensity of each pixel of <see cref="Detected"/> without speckle, the power of its scatterers in it: the
    /// map that a facet simulator computes; its shadows are 0. Null for the other fidelities.
    /// </summary>
    public IntensityImage? SpeckleFree { get; internal init; }

    /// <summary>
    /// How wrong brightness and place of a facet simulation are; <see cref="Truth"/> is free of both. Null for the
    /// other fidelities.
    /// </summary>
    public FacetErrors? Errors { get; internal init; }
}

/// <summary>The truth behind an observation, in the radar's geometry, row-major on the scene's grid.</summary>
public sealed class RadarTruth
{
    internal RadarTruth(int rows, int columns, double spacing)
    {
        (Rows, Columns, Spacing) = (rows, columns, spacing);
        int count = rows * columns;
        (Reflectivity, Classes, Heights, Shadow, Layover) = (new float[count], new byte[count], new float[count],
            new byte[count], new byte[count]);
    }

    /// <summary>The class of cells to which nothing lit belongs.</summary>
    public const byte NoClass = 255;

    /// <summary>Number of rows (azimuth).</summary>
    public int Rows { get; }

    /// <summary>Number of columns (slant range over sin(incidence)).</summary>
    public int Columns { get; }

    /// <summary>Cell size, metres.</summary>
    public double Spacing { get; }

    /// <summary>
    /// Mean backscatter of each cell, sigma nought, linear, without noise, speckle and point scatterers.
    /// </summary>
    public float[] Reflectivity { get; }

    /// <summary>
    /// Class of the strongest contribution, a <see cref="LandCover"/> value or <see cref="NoClass"/>.
    /// </summary>
    public byte[] Classes { get; }

    /// <summary>Height of the strongest contribution, metres; NaN where there is none.</summary>
    public float[] Heights { get; }

    /// <summary>1 where more than half of the cell is in shadow.</summary>
    public byte[] Shadow { get; }

    /// <summary>1 where more than one surface falls into the cell.</summary>
    public byte[] Layover { get; }

    /// <summary>The truth on a coarser grid over the same ground, such as that of the detected image.</summary>
    /// <param name="rows">Number of rows, 1 to <see cref="Rows"/>.</param>
    /// <param name="columns">Number of columns, 1 to <see cref="Columns"/>.</param>
    /// <returns>Mean reflectivity, most frequent class, its mean height, and masks by majority.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The grid is finer than this one.</exception>
    public RadarTruth ToGrid(int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, Rows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns, Columns);
        var coarse = new RadarTruth(rows, columns, Spacing * Rows / rows);
        Span<int> counts = stackalloc int[256];
        for (int r = 0; r < rows; r++)
        {
            int top = (int)((long)r * Rows / rows), bottom = (int)((long)(r + 1) * Rows / rows);
            for (int c = 0; c < columns; c++)
            {
                int left = (int)((long)c * Columns / columns), right = (int)((long)(c + 1) * Columns / columns),
                    count = (bottom - top) * (right - left);
                counts.Clear();
                int shadow = 0, layover = 0;
                double power = 0;
                for (int i = top; i < bottom; i++)
                {
                    for (int j = left; j < right; j++)
                    {
                        int at = i * Columns + j;
                        power += Reflectivity[at];
                        shadow += Shadow[at];
                        layover += Layover[at];
                        counts[Classes[at]]++;
                    }
                }
                byte code = 0;
                for (int k = 1; k < counts.Length; k++)
                    code = counts[k] > counts[code] ? (byte)k : code;
                double height = 0;
                for (int i = top; i < bottom; i++)
                {
                    for (int j = left; j < right; j++)
                        height += Classes[i * Columns + j] == code ? Heights[i * Columns + j] : 0;
                }
                int to = r * columns + c;
                coarse.Reflectivity[to] = (float)(power / count);
                coarse.Classes[to] = code;
                coarse.Heights[to] = (float)(height / counts[code]);
                coarse.Shadow[to] = (byte)(2 * shadow > count ? 1 : 0);
                coarse.Layover[to] = (byte)(2 * layover > count ? 1 : 0);
            }
        }
        return coarse;
    }

    /// <summary>Which of the scene's targets are not shaded; none on a coarser grid.</summary>
    public bool[] LitTargets { get; internal set; } = [];
}
