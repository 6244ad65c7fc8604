// What is measured on every tile, and what it is dropped for.
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.Data;

/// <summary>Statistics of one tile's calibrated amplitude.</summary>
/// <param name="Mean">Mean of the valid pixels.</param>
/// <param name="Deviation">Their standard deviation.</param>
/// <param name="Enl">
/// Median of mean² / variance of the intensity over 25 x 25 windows; null where none is complete.
/// </param>
/// <param name="NoData">Share of the pixels without data.</param>
/// <param name="Fill">
/// Share of the pixels that are exactly 0 among zeros: a processor's fill. A single 0 is a dark pixel of few bits.
/// </param>
/// <param name="Saturated">Share of the pixels above the ceiling, which are clipped.</param>
public sealed record TileStatistics(double Mean, double Deviation, double? Enl, double NoData, double Fill,
    double Saturated)
{
    private const int EnlWindow = 25;

    /// <summary>Measures a tile.</summary>
    /// <param name="amplitude">Calibrated amplitude, linear; NaN where there is no data.</param>
    /// <param name="ceiling">What is clipped at.</param>
    public static TileStatistics Of(AmplitudeImage amplitude, double ceiling)
    {
        ArgumentNullException.ThrowIfNull(amplitude);
        long count = 0, saturated = 0;
        double sum = 0;
        foreach (var a in amplitude.Pixels)
        {
            if (float.IsNaN(a))
                continue;
            count++;
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
            (all - count) / all, FillOf(amplitude).Count(isFill => isFill) / all, saturated / all);
    }

    /// <summary>Which pixels are fill: 0, and the four beside them 0, without data, or outside.</summary>
    internal static bool[] FillOf(AmplitudeImage image)
    {
        var (rows, columns, pixels) = (image.Rows, image.Columns, image.Pixels);
        var fill = new bool[pixels.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var at = row * columns + column;
                fill[at] = pixels[at] == 0 && (row == 0 || !(pixels[at - columns] > 0))
                    && (row == rows - 1 || !(pixels[at + columns] > 0)) && (column == 0 || !(pixels[at - 1] > 0))
                    && (column == columns - 1 || !(pixels[at + 1] > 0));
            }
        }
        return fill;
    }

    /// <summary>Why a tile is not kept: "empty" or "saturated"; null where it is.</summary>
    public string? Fault(TilingRecipe recipe) => NoData + Fill > recipe.MostEmpty ? "empty"
        : Saturated > recipe.MostSaturated ? "saturated" : null;
}
