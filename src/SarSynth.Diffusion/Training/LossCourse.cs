// A training that has diverged may go on for hours with finite numbers: its loss says so.
namespace SarSynth.Diffusion.Training;

/// <summary>Watches the loss of a training in windows of steps.</summary>
internal sealed class LossCourse
{
    /// <summary>Steps of a window.</summary>
    public const int Window = 100;

    // Warm-ups, and losses that one term hands over to another, are at the beginning.
    private const int Passed = 3;

    // Standard errors between two windows, twice in a row: chance does not bring that about in a million windows.
    private const double Sure = 8;

    private readonly List<double> inside = [];
    private (long Last, double Mean, double Error)? lowest;
    private int windows, risen;

    /// <summary>Takes the loss of a step; says once, after two windows, that it has risen and stays so.</summary>
    /// <param name="step">Steps taken.</param>
    /// <param name="loss">Its loss; one that is not finite is left out.</param>
    /// <returns>What is to be told; null for nothing.</returns>
    public string? Add(long step, double loss)
    {
        if (double.IsFinite(loss))
            inside.Add(loss);
        if (inside.Count < Window)
            return null;
        var mean = inside.Average();
        var error = Math.Sqrt(inside.Sum(l => (l - mean) * (l - mean)) / (Window - 1.0) / Window);
        inside.Clear();
        if (++windows <= Passed)
            return null;
        if (lowest is not { } low || mean < low.Mean)
        {
            (lowest, risen) = ((step, mean, error), 0);
            return null;
        }
        risen = mean - low.Mean > Sure * Math.Sqrt(error * error + low.Error * low.Error) ? risen + 1 : 0;
        return risen != 2 ? null : FormattableString.Invariant(
            $"step {step}: the loss has risen, from {low.Mean:G4} over the {Window} steps up to {low.Last} to ")
            + FormattableString.Invariant($"{mean:G4}; a training that diverges does so (a lower learning rate ")
            + "helps), or one whose loss has got another term";
    }
}
