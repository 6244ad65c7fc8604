// How a file that cannot be written is told here. The rest is src/Shared/AtomicFile.cs.
namespace SarSynth;

public sealed partial class AtomicFile
{
    private static partial Exception Failure(string path, string problem, Exception? cause) =>
        new IOException($"{path}: {problem}", cause);
}
