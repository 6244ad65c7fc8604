// How libtorch's threads wait, decided before libtorch is loaded.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SarSynth.Diffusion;

internal static partial class OpenMp
{
    /// <summary>
    /// Has OpenMP's threads sleep after microseconds of waiting, unless the user has chosen otherwise: where other
    /// programs use the cores too, threads that spin keep each other from the work that they wait for. OpenMP reads
    /// this once, when it is loaded.
    /// </summary>
#pragma warning disable CA2255 // A library's initialiser: it must run before the first tensor, whatever the host is.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void WaitBriefly()
    {
        string[] chosen = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"];
        if (OperatingSystem.IsLinux() && chosen.All(variable => Environment.GetEnvironmentVariable(variable) is null))
            _ = setenv("GOMP_SPINCOUNT", "1000", 0);  // .NET's own SetEnvironmentVariable does not reach C libraries.
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
