// Where a notebook finds TorchSharp's native libraries. A program's own host knows the folders of its packages; a notebook's kernel, which
// loads this assembly from another program's output, does not, and TorchSharp would look for them in the package cache.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SarSynth.Diffusion;

internal static partial class NativeEngine
{
    // TorchSharp's natives ask for what comes before them by name; GPU builds have their kernels in libraries of their own.
    private static readonly string[] Libraries = ["torch_cpu", "torch_cuda", "torch", "LibTorchSharp"];

    /// <summary>Loads the natives that lie with this assembly, unless the host finds them by itself.</summary>
#pragma warning disable CA2255 // A library's initialiser: whoever uses it first, from whatever host, must find the natives loaded.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Load()
    {
        WaitBriefly();
        var hostKnows = (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string)?.Split(Path.PathSeparator) ?? [];
        if (hostKnows.Any(folder => File.Exists(Path.Combine(folder, FileName("LibTorchSharp")))))
            return;
        if (Candidates().FirstOrDefault(folder => File.Exists(Path.Combine(folder, FileName("LibTorchSharp")))) is not { } natives)
            return;
        foreach (var file in Libraries.Select(name => Path.Combine(natives, FileName(name))).Where(File.Exists))
            NativeLibrary.Load(file);
    }

    private static IEnumerable<string> Candidates()
    {
        if (Path.GetDirectoryName(typeof(NativeEngine).Assembly.Location) is not { Length: > 0 } own)
            yield break;
        yield return own;
        yield return Path.Combine(own, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        var system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
        var processor = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        yield return Path.Combine(own, "runtimes", $"{system}-{processor}", "native");
    }

    private static string FileName(string library) => OperatingSystem.IsWindows() ? library + ".dll"
        : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";

    /// <summary>
    /// Has OpenMP's threads sleep after microseconds of waiting, unless the user has chosen otherwise: where other programs use the
    /// cores too, threads that spin keep each other from the work that they wait for. OpenMP reads this once, when it is loaded.
    /// </summary>
    private static void WaitBriefly()
    {
        if (!OperatingSystem.IsLinux() || new[] { "OMP_WAIT_POLICY", "GOMP_SPINCOUNT" }.Any(v => Environment.GetEnvironmentVariable(v) is not null))
            return;
        _ = setenv("GOMP_SPINCOUNT", "1000", 0);  // .NET's own SetEnvironmentVariable does not reach C libraries.
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
