// What a call of the denoiser was given and what it made, for whoever compares runs.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>One call of the UNet: what it was given and what it made, for comparison.</summary>
internal sealed record ModelCall(Tensor Sample, double Timestep, Tensor Text, Tensor? Pooled, Tensor? TimeIds,
    Tensor Output) : IDisposable
{
    /// <summary>Copies that outlive the call.</summary>
    public ModelCall Kept()
    {
        static Tensor Copy(Tensor tensor) => tensor.clone().DetachFromDisposeScope();
        return new(Copy(Sample), Timestep, Copy(Text), Pooled is null ? null : Copy(Pooled), TimeIds is null ? null
            : Copy(TimeIds), Copy(Output));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in new[] { Sample, Text, Pooled, TimeIds, Output })
            tensor?.Dispose();
    }
}
