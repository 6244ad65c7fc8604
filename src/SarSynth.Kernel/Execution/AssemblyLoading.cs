// References of cells: "#r" paths to metadata for the compiler, and assemblies, their dependencies and native
// libraries for the runtime, found beside the referenced assembly and through its deps.json.
using System.Collections.Immutable;
using System.IO.MemoryMappedFiles;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using SarSynth.Kernel.Language;

namespace SarSynth.Kernel.Execution;

/// <summary>A referenced assembly or package cannot be used.</summary>
internal sealed class ReferenceException(string message) : Exception(message);

/// <summary>Resolves references for the compiler and loads what was compiled.</summary>
internal sealed class AssemblyLoading : MetadataReferenceResolver
{
    private static readonly string Framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
    private static readonly string[] Facades = ["System.Runtime", "netstandard", "mscorlib", "System", "System.Core"];
    // What cells see of the kernel: its own public types, and the packages that it comes with.
    private static readonly string[] Own =
    [
        "sarsynth-kernel", "Microsoft.DotNet.Interactive", "Microsoft.DotNet.Interactive.Formatting",
        "Microsoft.AspNetCore.Html.Abstractions",
    ];
    private static readonly string[] OfInteractive = ["Microsoft.DotNet.Interactive.Documents", "System.Reactive"];
    private static readonly List<MemoryMappedViewAccessor> Maps = [];
    private static readonly Lazy<IReadOnlyList<MetadataReference>> Defaults = new(FindDefaults);
    private readonly string _directory;
    private readonly AssemblyLoadContext _context = new("cells");
    private readonly Dictionary<string, PortableExecutableReference> _metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Guid> _versions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _pathByName = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _included = new(StringComparer.Ordinal);
    private readonly List<DependencyFile> _dependencies = [];
    private readonly List<string> _folders = [], _nativeFiles = [], _uninitialised = [];
    private readonly List<MetadataReference> _new = [];
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string,
        Assembly> _unloadable = new(StringComparer.Ordinal);
    private string? _problem;

    /// <summary>References with relative paths start at <paramref name="directory"/>.</summary>
    internal AssemblyLoading(string directory)
    {
        _directory = directory;
        _context.Resolving += (_, name) => PathOf(name) is { } path ? _context.LoadFromAssemblyPath(path) : null;
        _context.ResolvingUnmanagedDll += (_, name) => LoadNative(name);
    }

    /// <summary>The framework and the kernel's public types.</summary>
    internal static IReadOnlyList<MetadataReference> DefaultReferences => Defaults.Value;

    /// <summary>References that came after the last submission (from packages).</summary>
    internal IReadOnlyList<MetadataReference> NewReferences => _new;

    /// <summary>Adds the assemblies and native files of packages to the next submission.</summary>
    /// <exception cref="ReferenceException">Another version of one of them is in use.</exception>
    internal void Add(IReadOnlyList<string> assemblies, IReadOnlyList<string> nativeFiles)
    {
        // What the kernel itself runs on is in the process already, in one version.
        assemblies = [.. assemblies.Where(a => !IsKernels(a))];
        foreach (var path in assemblies)
            if (_pathByName.TryGetValue(Path.GetFileNameWithoutExtension(path), out var known) && known != path
                && VersionOf(known) != VersionOf(path))
                throw new ReferenceException($"{path} is asked for, but {known} is in use: "
                    + $"restart the kernel to change versions.");
        foreach (var path in assemblies)
            if (_pathByName.TryAdd(Path.GetFileNameWithoutExtension(path), path))
                _new.Add(Reference(path));
        _nativeFiles.AddRange(nativeFiles);
    }

    /// <summary>
    /// Before a compilation: what an assembly was built with can be used by the cell as well, as in
    /// a project that references it.
    /// </summary>
    /// <param name="cell">The cell, or a file that it loads.</param>
    /// <param name="loaded">The files that such a tree loads.</param>
    internal void Begin(SyntaxTree cell, Func<SyntaxTree, IEnumerable<SyntaxTree>> loaded)
    {
        _problem = null;
        var trees = new Queue<SyntaxTree>([cell]);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (trees.TryDequeue(out var tree))
        {
            Include(tree);
            foreach (var file in loaded(tree))
                if (seen.Add(file.FilePath))
                    trees.Enqueue(file);
        }
    }

    private void Include(SyntaxTree tree)
    {
        foreach (var directive in ((CompilationUnitSyntax)tree.GetRoot()).GetReferenceDirectives())
        {
            if (Find(directive.File.ValueText, tree.FilePath) is not { } path || !_included.Add(path))
                continue;
            _uninitialised.Add(path);
            _folders.Add(Path.GetDirectoryName(path)!);
            if (DependencyFile.Beside(path) is not { } dependencies)
                continue;
            _dependencies.Add(dependencies);
            foreach (var (name, file) in dependencies.Managed)
                if (file != path && !File.Exists(Path.Combine(Framework, name + ".dll"))
                    && _pathByName.TryAdd(name, file))
                    _new.Add(Reference(file));
        }
    }

