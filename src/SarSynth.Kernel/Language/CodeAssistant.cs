// Completion, inspection and completeness of code, from the compiler's own model of the session.
using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using SarSynth.Kernel.Execution;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Language;

/// <summary>What can be typed at a place: the names, and the span (in characters) that they replace.</summary>
internal sealed record Completions(int Start, int End, IReadOnlyList<(string Text, string Type)> Items);

/// <summary>Answers a front end's questions about code that has not run yet.</summary>
internal sealed class CodeAssistant(Session session)
{
    private static readonly SymbolDisplayFormat Signature = SymbolDisplayFormat.MinimallyQualifiedFormat
        .WithMemberOptions(SymbolDisplayMemberOptions.IncludeParameters | SymbolDisplayMemberOptions.IncludeType
            | SymbolDisplayMemberOptions.IncludeContainingType | SymbolDisplayMemberOptions.IncludeRef)
        .WithKindOptions(SymbolDisplayKindOptions.IncludeTypeKeyword | SymbolDisplayKindOptions.IncludeNamespaceKeyword)
        .WithParameterOptions(SymbolDisplayParameterOptions.IncludeName | SymbolDisplayParameterOptions.IncludeType
            | SymbolDisplayParameterOptions.IncludeDefaultValue | SymbolDisplayParameterOptions.IncludeParamsRefOut
            | SymbolDisplayParameterOptions.IncludeExtensionThis)
        .WithLocalOptions(SymbolDisplayLocalOptions.IncludeType);

    /// <summary>What fits at <paramref name="position"/> (in characters).</summary>
    internal Completions Complete(string code, int position)
    {
        position = Math.Clamp(position, 0, code.Length);
        var lineStart = position == 0 ? 0 : code.LastIndexOf('\n', position - 1) + 1;
        var line = code[lineStart..position];
        if (line.StartsWith("#!", StringComparison.Ordinal) && !line.Contains(' '))
            return Of(lineStart, position, Magics.Known.Where(m => m.StartsWith(line, StringComparison.Ordinal))
                .Select(m => (m, "magic")));
        if (Directive(line) is { } path)
            return Files(position - path.Length, position, path);
        code = Magics.Blanked(code);
        var start = position;
        while (start > 0 && (char.IsLetterOrDigit(code[start - 1]) || code[start - 1] is '_' or '@'))
            start--;
        var prefix = code[start..position].TrimStart('@');
        var compilation = session.Speculate(code);
        var tree = compilation.SyntaxTrees.First();
        var root = tree.GetRoot();
        var token = root.FindToken(position > 0 ? position - 1 : 0);
        if (token.RawKind is (int)SyntaxKind.StringLiteralToken or (int)SyntaxKind.CharacterLiteralToken
            or (int)SyntaxKind.SingleLineRawStringLiteralToken
                && token.SpanStart < position && position < token.Span.End
            || root.FindTrivia(position > 0 ? position - 1 : 0).IsKind(SyntaxKind.SingleLineCommentTrivia))
            return Of(start, position, []);
        var model = compilation.GetSemanticModel(tree);
        var items = Member(root, start) is { } left
            ? Members(model, left, start)
            : InScope(model, start).Concat(NamedArguments(model, root, start))
                .Concat(Keywords.Where(_ => prefix.Length > 0).Select(k => (k, "keyword")));
        return Of(start, position, items.Where(i => i.Item1.StartsWith(prefix, StringComparison.Ordinal)
            || prefix.Length > 1 && i.Item1.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)));

