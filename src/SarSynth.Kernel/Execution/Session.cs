// The C# of a notebook: each cell is compiled as a script submission on top of those before it, loaded and run.
using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

namespace SarSynth.Kernel.Execution;

/// <summary>A cell that does not compile.</summary>
internal sealed class CompilationFailedException(ImmutableArray<Diagnostic> diagnostics) : Exception("The cell does not compile.")
{
    internal ImmutableArray<Diagnostic> Diagnostics => diagnostics;
}

/// <summary>A compiled cell, ready to run.</summary>
/// <param name="Run">Runs it and gives the value of its last expression; null where it has no code.</param>
/// <param name="HasValue">Whether its last expression is a value to show.</param>
internal sealed record Submission(CSharpCompilation Compilation, Func<Task<object?>>? Run, bool HasValue, int Slot);

/// <summary>A variable of the session.</summary>
internal sealed record Variable(string Name, Type Type, Func<object?> Value);

/// <summary>The chain of submissions. Compilation is serialised; cells run one after the other.</summary>
internal sealed class Session
{
    internal static readonly CSharpParseOptions ParseOptions =
        new(LanguageVersion.Preview, DocumentationMode.None, SourceCodeKind.Script);

    private static readonly string[] DefaultImports =
    [
        "System", "System.IO", "System.Text", "System.Collections", "System.Collections.Generic", "System.Threading.Tasks",
        "System.Linq", "Microsoft.DotNet.Interactive", "Microsoft.DotNet.Interactive.Kernel",
    ];

    private static readonly Lock Compiler = new();
    private readonly Lock _gate = new();
    private readonly CSharpCompilationOptions _options;
    private readonly CellSources _sources;
    private CSharpCompilation? _last;
    private object?[] _states = new object?[16];
    private readonly List<Type> _types = [];
    private int _slots;
    private int _compiled;

