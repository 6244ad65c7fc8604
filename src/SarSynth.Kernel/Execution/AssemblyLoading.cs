// References of cells: "#r" paths to metadata for the compiler, and assemblies, their dependencies and native
// libraries for the runtime, found beside the referenced assembly through its deps.json.
using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace SarSynth.Kernel.Execution;

/// <summary>A referenced assembly cannot be used.</summary>
internal sealed class ReferenceException(string message) : Exception(message);

/// <summary>Resolves references for the compiler and loads what was compiled.</summary>
internal sealed class AssemblyLoading : MetadataReferenceResolver
{
    private readonly string _directory;
    private readonly AssemblyLoadContext _context = new("cells");
    private readonly Dictionary<string, PortableExecutableReference> _metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Guid> _loaded = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _pathByName = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<AssemblyDependencyResolver> _resolvers = [];
    private readonly List<string> _folders = [];
    private readonly List<MetadataReference> _new = [];
    private string? _problem;

    internal AssemblyLoading(string directory)
    {
        _directory = directory;
        _context.Resolving += (_, name) => Resolve(name);
        _context.ResolvingUnmanagedDll += (_, name) => ResolveNative(name);
    }

    /// <summary>The framework and the kernel's public types.</summary>
    internal IReadOnlyList<MetadataReference> DefaultReferences => s_default ??= FindDefault();

    private static IReadOnlyList<MetadataReference>? s_default;

    /// <summary>References that came after the last submission (from packages).</summary>
    internal IReadOnlyList<MetadataReference> NewReferences => _new;

    /// <summary>Adds assemblies of packages to the next submission.</summary>
    internal void Add(IEnumerable<string> assemblies, IEnumerable<string> nativeFolders)
    {
        foreach (var path in assemblies)
        {
            _new.Add(Reference(path));
            _pathByName[Path.GetFileNameWithoutExtension(path)] = path;
        }
        _folders.AddRange(nativeFolders);
    }

    /// <summary>Before a compilation.</summary>
    internal void Begin() => _problem = null;

    /// <summary>After a compilation that succeeded: its references are in the chain.</summary>
    /// <exception cref="ReferenceException">An assembly was rebuilt since it was loaded.</exception>
    internal void Commit(CSharpCompilation compilation)
    {
        if (_problem is not null)
            throw new ReferenceException(_problem);
        _new.Clear();
    }

    /// <summary>Loads a compiled cell.</summary>
    internal Assembly LoadSubmission(Stream pe, Stream pdb) => _context.LoadFromStream(pe, pdb);

    /// <inheritdoc/>
    public override ImmutableArray<PortableExecutableReference> ResolveReference(string reference, string? baseFilePath, MetadataReferenceProperties properties)
    {
        var folder = baseFilePath is not null && Path.IsPathRooted(baseFilePath) ? Path.GetDirectoryName(baseFilePath)! : _directory;
        var path = Path.GetFullPath(reference, folder);
        if (!File.Exists(path))
        {
            // A bare name is an assembly of the framework.
            var framework = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, Path.GetFileName(reference));
            var candidates = new[] { framework, framework + ".dll" };
            path = reference.Contains('/') ? null : Array.Find(candidates, File.Exists);
            if (path is null)
                return [];
        }
        var version = VersionOf(path);
        if (_loaded.TryGetValue(path, out var loaded) && loaded != version)
        {
            _problem = $"{path} was rebuilt after it was loaded: restart the kernel to use the new build.";
            return [_metadata[path]];
        }
        _loaded[path] = version;
        if (_pathByName.TryAdd(Path.GetFileNameWithoutExtension(path), path))
        {
            _folders.Add(Path.GetDirectoryName(path)!);
            if (File.Exists(Path.ChangeExtension(path, ".deps.json")))
                _resolvers.Add(new AssemblyDependencyResolver(path));
        }
        return [Reference(path)];
    }

    /// <inheritdoc/>
    public override bool ResolveMissingAssemblies => true;

    /// <inheritdoc/>
    public override PortableExecutableReference? ResolveMissingAssembly(MetadataReference definition, AssemblyIdentity referenceIdentity) =>
        PathOf(new AssemblyName(referenceIdentity.GetDisplayName())) is { } path ? Reference(path) : null;

    /// <inheritdoc/>
    public override bool Equals(object? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

    private PortableExecutableReference Reference(string path)
    {
        if (_metadata.TryGetValue(path, out var known))
            return known;
        var documentation = Path.ChangeExtension(path, ".xml");
        return _metadata[path] = MetadataReference.CreateFromFile(path,
            documentation: File.Exists(documentation) ? Language.XmlDocumentation.ForFile(documentation) : null);
    }

    private Assembly? Resolve(AssemblyName name) => PathOf(name) is { } path ? _context.LoadFromAssemblyPath(path) : null;

    private string? PathOf(AssemblyName name)
    {
        if (name.Name is null)
            return null;
        if (_pathByName.TryGetValue(name.Name, out var known))
            return known;
        foreach (var resolver in _resolvers)
            if (resolver.ResolveAssemblyToPath(name) is { } path)
                return path;
        foreach (var folder in _folders)
            if (Path.Combine(folder, name.Name + ".dll") is var path && File.Exists(path))
                return path;
        return null;
    }

    private nint ResolveNative(string name)
    {
        foreach (var resolver in _resolvers)
            if (resolver.ResolveUnmanagedDllToPath(name) is { } path && System.Runtime.InteropServices.NativeLibrary.TryLoad(path, out var handle))
                return handle;
        foreach (var folder in _folders)
            foreach (var place in NativePlaces(folder))
                foreach (var file in new[] { name, $"lib{name}.so", $"{name}.so", $"lib{name}.dylib", $"{name}.dll" })
                    if (Path.Combine(place, file) is var path && File.Exists(path)
                        && System.Runtime.InteropServices.NativeLibrary.TryLoad(path, out var handle))
                        return handle;
        return 0;
    }

    private static IEnumerable<string> NativePlaces(string folder)
    {
        yield return folder;
        yield return Path.Combine(folder, "runtimes", System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier, "native");
        var portable = (OperatingSystem.IsMacOS() ? "osx" : OperatingSystem.IsWindows() ? "win" : "linux") + "-"
            + System.Runtime.InteropServices.RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();
        yield return Path.Combine(folder, "runtimes", portable, "native");
    }

    // The module's identity changes with every different build, unlike the time of the file.
    private static Guid VersionOf(string path)
    {
        using var pe = new PEReader(File.OpenRead(path));
        var metadata = pe.GetMetadataReader();
        return metadata.GetGuid(metadata.GetModuleDefinition().Mvid);
    }

    private static List<MetadataReference> FindDefault()
    {
        var framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var references = new List<MetadataReference>();
        foreach (var path in Directory.EnumerateFiles(framework, "*.dll").Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileNameWithoutExtension(path);
            if ((name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Microsoft.", StringComparison.Ordinal)
                    || name is "mscorlib" or "netstandard" or "System")
                && IsManaged(path))
                references.Add(MetadataReference.CreateFromFile(path));
        }
        references.Add(MetadataReference.CreateFromFile(typeof(Session).Assembly.Location));
        return references;
    }

    private static bool IsManaged(string path) =>
        !Path.GetFileName(path).Contains(".Native.", StringComparison.Ordinal);
}
