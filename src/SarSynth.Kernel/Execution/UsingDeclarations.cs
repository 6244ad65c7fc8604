// "using var x = ...;" at the top of a cell, which scripts do not have: the scope that it is tied to is the session, so
// the variable lives on in later cells, and is disposed when a cell declares its name anew or when the kernel ends.
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SarSynth.Kernel.Execution;

/// <summary>Finds using declarations and makes variables of them.</summary>
internal static class UsingDeclarations
{
    private static readonly CSharpParseOptions Program = Session.ParseOptions.WithKind(SourceCodeKind.Regular);

    /// <summary>
    /// The code with "using" and "await using" blanked out, position for position, and the variables they declare.
    /// </summary>
    internal static (string Code, IReadOnlyList<string> Names) Take(string code)
    {
        if (!code.Contains("using", StringComparison.Ordinal))
            return (code, []);
        char[]? text = null;
        var names = new List<string>();
        // As a program, which has these declarations; only their places are used.
        foreach (var member in CSharpSyntaxTree.ParseText(code, Program).GetCompilationUnitRoot().Members)
        {
            if (member is not GlobalStatementSyntax
                {
                    Statement: LocalDeclarationStatementSyntax
                    {
                        UsingKeyword: { SpanStart: > -1, IsMissing: false } keyword,
                    } declaration,
                }
                || !keyword.IsKind(SyntaxKind.UsingKeyword))
                continue;
            text ??= code.ToCharArray();
            var start = declaration.AwaitKeyword.IsKind(SyntaxKind.AwaitKeyword) ? declaration.AwaitKeyword.SpanStart
                : keyword.SpanStart;
            for (var i = start; i < keyword.Span.End; i++)
                if (!char.IsWhiteSpace(text[i]))
                    text[i] = ' ';
            names.AddRange(declaration.Declaration.Variables.Select(v => v.Identifier.ValueText));
        }
        return text is null ? (code, []) : (new string(text), names);
    }

    /// <summary>What the compiler would say of variables of these names that cannot be disposed.</summary>
    internal static IEnumerable<Diagnostic> Check(CSharpCompilation compilation, IReadOnlyCollection<string> names)
    {
        if (names.Count == 0)
            return [];
        var disposable = compilation.GetSpecialType(SpecialType.System_IDisposable);
        var asyncDisposable = compilation.GetTypeByMetadataName("System.IAsyncDisposable")!;
        return compilation.ScriptClass!.GetMembers().OfType<IFieldSymbol>()
            .Where(f => names.Contains(f.Name) && f.Type.TypeKind is not (TypeKind.Dynamic or TypeKind.Error)
                && !compilation.ClassifyConversion(f.Type, disposable).IsImplicit
                    && !compilation.ClassifyConversion(f.Type, asyncDisposable).IsImplicit)
            .Select(f => Diagnostic.Create("CS1674", "Compiler",
                $"'{f.Type}': type used in a using statement must implement 'System.IDisposable'.",
                DiagnosticSeverity.Error, DiagnosticSeverity.Error, isEnabledByDefault: true, warningLevel: 0,
                    location: f.Locations[0]));
    }

    /// <summary>Disposes a value of such a variable.</summary>
    internal static async Task Dispose(object? value)
    {
        if (value is IAsyncDisposable asynchronous)
            await asynchronous.DisposeAsync();
        else if (value is IDisposable disposable)
            disposable.Dispose();
    }
}