    /// <summary>After a compilation that succeeded: its references are in the chain.</summary>
    /// <exception cref="ReferenceException">An assembly was rebuilt since it was loaded.</exception>
    internal void Commit()
    {
        if (_problem is not null)
            throw new ReferenceException(_problem);
        _new.Clear();
        foreach (var path in _uninitialised.Where(_versions.ContainsKey)) // Not of a cell that did not compile.
            Initialise(path);
        _uninitialised.Clear();
    }

    /// <summary>Loads a compiled cell.</summary>
    /// <param name="passing">
    /// Whether it is unloaded when nothing of it is in use any more. That costs 100 KB while it is loaded, and not
    /// every library can work with types that may be unloaded, so it is for cells that leave nothing or will be
    /// replaced; and for those that stand on such a cell.
    /// </param>
    /// <param name="referable">Whether later cells may refer to it.</param>
    internal Assembly LoadSubmission(CompiledCell cell, bool passing, bool referable)
    {
        if (!passing && !cell.References.Any(_unloadable.ContainsKey))
            return _context.LoadFromStream(cell.Image, cell.Symbols);
        var context = new CellContext(this);
        var assembly = context.LoadFromStream(cell.Image, cell.Symbols);
        context.Unload(); // Begins only when nothing of the assembly is in use; until then it works as any other.
        if (referable)
            _unloadable[assembly.GetName().Name!] = assembly;
        return assembly;
    }

    // A library may have something to do before its first use, as to register how its types look; and a notebook may
    // show such types before it has used the library itself.
    private void Initialise(string path)
    {
        try
        {
            System.Runtime.CompilerServices.RuntimeHelpers.RunModuleConstructor(Load(path).ManifestModule.ModuleHandle);
        }
        catch (Exception e)
        {
            // Its first use will say so, too.
            Log.Write($"{path}: its module initialiser failed: {(e.InnerException ?? e).Message}");
        }
    }

    /// <summary>
    /// Loads an assembly as the cells would: another of the same name that they refer to goes before.
    /// </summary>
    internal Assembly Load(string path)
    {
        var name = AssemblyName.GetAssemblyName(path);
        _pathByName.TryAdd(name.Name!, path);
        return _context.LoadFromAssemblyName(name);
    }

    /// <summary>Says that no later cell will refer to this submission.</summary>
    internal void Release(string submission) => _unloadable.TryRemove(submission, out _);

    /// <inheritdoc/>
    public override ImmutableArray<PortableExecutableReference> ResolveReference(string reference, string? baseFilePath,
        MetadataReferenceProperties properties)
    {
        if (Find(reference, baseFilePath) is not { } path)
            return [];
        Guid version;
        string name;
        try
        {
            (version, name) = (VersionOf(path), AssemblyName.GetAssemblyName(path).Name!);
        }
        catch (Exception e) when (e is BadImageFormatException or InvalidOperationException)
        {
            _problem = $"{path} is not a .NET assembly.";
            return [];
        }
        if (_versions.TryGetValue(path, out var loaded) && loaded != version)
        {
            _problem = $"{path} was rebuilt after it was loaded: restart the kernel to use the new build.";
            return [_metadata[path]];
        }
        _versions[path] = version;
        _pathByName.TryAdd(name, path); // The file may have another name than the assembly in it.
        return [Reference(path)];
    }

    /// <inheritdoc/>
    public override bool ResolveMissingAssemblies => true;

    /// <inheritdoc/>
    public override PortableExecutableReference? ResolveMissingAssembly(MetadataReference definition,
        AssemblyIdentity referenceIdentity) =>
        PathOf(new AssemblyName(referenceIdentity.GetDisplayName())) is { } path ? Reference(path)
            : Path.Combine(Framework, referenceIdentity.Name + ".dll") is var framework && File.Exists(framework)
                ? Reference(framework)
            : OfInteractive.Contains(referenceIdentity.Name)
                ? Reference(Path.Combine(AppContext.BaseDirectory, referenceIdentity.Name + ".dll"))
            : null; // Of what only the kernel's own code refers to, the compiler is better off without.

