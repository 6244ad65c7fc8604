// How a file that cannot be written is told here: as a raster's error. The rest is src/Shared/AtomicFile.cs.
using SarSynth.Radar.Images;

namespace SarSynth;

internal sealed partial class AtomicFile
{
    private static partial Exception Failure(string path, string problem, Exception? cause) =>
        new RasterException(path, problem, cause);
}