    /// <summary>A session whose relative paths start at <paramref name="directory"/>.</summary>
    internal Session(string directory)
    {
        Assemblies = new AssemblyLoading(directory);
        _sources = new CellSources(directory);
        _options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary,
            usings: DefaultImports,
            optimizationLevel: OptimizationLevel.Release,
            allowUnsafe: true,
            sourceReferenceResolver: _sources,
            metadataReferenceResolver: Assemblies,
            assemblyIdentityComparer: DesktopAssemblyIdentityComparer.Default,
            nullableContextOptions: NullableContextOptions.Annotations,
            concurrentBuild: false)
            .WithSpecificDiagnosticOptions(new Dictionary<string, ReportDiagnostic>
            {
                ["CS1701"] = ReportDiagnostic.Suppress, ["CS1702"] = ReportDiagnostic.Suppress, ["CS1998"] = ReportDiagnostic.Suppress,
            });
    }

    /// <summary>How references become assemblies.</summary>
    internal AssemblyLoading Assemblies { get; }

    /// <summary>The last submission that ran, for completion and inspection.</summary>
    internal CSharpCompilation? Last { get { lock (_gate) return _last; } }

    /// <summary>The text of a cell or loaded file by the path in its stack frames, or null.</summary>
    internal string? SourceOf(string path) => _sources.TextOf(path);

    /// <summary>A compilation of <paramref name="code"/> as the next cell, without emitting it.</summary>
    internal CSharpCompilation Speculate(string code)
    {
        lock (_gate)
            return Compile(Parse(code, "speculation"), "Speculation");
    }

    /// <summary>Compiles and loads the next cell.</summary>
    /// <exception cref="CompilationFailedException">With the compiler's messages.</exception>
    internal Submission Prepare(string code, string path)
    {
        lock (_gate)
        {
            var original = Parse(code, path);
            Assemblies.Begin(original);
            var tree = GuardRewriter.Rewrite(original, lambdas: true);
            var name = $"Submission{_compiled++}";
            if (original.GetCompilationUnitRoot() is { Members.Count: 0 } root && root.GetLoadDirectives().Count == 0)
                return OnlyDirectives(original, name);
            var (compilation, emitted) = Emit(tree, name, out var pe, out var pdb);
            if (tree != original && (!emitted.Success || GuardRewriter.IsInExpressionTree(compilation.GetSemanticModel(tree))))
                (compilation, emitted) = Emit(tree = GuardRewriter.Rewrite(original, lambdas: false), name, out pe, out pdb);
            if (!emitted.Success && tree != original)
                (compilation, emitted) = Emit(tree = original, name, out pe, out pdb); // Errors with the cell's own columns.
            if (!emitted.Success)
                throw new CompilationFailedException(emitted.Diagnostics);
            Assemblies.Commit();
            _sources.Remember(path, code);
            var assembly = Assemblies.LoadSubmission(pe, pdb);
            var entry = compilation.GetEntryPoint(CancellationToken.None)
                ?? throw new InvalidOperationException("The compiler made no entry point for the cell.");
            var type = assembly.GetType(entry.ContainingType.MetadataName, throwOnError: true)!;
            var factory = type.GetMethod(entry.MetadataName, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!
                .CreateDelegate<Func<object?[], Task<object?>>>();
            var slot = ++_slots;
            if (slot >= _states.Length)
                Array.Resize(ref _states, _states.Length * 2);
            var states = _states;
            _types.Add(type);
            _last = compilation;
            return new Submission(compilation, () => factory(states), HasValue(compilation, tree), slot);
        }
    }

    /// <summary>References restored packages from the next submission on.</summary>
    internal void AddPackages(Restored restored)
    {
        lock (_gate)
            Assemblies.Add(restored.Assemblies, restored.NativeFiles);
    }

    /// <summary>
    /// After a cell that failed or was interrupted: a variable that it declared anew but never set keeps its former value.
    /// </summary>
    internal void KeepFormerValues(Submission submission)
    {
        lock (_gate)
        {
            if (submission.Slot == 0 || _states[submission.Slot] is not { } state)
                return;
            foreach (var field in Fields(state.GetType()))
            {
                if (!IsDefault(field.GetValue(state), field.FieldType))
                    continue;
                for (var slot = submission.Slot - 1; slot > 0; slot--)
                {
                    if (_states[slot] is not { } earlier || Fields(earlier.GetType()).FirstOrDefault(f => f.Name == field.Name) is not { } former)
                        continue;
                    if (former.FieldType == field.FieldType)
                        field.SetValue(state, former.GetValue(earlier));
                    break;
                }
            }
        }
    }

    /// <summary>The variables that cells have declared, the latest of each name.</summary>
    internal IReadOnlyList<Variable> Variables()
    {
        lock (_gate)
        {
            var found = new Dictionary<string, Variable>();
            for (var slot = _slots; slot > 0; slot--)
                if (_states[slot] is { } state)
                    foreach (var field in Fields(state.GetType()))
                        found.TryAdd(field.Name, new Variable(field.Name, field.FieldType, () => field.GetValue(state)));
            return [.. found.Values.OrderBy(v => v.Name, StringComparer.Ordinal)];
        }
    }

    private static bool IsDefault(object? value, Type type) =>
        value is null || type.IsValueType && value.Equals(System.Runtime.CompilerServices.RuntimeHelpers.GetUninitializedObject(type));

    private static IEnumerable<FieldInfo> Fields(Type submission) =>
        submission.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Where(f => !f.Name.StartsWith('<'));

    // Usings and references without code: nothing to run, but later cells see them.
    private Submission OnlyDirectives(SyntaxTree tree, string name)
    {
        var compilation = Compile(tree, name);
        var diagnostics = compilation.GetDiagnostics();
        if (diagnostics.Any(d => d.Severity == DiagnosticSeverity.Error))
            throw new CompilationFailedException(diagnostics);
        Assemblies.Commit();
        _last = compilation;
        return new Submission(compilation, null, false, 0);
    }

    private (CSharpCompilation, EmitResult) Emit(SyntaxTree tree, string name, out MemoryStream pe, out MemoryStream pdb)
    {
        using var one = Compiler.EnterScope();
        var compilation = Compile(tree, name);
        (pe, pdb) = (new MemoryStream(), new MemoryStream());
        var result = compilation.Emit(pe, pdb, options: new EmitOptions(debugInformationFormat: DebugInformationFormat.PortablePdb,
            pdbChecksumAlgorithm: System.Security.Cryptography.HashAlgorithmName.SHA256));
        pe.Position = pdb.Position = 0;
        return (compilation, result);
    }

    private SyntaxTree Parse(string code, string path) =>
        CSharpSyntaxTree.ParseText(SourceText.From(code, Encoding.UTF8), ParseOptions, path);

    // References and imports go to the first submission only: later ones inherit them, and repeating them costs
    // memory that grows with the square of the number of cells.
    private CSharpCompilation Compile(SyntaxTree tree, string name) =>
        CSharpCompilation.CreateScriptCompilation(name, tree,
            _last is null ? [.. AssemblyLoading.DefaultReferences, .. Assemblies.NewReferences] : Assemblies.NewReferences,
            _last is null ? _options : _options.WithUsings(), _last, typeof(object));

    private static bool HasValue(CSharpCompilation compilation, SyntaxTree tree) =>
        tree.GetCompilationUnitRoot().Members.LastOrDefault() is GlobalStatementSyntax
        {
            Statement: ExpressionStatementSyntax { SemicolonToken.IsMissing: true } last
        }
        && compilation.GetSemanticModel(tree).GetTypeInfo(last.Expression).Type is not { SpecialType: SpecialType.System_Void };
}