    /// <inheritdoc/>
    public override bool Equals(object? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

    // A path (relative to the file that has the directive, or to the notebook's folder), or
    // a framework assembly's name.
    private string? Find(string reference, string? baseFilePath)
    {
        var folder = Path.IsPathRooted(baseFilePath) ? Path.GetDirectoryName(baseFilePath)! : _directory;
        if (Path.GetFullPath(reference, folder) is var path && File.Exists(path))
            return path;
        string[] framework = [Path.Combine(Framework, reference), Path.Combine(Framework, reference + ".dll")];
        return reference.Contains('/') ? null : Array.Find(framework, File.Exists);
    }

    private PortableExecutableReference Reference(string path)
    {
        if (_metadata.TryGetValue(path, out var known))
            return known;
        if (path.StartsWith(AppContext.BaseDirectory, StringComparison.Ordinal))
            return _metadata[path] = Map(path).Metadata.GetReference(filePath: path);
        var documentation = Path.ChangeExtension(path, ".xml");
        return _metadata[path] = MetadataReference.CreateFromFile(path,
            documentation: File.Exists(documentation) ? XmlDocumentation.ForFile(documentation) : null);
    }

    private string? PathOf(AssemblyName name)
    {
        if (name.Name is null)
            return null;
        if (_pathByName.TryGetValue(name.Name, out var known))
            return known;
        foreach (var dependencies in _dependencies)
            if (dependencies.Managed.TryGetValue(name.Name, out var path))
                return path;
        return _folders.Select(f => Path.Combine(f, name.Name + ".dll")).FirstOrDefault(File.Exists);
    }

    private static bool IsKernels(string path) =>
        Path.Combine(AppContext.BaseDirectory, Path.GetFileName(path)) is var own && File.Exists(own)
        && AssemblyName.GetAssemblyName(own).Version >= AssemblyName.GetAssemblyName(path).Version;

    private nint LoadNative(string name)
    {
        foreach (var path in NativeCandidates(name))
            if (NativeLibrary.TryLoad(path, out var handle))
                return handle;
        return 0;
    }

    private IEnumerable<string> NativeCandidates(string name)
    {
        foreach (var dependencies in _dependencies)
            if (dependencies.Native(name) is { } path)
                yield return path;
        var names = DependencyFile.NativeNames(name).ToList();
        foreach (var file in _nativeFiles)
            if (names.Contains(Path.GetFileName(file)))
                yield return file;
        foreach (var folder in _folders.SelectMany(DependencyFile.NativeFolders))
            foreach (var candidate in names.Select(n => Path.Combine(folder, n)))
                if (File.Exists(candidate))
                    yield return candidate;
    }

    // The module's identity changes with every different build, unlike the time of the file.
    private static Guid VersionOf(string path)
    {
        using var pe = new PEReader(File.OpenRead(path));
        var metadata = pe.GetMetadataReader();
        return metadata.GetGuid(metadata.GetModuleDefinition().Mvid);
    }

    // Assemblies that only forward types to others are left to ResolveMissingAssembly: each
    // reference costs memory in each cell.
    private static IReadOnlyList<MetadataReference> FindDefaults()
    {
        var references = new List<MetadataReference>();
        foreach (var path in Directory.EnumerateFiles(Framework, "*.dll").Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileNameWithoutExtension(path);
            if (name == "WindowsBase" || name is not "mscorlib" and not "netstandard" and not "System"
                && !name.StartsWith("System.", StringComparison.Ordinal)
                && (!name.StartsWith("Microsoft.", StringComparison.Ordinal) || name.Contains(".Native")))
                continue;
            var (metadata, types) = Map(path);
            if (types > 1 || Facades.Contains(name))
                references.Add(metadata.GetReference(FrameworkDocumentation.Instance, filePath: path));
        }
        foreach (var name in Own)
        {
            var path = Path.Combine(AppContext.BaseDirectory, name + ".dll");
            var documentation = Path.ChangeExtension(path, ".xml");
            references.Add(Map(path).Metadata.GetReference(
                File.Exists(documentation) ? XmlDocumentation.ForFile(documentation) : null, filePath: path));
        }
        return references;
    }

    // MetadataReference.CreateFromFile reads whole files, 40 MB for the framework; of a mapped file only the pages in
    // use are resident. The maps stay as long as the process, whose own files these are.
    private static unsafe (AssemblyMetadata Metadata, int Types) Map(string path)
    {
        // FileInfo tells the length of a link, not of what it leads to.
        var file = File.OpenRead(path);
        var length = (int)file.Length;
        var view = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read,
            HandleInheritability.None, leaveOpen: false)
            .CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* image = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref image);
        Maps.Add(view);
        using var pe = new PEReader(image, length);
        var block = pe.GetMetadata();
        return (AssemblyMetadata.Create(ModuleMetadata.CreateFromMetadata((nint)block.Pointer, block.Length)),
            pe.GetMetadataReader().TypeDefinitions.Count);
    }

    // All that a cell refers to is the session's.
    private sealed class CellContext(AssemblyLoading session) : AssemblyLoadContext("cell", isCollectible: true)
    {
        protected override Assembly? Load(AssemblyName name)
        {
            if (session._unloadable.TryGetValue(name.Name!, out var submission))
                return submission;
            try
            {
                return session._context.LoadFromAssemblyName(name);
            }
            catch (FileNotFoundException)
            {
                return null;
            }
        }
    }
}
