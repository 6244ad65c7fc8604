// The C# of a notebook: each cell is compiled as a script submission on top of those before it, loaded and run.
using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;
using SarSynth.Kernel.Interactive;

namespace SarSynth.Kernel.Execution;

/// <summary>A cell that does not compile.</summary>
internal sealed class CompilationFailedException(ImmutableArray<Diagnostic> diagnostics)
    : Exception("The cell does not compile.")
{
    internal ImmutableArray<Diagnostic> Diagnostics => diagnostics;
}

/// <summary>A compiled cell, ready to run.</summary>
/// <param name="Run">Runs it and gives the value of its last expression; null where it has no code.</param>
/// <param name="HasValue">Whether its last expression is a value to show.</param>
/// <param name="Former">The variables that it declares anew, as they were.</param>
/// <param name="NamesInteractive">Whether it uses types of Microsoft.DotNet.Interactive.</param>
internal sealed record Submission(Func<Task<object?>>? Run, bool HasValue, int Slot, Dictionary<string,
    (object State, FieldInfo Field)> Former,
    bool NamesInteractive);

/// <summary>A variable of the session.</summary>
internal sealed record Variable(string Name, Type Type, Func<object?> Value);

/// <summary>The chain of submissions. Compilation is serialised; cells run one after the other.</summary>
internal sealed class Session
{
    internal static readonly CSharpParseOptions ParseOptions =
        new(LanguageVersion.Preview, DocumentationMode.None, SourceCodeKind.Script);

    private static readonly string[] DefaultImports =
    [
        "System", "System.IO", "System.Text", "System.Collections", "System.Collections.Generic",
            "System.Threading.Tasks",
        "System.Linq", "Microsoft.DotNet.Interactive", "SarSynth.Kernel.Cells", "SarSynth.Kernel.Cells.Functions",
    ];

