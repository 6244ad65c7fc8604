// The losses of a training as a file beside its checkpoints.
using System.Globalization;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Training;

namespace SarSynth.FineTuning;

/// <summary>Writes lines "stage,step,loss": the mean of each ten steps, and each validation as "STAGE validation".
/// </summary>
/// <param name="path">The file; it is whole at any moment, and goes on where a killed run left it.</param>
internal sealed class LossLog(string path)
{
    private const int Interval = 10;
    private readonly List<double> recent = [];

    /// <summary>Told every step.</summary>
    /// <param name="stage">What is trained.</param>
    /// <param name="p">The step.</param>
    public void Add(string stage, TrainingProgress p)
    {
        recent.Add(p.Loss);
        if (p.Step % Interval == 0 || p.Step == p.Steps)
        {
            Append(stage, p.Step, recent.Average());
            recent.Clear();
        }
        if (p.Validation is { } held)
            Append(stage + " validation", p.Step, held);
    }

    /// <summary>Moves the file beside the finished model; a run that was killed after that has none to move.</summary>
    /// <param name="model">The model's folder.</param>
    public void MoveTo(string model)
    {
        if (File.Exists(path))
            File.Move(path, Path.Combine(model, Path.GetFileName(path)), overwrite: true);
    }

    // A killed run may have written more lines than its last checkpoint has steps: those go first.
    private void Append(string stage, long step, double loss)
    {
        var lines = File.Exists(path) ? File.ReadAllLines(path) : [];
        var kept = lines.Where(l => l.Split(',') is not [var name, var at, _] || name != stage
            || long.Parse(at, CultureInfo.InvariantCulture) < step);
        AtomicFile.WriteText(path, string.Concat(kept
            .Append(FormattableString.Invariant($"{stage},{step},{loss:G6}")).Select(l => l + "\n")));
    }
}
