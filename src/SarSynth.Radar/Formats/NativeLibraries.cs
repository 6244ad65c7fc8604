// Finds the system's GDAL and HDF5 under the names that distributions give them.
using System.Reflection;
using System.Runtime.InteropServices;

namespace SarSynth.Radar.Formats;

/// <summary>Resolves the native libraries of this assembly.</summary>
internal static class NativeLibraries
{
    public const string Gdal = "gdal";
    public const string Hdf5 = "hdf5";

    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, nint> Loaded = [];

    // libgdal.so.26 is GDAL 3.0, .32 is 3.6; every one since has the C API that is used here.
    private static IEnumerable<string> Names(string library) => library switch
    {
        Gdal => [.. Enumerable.Range(26, 25).Reverse().Select(version => $"libgdal.so.{version}"), "libgdal.so", "libgdal.dylib", "gdal"],
        Hdf5 => [.. ((string[])["libhdf5_serial.so", "libhdf5.so"]).SelectMany(name =>
            ((int[])[320, 310, 200, 103, 100]).Select(version => $"{name}.{version}").Append(name)), "libhdf5.dylib", "hdf5"],
        _ => [],
    };

    // Runs before the first Require, and every use of a library begins with that.
    static NativeLibraries() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    /// <summary>The handle of a library.</summary>
    /// <exception cref="DllNotFoundException">It is not on this machine; the message says what to install.</exception>
    public static nint Require(string library)
    {
        lock (Gate)
        {
            if (Loaded.TryGetValue(library, out var handle))
                return handle;
            foreach (var name in Names(library))
            {
                if (NativeLibrary.TryLoad(name, out handle))
                    return Loaded[library] = handle;
            }
        }
        throw new DllNotFoundException(library == Gdal
            ? "GDAL's library (libgdal.so.3x) was not found: install it (Debian and Ubuntu: apt-get install libgdal-dev) or put its folder on LD_LIBRARY_PATH."
            : "The HDF5 library (libhdf5_serial.so or libhdf5.so) was not found: install it (Debian and Ubuntu: apt-get install libhdf5-dev).");
    }

    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path) =>
        library is Gdal or Hdf5 ? Require(library) : 0;
}