        static Completions Of(int start, int end, IEnumerable<(string, string)> items) =>
            new(start, end, [.. items.DistinctBy(i => i.Item1).OrderBy(i => i.Item1, StringComparer.OrdinalIgnoreCase)
                .Take(2000)]);
    }

    /// <summary>
    /// Signature and documentation of what is at <paramref name="position"/>; null where nothing is known.
    /// </summary>
    internal (string Text, string Html)? Inspect(string code, int position, int detail)
    {
        code = Magics.Blanked(code);
        position = Math.Clamp(position, 0, code.Length);
        var compilation = session.Speculate(code);
        var tree = compilation.SyntaxTrees.First();
        var root = tree.GetRoot();
        var model = compilation.GetSemanticModel(tree);
        // The name under the cursor, the one before it, or the call whose arguments are being typed.
        foreach (var at in new[] { position, position - 1, position - 2 })
        {
            if (at < 0 || at > code.Length)
                continue;
            var token = root.FindToken(Math.Min(at, Math.Max(0, code.Length - 1)));
            if (token.Parent is null || !token.Span.Contains(at) && token.Span.End != at)
                continue;
            var symbols = SymbolsOf(model, token);
            if (symbols.Count == 0 && token.Parent is ArgumentListSyntax { Parent: InvocationExpressionSyntax call })
                symbols = Candidates(model.GetSymbolInfo(call.Expression));
            if (symbols.Count > 0)
                return SymbolText.Describe(symbols, Signature, Value(symbols[0]), detail);
        }
        return null;
    }

    /// <summary>complete, incomplete (with the indentation of the next line) or invalid.</summary>
    internal static (string Status, string Indent) Completeness(string code)
    {
        if (Magics.HasOtherLanguage(code))
            return ("complete", "");
        var tree = CSharpSyntaxTree.ParseText(UsingDeclarations.Take(Magics.Blanked(code)).Code, Session.ParseOptions);
        // A string that ends with its line is never mended by another line.
        if (!SyntaxFactory.IsCompleteSubmission(tree) && !tree.GetDiagnostics().Any(d => d.Id == "CS1010"))
        {
            var last = code.TrimEnd().Split('\n')[^1];
            var indent = last[..(last.Length - last.TrimStart().Length)];
            return ("incomplete", last.TrimEnd().EndsWith('{') ? indent + "    " : indent);
        }
        return tree.GetDiagnostics().Any(d => d.Severity == DiagnosticSeverity.Error) ? ("invalid", "")
            : ("complete", "");
    }

    private string? Value(ISymbol symbol)
    {
        if (symbol is not IFieldSymbol { ContainingType.IsScriptClass: true }
            || session.Variables().FirstOrDefault(v => v.Name == symbol.Name) is not { } variable)
            return null;
        var value = variable.Value();
        return value is null || ScalarText.IsScalar(value.GetType())
            ? Bundles.Of(value, MimeText.Plain)[0].Text : value.GetType().ToString();
    }

    private static SyntaxNode? Member(SyntaxNode root, int start)
    {
        if (start == 0)
            return null;
        var token = root.FindToken(start - 1);
        if (token.Span.End != start && token.TrailingTrivia.Span.End != start)
            return null;
        return token.Parent switch
        {
            MemberAccessExpressionSyntax access when token == access.OperatorToken => access.Expression,
            QualifiedNameSyntax name when token == name.DotToken => name.Left,
            MemberBindingExpressionSyntax { Parent: ConditionalAccessExpressionSyntax conditional } =>
                conditional.Expression,
            MemberBindingExpressionSyntax binding => binding.Ancestors().OfType<ConditionalAccessExpressionSyntax>()
                .FirstOrDefault()?.Expression,
            _ => null,
        };
    }

    private static IEnumerable<(string, string)> Members(SemanticModel model, SyntaxNode left, int position)
    {
        var info = model.GetSymbolInfo(left);
        var symbol = info.Symbol ?? info.CandidateSymbols.FirstOrDefault();
        var type = model.GetTypeInfo(left).Type;
        if (symbol is INamespaceSymbol or INamedTypeSymbol
            && !(type is not null && symbol is not (INamespaceSymbol or ITypeSymbol)))
        {
            var isNamespace = symbol is INamespaceSymbol;
            return Describe(model.LookupSymbols(position, (INamespaceOrTypeSymbol)symbol)
                .Where(s => isNamespace || s.IsStatic || s is INamedTypeSymbol || s is IFieldSymbol { IsConst: true }));
        }
        if (type is null or IErrorTypeSymbol)
            return [];
        return Describe(model.LookupSymbols(position, type, includeReducedExtensionMethods: true)
            .Where(s => !s.IsStatic && s is not INamedTypeSymbol));
    }

    private static IEnumerable<(string, string)> InScope(SemanticModel model, int position) =>
        Describe(model.LookupSymbols(position)
            .Where(s => s is not IMethodSymbol { MethodKind: MethodKind.Constructor }));

    private static IEnumerable<(string, string)> NamedArguments(SemanticModel model, SyntaxNode root, int position)
    {
        var list = root.FindToken(Math.Max(0, position - 1)).Parent?.AncestorsAndSelf().OfType<ArgumentListSyntax>()
            .FirstOrDefault();
        var called = list?.Parent switch
        {
            InvocationExpressionSyntax call => Candidates(model.GetSymbolInfo(call.Expression))
                .Concat(model.GetMemberGroup(call.Expression)),
            ObjectCreationExpressionSyntax creation => Candidates(model.GetSymbolInfo(creation)),
            _ => [],
        };
        return called.OfType<IMethodSymbol>().SelectMany(m => m.Parameters).Select(p => (p.Name + ":", "param"));
    }

    private static IEnumerable<(string, string)> Describe(IEnumerable<ISymbol> symbols) =>
        symbols.Where(s => s.CanBeReferencedByName && !s.IsImplicitlyDeclared && !s.Name.StartsWith('<')
            && !IsHidden(s))
            .Select(s => (s.Name, s.Kind switch
            {
                SymbolKind.Method => "function",
                SymbolKind.Property => "property",
                SymbolKind.Field when s.ContainingType is { TypeKind: TypeKind.Enum } => "enum",
                SymbolKind.Field => "instance",
                SymbolKind.Local or SymbolKind.Parameter or SymbolKind.RangeVariable => "instance",
                SymbolKind.Namespace => "module",
                SymbolKind.NamedType => "class",
                _ => s.Kind.ToString().ToLowerInvariant(),
            }));

    private static bool IsHidden(ISymbol symbol) => symbol.GetAttributes().Any(a =>
        a.AttributeClass?.Name == "EditorBrowsableAttribute" && a.ConstructorArguments is [{ Value: 1 }]);

    private static List<ISymbol> SymbolsOf(SemanticModel model, SyntaxToken token)
    {
        if (!token.IsKind(SyntaxKind.IdentifierToken) && !SyntaxFacts.IsPredefinedType(token.Kind()))
            return [];
        var node = token.Parent!;
        if (model.GetDeclaredSymbol(node) is { } declared)
            return [declared];
        var symbols = Candidates(model.GetSymbolInfo(node));
        if (node is SimpleNameSyntax or PredefinedTypeSyntax)
            foreach (var member in model.GetMemberGroup(node))
                if (!symbols.Contains(member, SymbolEqualityComparer.Default))
                    symbols.Add(member);
        return symbols;
    }

    private static List<ISymbol> Candidates(SymbolInfo info) =>
        info.Symbol is { } one ? [one] : [.. info.CandidateSymbols];

    private static string? Directive(string line)
    {
        var text = line.TrimStart();
        var quote = text.IndexOf('"');
        return (text.StartsWith("#r", StringComparison.Ordinal) || text.StartsWith("#load", StringComparison.Ordinal))
            && quote > 0
            && text.IndexOf('"', quote + 1) < 0
                && !text[(quote + 1)..].StartsWith("nuget", StringComparison.OrdinalIgnoreCase) ? text[(quote + 1)..]
                : null;
    }

    private static Completions Files(int start, int end, string path)
    {
        var folder = Path.GetFullPath(Path.GetDirectoryName(path) is { Length: > 0 } f ? f : ".");
        var name = Path.GetFileName(path);
        if (!Directory.Exists(folder))
            return new(start, end, []);
        var items = new DirectoryInfo(folder).EnumerateFileSystemInfos(name + "*")
            .Where(i => i is DirectoryInfo || i.Extension is ".dll" or ".cs" or ".csx")
            .Select(i => (path[..^name.Length] + i.Name + (i is DirectoryInfo ? "/" : ""), "path"));
        return new(start, end, [.. items.Order()]);
    }

    private static readonly ImmutableArray<string> Keywords =
        [.. SyntaxFacts.GetKeywordKinds().Select(SyntaxFacts.GetText)
            .Where(k => k.Length > 1 && !k.StartsWith('_') && char.IsLetter(k[0])).Distinct()];
}
