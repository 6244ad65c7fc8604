// The one error that reading and writing rasters gives.
namespace SarSynth.Radar.Images;

/// <summary>A raster that cannot be read or written: which file, and why, in one line.</summary>
/// <param name="path">The file or folder.</param>
/// <param name="reason">What was found and what was expected.</param>
/// <param name="inner">The cause, if it was another exception.</param>
public sealed class RasterException(string path, string reason, Exception? inner = null)
    : IOException($"{path}: {reason.ReplaceLineEndings(" ").Trim()}", inner)
{
    /// <summary>The file or folder.</summary>
    public string Path { get; } = path;

    /// <summary>What is wrong with it, in one line.</summary>
    public string Reason { get; } = reason.ReplaceLineEndings(" ").Trim();
}
