// What the simulator hands back: the images and the truth behind them.
using SarSynth.Radar.Rasters;

namespace SarSynth.Radar.Simulation;

/// <summary>How rich a simulation is.</summary>
public enum Fidelity
{
    /// <summary>Geometry, texture, parcels and rows, facades, point scatterers: the stand-in for a real image.</summary>
    Truth,

    /// <summary>What a facet simulator gives: geometry right, one flat level for each class and angle, no clutter texture.</summary>
    Simulator,
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

    /// <summary>The single-look complex image; the mean of its squared magnitude is sigma nought plus noise, linear.</summary>
    public ComplexImage SingleLook { get; }

    /// <summary>Amplitude after averaging the intensity over the sensor's looks; the mean of its square is sigma nought plus noise.</summary>
    /// <remarks>A pixel covers exactly the single-look samples it averages, and so the same ground as they do.</remarks>
    public AmplitudeImage Detected { get; }

    /// <summary>What lies behind, in the radar's geometry on the scene's grid.</summary>
    public RadarTruth Truth { get; }
}

/// <summary>The truth behind an observation, in the radar's geometry, row-major on the scene's grid.</summary>
public sealed class RadarTruth
{
    internal RadarTruth(int rows, int columns, double spacing)
    {
        (Rows, Columns, Spacing) = (rows, columns, spacing);
        int count = rows * columns;
        (Reflectivity, Classes, Heights, Shadow, Layover) = (new float[count], new byte[count], new float[count], new byte[count], new byte[count]);
    }

    /// <summary>The class of cells to which nothing lit belongs.</summary>
    public const byte NoClass = 255;

    /// <summary>Number of rows (azimuth).</summary>
    public int Rows { get; }

    /// <summary>Number of columns (slant range over sin(incidence)).</summary>
    public int Columns { get; }

    /// <summary>Cell size, metres.</summary>
    public double Spacing { get; }

    /// <summary>Mean backscatter of each cell, sigma nought, linear, without noise, speckle and point scatterers.</summary>
    public float[] Reflectivity { get; }

    /// <summary>Class of the strongest contribution, a <see cref="LandCover"/> value or <see cref="NoClass"/>.</summary>
    public byte[] Classes { get; }

    /// <summary>Height of the strongest contribution, metres; NaN where there is none.</summary>
    public float[] Heights { get; }

    /// <summary>1 where more than half of the cell is in shadow.</summary>
    public byte[] Shadow { get; }

    /// <summary>1 where more than one surface falls into the cell.</summary>
    public byte[] Layover { get; }

    /// <summary>Which of the scene's targets are not shaded.</summary>
    internal bool[] LitTargets { get; set; } = [];
}
