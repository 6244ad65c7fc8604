// What an amplitude can be: above 0 where there is data, and no more than the energy that the satellite saw around.
using SarSynth.Radar.Radiometry;

namespace SarSynth.Translation;

/// <summary>From a decoder's values to amplitudes that a radar could have measured.</summary>
internal static class AmplitudeLaw
{
    // A point scatterer within one fine pixel lies with about a third of its energy in the satellite's brightest pixel.
    private const double EnergyShare = 1.0 / 3;

    /// <summary>
    /// Inverts a normalisation in place; small errors below its floor give small amplitudes, never 0.
    /// </summary>
    /// <param name="normalisation">How values came about.</param>
    /// <param name="values">Model values; amplitudes afterwards.</param>
    public static void Invert(Normalisation normalisation, float[] values)
    {
        if (normalisation is not LogNormalisation log)
        {
            normalisation.Invert(values, values);
            // Of 8 bits: half of their step.
            var least = (normalisation as ClippedNormalisation)?.Ceiling / 510 ?? 0;
            foreach (ref var a in values.AsSpan())
                a = (float)Math.Max(a, least);
            return;
        }
        // exp(v) - epsilon crosses 0 where v is too low by little; below a quarter of epsilon the tangent goes on as
        // exponential.
        var bend = log.Epsilon / 4;
        foreach (ref var value in values.AsSpan())
        {
            var above = Math.Exp(value * log.StandardDeviation + log.Mean) - log.Epsilon;
            value = (float)(above >= bend ? above : bend * Math.Exp(above / bend - 1));
        }
    }

    /// <summary>The largest amplitude of a fine pixel that the satellite image leaves possible.</summary>
    /// <param name="scene">The satellite image.</param>
    /// <param name="row">A satellite row.</param>
    /// <param name="scale">Fine pixels per satellite pixel.</param>
    /// <param name="most">Gets it for each satellite pixel of the row; infinite where all around lacks data.</param>
    public static void MostAround(SatelliteScene scene, int row, int scale, float[] most)
    {
        for (var c = 0; c < most.Length; c++)
        {
            var brightest = 0f;
            for (var r = Math.Max(row - 1, 0); r <= Math.Min(row + 1, scene.Rows - 1); r++)
            {
                for (var k = Math.Max(c - 1, 0); k <= Math.Min(c + 1, scene.Columns - 1); k++)
                {
                    var a = scene.Amplitude[(long)r * scene.Columns + k];
                    if (a > brightest)
                        brightest = a;
                }
            }
            most[c] = brightest > 0 ? (float)(brightest * scale / Math.Sqrt(EnergyShare)) : float.PositiveInfinity;
        }
    }
}
