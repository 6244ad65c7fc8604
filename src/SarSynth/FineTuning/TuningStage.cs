// What the stages of a fine-tuning have in common: first the autoencoder's where it is trained, then the denoiser's.
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>What a stage shows of itself beside a validation.</summary>
/// <param name="What">What was asked for.</param>
/// <param name="Picture">What is drawn.</param>
/// <param name="Image">What is measured.</param>
/// <param name="Truth">Amplitudes that it is measured against, NaN for none; null for the validation tiles'.</param>
internal sealed record StageSample(string What, AmplitudeImage Picture, AmplitudeImage Image, float[]? Truth = null);

/// <summary>One training of a run, with parameters, checkpoints and a log of its own.</summary>
internal interface ITuningStage
{
    /// <summary>"autoencoder" or "denoiser".</summary>
    string Name { get; }

    /// <summary>The recipe with this stage's steps, batch and crop.</summary>
    FineTuneRecipe Recipe { get; }

    /// <summary>All that is trained, by the name that checkpoints know it by.</summary>
    IReadOnlyDictionary<string, Parameter> Parameters { get; }

    /// <summary>Their rates.</summary>
    IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>Networks that are trained, by the beginning of their parameters' names.</summary>
    IReadOnlyList<(string Prefix, nn.Module Network)> Networks => [];

    /// <summary>Mixed precision; null in float32.</summary>
    Autocast? Autocast => null;

    /// <summary>The loss of a batch, a scalar to call backward on.</summary>
    Tensor Loss(IReadOnlyList<CutTile> batch, TrainingStep step);

    /// <summary>Mean loss over tiles; the same draws at every call.</summary>
    double Validate(IReadOnlyList<CutTile> tiles, Generator generator);

    /// <summary>What is looked at.</summary>
    /// <param name="held">The validation tiles; at least one.</param>
    IEnumerable<StageSample> Samples(IReadOnlyList<CutTile> held);
}
