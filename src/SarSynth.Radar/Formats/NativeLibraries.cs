// Finds the system's GDAL under the names that distributions give it.
using System.Reflection;
using System.Runtime.InteropServices;

namespace SarSynth.Radar.Formats;

/// <summary>Resolves the native library of this assembly.</summary>
internal static class NativeLibraries
{
    public const string Gdal = "gdal";

    private static readonly Lazy<nint> Handle = new(Load);

    // libgdal.so.26 is GDAL 3.0, .32 is 3.6; every one since has the C API that is used here.
    private static IEnumerable<string> Names =>
        [.. Enumerable.Range(26, 25).Reverse().Select(version => $"libgdal.so.{version}"), "libgdal.so",
            "libgdal.dylib", "gdal"];

    // Runs before the first Require, and every use of the library begins with that.
    static NativeLibraries() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    /// <summary>Loads GDAL.</summary>
    /// <exception cref="DllNotFoundException">It is not on this machine; the message says what to install.</exception>
    public static void RequireGdal() => _ = Handle.Value;

    private static nint Load()
    {
        foreach (var name in Names)
        {
            if (NativeLibrary.TryLoad(name, out var handle))
                return handle;
        }
        throw new DllNotFoundException("GDAL's library (libgdal.so.3x) was not found: install it (Debian and Ubuntu: "
            + "apt-get install libgdal-dev) or put its folder on LD_LIBRARY_PATH.");
    }

    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path) =>
        library == Gdal ? Handle.Value : 0;
}
