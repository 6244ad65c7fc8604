// What a built assembly depends on: its deps.json, with files beside it, in its runtimes/
// folder or in the package cache.
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SarSynth.Kernel.Execution;

/// <summary>The managed assemblies and native libraries that a deps.json names and that are on this machine.</summary>
internal sealed class DependencyFile
{
    private static readonly string[] RuntimeIdentifiers = FindRuntimeIdentifiers();
    private readonly Dictionary<string, string> _managed = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _native = new(StringComparer.Ordinal);

    /// <summary>Managed assemblies by simple name.</summary>
    internal IReadOnlyDictionary<string, string> Managed => _managed;

    /// <summary>The native library of a file name or bare name, or null.</summary>
    internal string? Native(string name)
    {
        foreach (var candidate in NativeNames(name))
            if (_native.TryGetValue(candidate, out var path))
                return path;
        return null;
    }

    /// <summary>File names under which a native library may be found.</summary>
    internal static IEnumerable<string> NativeNames(string name) => OperatingSystem.IsMacOS()
        ? [name, $"lib{name}.dylib", $"{name}.dylib", $"lib{name}"]
        : OperatingSystem.IsWindows() ? [name, $"{name}.dll"] : [name, $"lib{name}.so", $"{name}.so", $"lib{name}"];

    /// <summary>Where native libraries lie below a folder of assemblies.</summary>
    internal static IEnumerable<string> NativeFolders(string folder) =>
        RuntimeIdentifiers.Select(r => Path.Combine(folder, "runtimes", r, "native")).Prepend(folder);

    /// <summary>
    /// Reads the deps.json beside <paramref name="assembly"/>; null where there is none or it is unreadable.
    /// </summary>
    internal static DependencyFile? Beside(string assembly)
    {
        var path = Path.ChangeExtension(assembly, ".deps.json");
        if (!File.Exists(path))
            return null;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return new DependencyFile(document.RootElement, Path.GetDirectoryName(assembly)!);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            Log.Write($"{path}: not a dependency file: {e.Message}");
            return null;
        }
    }

    private DependencyFile(JsonElement root, string folder)
    {
        var libraries = root.GetProperty("libraries");
        foreach (var target in root.GetProperty("targets").EnumerateObject())
            foreach (var library in target.Value.EnumerateObject())
            {
                var package = libraries.TryGetProperty(library.Name, out var l)
                    && l.TryGetProperty("path", out var p) ? p.GetString() : null;
                foreach (var asset in Assets(library.Value, "runtime"))
                    if (asset.EndsWith(".dll", StringComparison.Ordinal) && Locate(folder, package, asset) is { } file)
                        _managed.TryAdd(Path.GetFileNameWithoutExtension(file), file);
                foreach (var asset in Assets(library.Value, "native"))
                    if (Locate(folder, package, asset) is { } file)
                        _native.TryAdd(Path.GetFileName(file), file);
            }
        foreach (var target in root.GetProperty("targets").EnumerateObject())
            foreach (var library in target.Value.EnumerateObject())
                if (library.Value.TryGetProperty("runtimeTargets", out var specific))
                    ReadSpecific(specific, folder, libraries.TryGetProperty(library.Name, out var l)
                        && l.TryGetProperty("path", out var p) ? p.GetString() : null);
    }

    // Assets of one platform: the most specific identifier of this machine wins.
    private void ReadSpecific(JsonElement assets, string folder, string? package)
    {
        foreach (var runtime in RuntimeIdentifiers)
            foreach (var asset in assets.EnumerateObject())
            {
                if (asset.Value.GetProperty("rid").GetString() != runtime
                    || Locate(folder, package, asset.Name) is not { } file)
                    continue;
                if (asset.Value.GetProperty("assetType").GetString() == "native")
                    _native.TryAdd(Path.GetFileName(file), file);
                else
                    _managed[Path.GetFileNameWithoutExtension(file)] = file;
            }
    }

    private static IEnumerable<string> Assets(JsonElement library, string kind) =>
        library.TryGetProperty(kind, out var assets) ? assets.EnumerateObject().Select(a => a.Name) : [];

    private static string? Locate(string folder, string? package, string asset)
    {
        string[] candidates = package is null
            ? [Path.Combine(folder, Path.GetFileName(asset)), Path.Combine(folder, asset)]
            : [Path.Combine(folder, Path.GetFileName(asset)), Path.Combine(folder, asset),
                Path.Combine(PackageCache, package, asset)];
        return Array.Find(candidates, File.Exists);
    }

    private static string PackageCache => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } set
        ? set
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private static string[] FindRuntimeIdentifiers()
    {
        var architecture = RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();
        var exact = RuntimeInformation.RuntimeIdentifier;
        return OperatingSystem.IsMacOS() ? [exact, $"osx-{architecture}", "osx", "unix"]
            : OperatingSystem.IsWindows() ? [exact, $"win-{architecture}", "win"]
            : [exact, $"linux-{architecture}", "linux", "unix"];
    }
}
