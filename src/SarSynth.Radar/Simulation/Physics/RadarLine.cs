// One azimuth line while it is traced: the ground along it, and what falls into each range cell.
namespace SarSynth.Radar.Simulation;

/// <summary>Buffers of one line; column j of the range holds [j - 0.5, j + 0.5].</summary>
internal sealed class RadarLine(int width)
{
    public readonly float[] Height = new float[width], SlopeAcross = new float[width], Gain = new float[width],
        Horizon = new float[width];
    public readonly byte[] Class = new byte[width];
    public readonly float[] Power = new float[width], Cover = new float[width], Strongest = new float[width],
        TopHeight = new float[width];
    public readonly byte[] TopClass = new byte[width];

    public int SourceRow { get; set; }

    public void Clear()
    {
        Array.Clear(Power);
        Array.Clear(Cover);
        Array.Clear(Strongest);
    }

    /// <summary>Adds power spread evenly over [a, b].</summary>
    public void Spread(byte code, float a, float b, float power, float height)
    {
        if (a > b)
            (a, b) = (b, a);
        if (b - a < 1e-3f)
            (a, b) = (a - 5e-4f, b + 5e-4f);
        int first = Math.Max((int)MathF.Floor(a + 0.5f), 0),
            last = Math.Min((int)MathF.Floor(b + 0.5f), Power.Length - 1);
        float density = power / (b - a);
        for (int j = first; j <= last; j++)
        {
            float part = (Math.Min(b, j + 0.5f) - Math.Max(a, j - 0.5f)) * density;
            Power[j] += part;
            if (part > Strongest[j])
                (Strongest[j], TopClass[j], TopHeight[j]) = (part, code, height);
        }
    }

    /// <summary>Notes that a lit surface covers [a, b]: less than one is shadow, more is layover.</summary>
    public void AddCover(float a, float b)
    {
        if (a > b)
            (a, b) = (b, a);
        int first = Math.Max((int)MathF.Floor(a + 0.5f), 0),
            last = Math.Min((int)MathF.Floor(b + 0.5f), Cover.Length - 1);
        for (int j = first; j <= last; j++)
            Cover[j] += Math.Min(b, j + 0.5f) - Math.Max(a, j - 0.5f);
    }
}
