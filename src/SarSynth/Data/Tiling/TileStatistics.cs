// What is measured on every tile, and what it is dropped for.
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.Data;

/// <summary>Statistics of one tile's calibrated amplitude.</summary>
/// <param name="Mean">Mean of the valid pixels.</param>
/// <param name="Deviation">Their standard deviation.</param>
/// <param name="Enl">Median of mean² / variance of the intensity over 25 x 25 windows; null where none is
/// complete.</param>
/// <param name="NoData">Share of the pixels without data.</param>
/// <param name="Zeros">Share of the pixels that are exactly 0.</param>
/// <param name="Saturated">Share of the pixels above the ceiling, which are clipped.</param>
public sealed record TileStatistics(double Mean, double Deviation, double? Enl, double NoData, double Zeros,
    double Saturated)
{
    private const int EnlWindow = 25;

    /// <summary>Measures a tile.</summary>
    /// <param name="amplitude">Calibrated amplitude, linear; NaN where there is no data.</param>
    /// <param name="ceiling">What is clipped at.</param>
    public static TileStatistics Of(AmplitudeImage amplitude, double ceiling)
    {
        ArgumentNullException.ThrowIfNull(amplitude);
        long count = 0, zeros = 0, saturated = 0;
        double sum = 0;
        foreach (var a in amplitude.Pixels)
        {
            if (float.IsNaN(a))
                continue;
            count++;
            zeros += a == 0 ? 1 : 0;
            saturated += a > ceiling ? 1 : 0;
            sum += a;
        }
        var (all, mean) = ((double)amplitude.Pixels.Length, count > 0 ? sum / count : 0);
        double squares = 0;
        foreach (var a in amplitude.Pixels)
            squares += float.IsNaN(a) ? 0 : (a - mean) * (a - mean);
        double? enl = Math.Min(amplitude.Rows, amplitude.Columns) < EnlWindow ? null : Radar.Statistics.Enl
            .MedianOverWindows(amplitude.ToIntensity().Pixels, amplitude.Rows, amplitude.Columns, EnlWindow).Value;
        return new(mean, count > 0 ? Math.Sqrt(squares / count) : 0, enl is { } v && double.IsFinite(v) ? v : null,
            (all - count) / all, zeros / all, saturated / all);
    }

    /// <summary>Why a tile is not kept: "empty" or "saturated"; null where it is.</summary>
    public string? Fault(TilingRecipe recipe) => NoData + Zeros > recipe.MostEmpty ? "empty"
        : Saturated > recipe.MostSaturated ? "saturated" : null;
}