    private static readonly Lock Compiler = new();
    private readonly Lock _gate = new();
    private readonly CSharpCompilationOptions _options;
    private readonly CellSources _sources;
    private readonly SessionChain _chain = new();
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
                ["CS1701"] = ReportDiagnostic.Suppress, ["CS1702"] = ReportDiagnostic.Suppress,
                    ["CS1998"] = ReportDiagnostic.Suppress,
            });
    }

    /// <summary>How references become assemblies.</summary>
    internal AssemblyLoading Assemblies { get; }

    /// <summary>The last submission that ran, for completion and inspection.</summary>
    internal CSharpCompilation? Last { get { lock (_gate) return _chain.Last?.Compilation; } }

    /// <summary>The text of a cell or loaded file by the path in its stack frames, or null.</summary>
    internal string? SourceOf(string path) => _sources.TextOf(path);

    /// <summary>A compilation of <paramref name="code"/> as the next cell, without emitting it.</summary>
    internal CSharpCompilation Speculate(string code)
    {
        lock (_gate)
            return Compile(Parse(UsingDeclarations.Take(code).Code, "speculation"), "Speculation", _chain.Last);
    }

    /// <summary>Compiles and loads the next cell.</summary>
    /// <exception cref="CompilationFailedException">With the compiler's messages.</exception>
    internal Submission Prepare(string code, string path)
    {
        lock (_gate)
        {
            _sources.Remember(path, code);
            var (text, owned) = UsingDeclarations.Take(code);
            _sources.Owned.Clear();
            _sources.Owned.UnionWith(owned);
            var original = Parse(text, path);
            var root = original.GetCompilationUnitRoot();
            Assemblies.Begin(original, _sources.LoadedBy);
            var tree = GuardRewriter.Rewrite(original, lambdas: true);
            var name = $"Submission{_compiled++}";
            if (root.Members.Count == 0 && root.GetLoadDirectives().Count == 0)
                return OnlyDirectives(original, name);
            var before = _chain.Before(root);
            var (image, symbols) = (new MemoryStream(), new MemoryStream());
            var (compilation, emitted) = Emit(tree, name, before, image, symbols);
            if (tree != original
                && (!emitted.Success || GuardRewriter.IsInExpressionTree(compilation.GetSemanticModel(tree))))
                (compilation, emitted) = Emit(tree = GuardRewriter.Rewrite(original, lambdas: false), name, before,
                    image, symbols);
            if (!emitted.Success && tree != original)
                // Errors with the cell's own columns.
                (compilation, emitted) = Emit(tree = original, name, before, image, symbols);
            if (!emitted.Success)
                throw Failed(emitted.Diagnostics);
            if (UsingDeclarations.Check(compilation, _sources.Owned).ToImmutableArray() is { Length: > 0 } undisposable)
                throw Failed(undisposable);
            var cell = new CompiledCell(image, symbols);
            var legacy = Assemblies.NewReferences.Count > 0 ? Legacy.All
                : SessionChain.Of(compilation, root, cell.MakesSharedTypes);
            Assemblies.Commit();
            if (legacy == Legacy.None)
                _sources.Passing(path);
            return Load(compilation, tree, before, legacy, cell);
        }

        CompilationFailedException Failed(ImmutableArray<Diagnostic> diagnostics)
        {
            _sources.Passing(path);
            return new CompilationFailedException(diagnostics);
        }
    }

    private Submission Load(CSharpCompilation compilation, SyntaxTree tree, Link? before, Legacy legacy,
        CompiledCell cell)
    {
        var variables = compilation.ScriptClass!.GetMembers().OfType<IFieldSymbol>()
            .Where(f => !f.IsImplicitlyDeclared).Select(f => f.Name).ToHashSet(StringComparer.Ordinal);
        var former = _chain.Variables(variables);
        // What is declared anew once will be again, as long as its cell is worked on.
        var passing = legacy == Legacy.None || legacy == Legacy.Variables && former.Count == variables.Count;
        var assembly = Assemblies.LoadSubmission(cell, passing, referable: legacy != Legacy.None);
        var entry = compilation.GetEntryPoint(CancellationToken.None)
            ?? throw new InvalidOperationException("The compiler made no entry point for the cell.");
        var type = assembly.GetType(entry.ContainingType.MetadataName, throwOnError: true)!;
        var factory = type.GetMethod(entry.MetadataName,
            BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!
            .CreateDelegate<Func<object?[], Task<object?>>>();
        var slot = (before?.Slots ?? 0) + 1;
        _chain.Reserve(slot);
        var states = _chain.States;
        var hasValue = HasValue(compilation, tree);
        var names = cell.References.Contains(InteractiveBridge.AssemblyName);
        if (legacy == Legacy.None)
            return new Submission(() => factory(states), hasValue, 0, [], names);
        for (var replaced = _chain.Last; replaced != before; replaced = replaced!.Previous)
            Assemblies.Release(replaced!.Compilation.AssemblyName!);
        _chain.Last = new Link(compilation, before, slot, slot, variables, legacy == Legacy.Variables);
        string[] owned = [.. _sources.Owned];
        var closing = _chain.Disown(variables);
        return new Submission(owned.Length + closing.Count == 0 ? () =>
            factory(states) : RunOwned, hasValue, slot, former, names);

        // What the cell declares anew is disposed first: it may hold the file or port that the cell asks for again.
        async Task<object?> RunOwned()
        {
            await DisposeAll(closing);
            var task = factory(states);
            lock (_gate)
                if (states[slot] is { } state)
                    _chain.Own(state, owned);
            return await task;
        }
    }

    /// <summary>Disposes what "using" declarations of cells still hold; exceptions are told, not thrown.</summary>
    internal Task DisposeOwned()
    {
        lock (_gate)
            return DisposeAll(_chain.Disown(null));
    }

    private static async Task DisposeAll(IReadOnlyList<(string Name, object? Value)> values)
    {
        foreach (var (name, value) in values)
        {
            try
            {
                await UsingDeclarations.Dispose(value);
            }
            catch (Exception e)
            {
                Cell.CurrentOrLast.Write("stderr", $"Disposing '{name}' failed: {e.GetType().Name}: {e.Message}\n");
            }
        }
    }

    /// <summary>References restored packages from the next submission on.</summary>
    internal void AddPackages(Restored restored)
    {
        lock (_gate)
            Assemblies.Add(restored.Assemblies, restored.NativeFiles);
    }

    /// <summary>
    /// After a cell that ran to its end: values that it declared anew are freed, unless code still holds them.
    /// </summary>
    internal void Succeeded(Submission submission)
    {
        if (submission.Slot == 0)
            return;
        lock (_gate)
            foreach (var hidden in _chain.Forget())
                Assemblies.Release(hidden);
    }

    /// <summary>
    /// After a cell that failed or was interrupted: a variable that it declared anew but
    /// never set keeps its former value.
    /// </summary>
    internal void KeepFormerValues(Submission submission)
    {
        lock (_gate)
        {
            if (submission.Slot == 0 || _chain.States[submission.Slot] is not { } state)
                return;
            foreach (var field in SessionChain.Fields(state.GetType()))
                if (submission.Former.TryGetValue(field.Name, out var former)
                    && former.Field.FieldType == field.FieldType
                    && IsDefault(field.GetValue(state), field.FieldType))
                    field.SetValue(state, former.Field.GetValue(former.State));
        }
    }

    /// <summary>The variables that cells have declared, the latest of each name.</summary>
    internal IReadOnlyList<Variable> Variables()
    {
        lock (_gate)
            return [.. _chain.Variables()
                .Select(v => new Variable(v.Key, v.Value.Field.FieldType, () => v.Value.Field.GetValue(v.Value.State)))
                .OrderBy(v => v.Name, StringComparer.Ordinal)];
    }

    private static bool IsDefault(object? value, Type type) =>
        value is null || type.IsValueType
            && value.Equals(System.Runtime.CompilerServices.RuntimeHelpers.GetUninitializedObject(type));

    // Usings and references without code: nothing to run, but later cells see them.
    private Submission OnlyDirectives(SyntaxTree tree, string name)
    {
        var compilation = Compile(tree, name, _chain.Last);
        var diagnostics = compilation.GetDiagnostics();
        if (diagnostics.Any(d => d.Severity == DiagnosticSeverity.Error))
            throw new CompilationFailedException(diagnostics);
        Assemblies.Commit();
        _chain.Last = new Link(compilation, _chain.Last, 0, _chain.Last?.Slots ?? 0, [], false);
        return new Submission(null, false, 0, [], false);
    }

    private (CSharpCompilation, EmitResult) Emit(SyntaxTree tree, string name, Link? before, MemoryStream image,
        MemoryStream symbols)
    {
        using var one = Compiler.EnterScope();
        image.SetLength(0);
        symbols.SetLength(0);
        var compilation = Compile(tree, name, before);
        return (compilation,
            compilation.Emit(image, symbols,
            options: new EmitOptions(debugInformationFormat: DebugInformationFormat.PortablePdb,
            pdbChecksumAlgorithm: System.Security.Cryptography.HashAlgorithmName.SHA256)));
    }

    private SyntaxTree Parse(string code, string path) =>
        CSharpSyntaxTree.ParseText(SourceText.From(code, Encoding.UTF8), ParseOptions, path);

    // References and imports go to the first submission only: later ones inherit them, and repeating them costs
    // memory that grows with the square of the number of cells.
    private CSharpCompilation Compile(SyntaxTree tree, string name, Link? before) =>
        CSharpCompilation.CreateScriptCompilation(name, tree,
            before is null ? [.. AssemblyLoading.DefaultReferences, .. Assemblies.NewReferences]
                : Assemblies.NewReferences,
            before is null ? _options : _options.WithUsings(), before?.Compilation, typeof(object));

    private static bool HasValue(CSharpCompilation compilation, SyntaxTree tree) =>
        tree.GetCompilationUnitRoot().Members.LastOrDefault() is GlobalStatementSyntax
        {
            Statement: ExpressionStatementSyntax { SemicolonToken.IsMissing: true } last
        }
        && compilation.GetSemanticModel(tree).GetTypeInfo(last.Expression)
            .Type is not { SpecialType: SpecialType.System_Void };
}
