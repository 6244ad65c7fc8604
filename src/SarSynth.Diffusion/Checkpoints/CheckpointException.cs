// The one exception of reading and writing checkpoints: it always names the file and the field or tensor.
namespace SarSynth.Diffusion.Checkpoints;

/// <summary>
/// A checkpoint file, folder or configuration that cannot be used; the message names
/// it, what was found and what was expected.
/// </summary>
public sealed class CheckpointException : Exception
{
    /// <param name="source">File, folder or configuration.</param>
    /// <param name="problem">What was found and what was expected.</param>
    /// <param name="inner">The cause, if another exception told it.</param>
    public CheckpointException(string source, string problem, Exception? inner = null)
        : base($"{source}: {problem}", inner) => CheckpointSource = source;

    /// <summary>The file, folder or configuration that is at fault.</summary>
    public string CheckpointSource { get; }
}
