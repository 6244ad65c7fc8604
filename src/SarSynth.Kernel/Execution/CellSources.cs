// Files that cells load with "#load": read with checks in their loops, and remembered for errors.
using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace SarSynth.Kernel.Execution;

/// <summary>Resolves "#load" relative to the loading file, else to the notebook's folder.</summary>
internal sealed class CellSources(string directory) : SourceFileResolver([], directory)
{
    private const int PassingTexts = 1000;
    private readonly Queue<string> _passing = new();
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);

    /// <summary>The variables of using declarations in the cell and in the files that it loads.</summary>
    internal HashSet<string> Owned { get; } = new(StringComparer.Ordinal);

    /// <summary>The text of a cell or loaded file by the path in its stack frames, or null.</summary>
    internal string? TextOf(string path)
    {
        lock (_texts)
            // The compiler makes paths of cells absolute.
            return _texts.GetValueOrDefault(path) ?? _texts.GetValueOrDefault(Path.GetFileName(path));
    }

    internal void Remember(string path, string text)
    {
        lock (_texts)
            _texts[path] = text;
    }

    /// <summary>Says that no later cell builds on this one: its text is forgotten some time after it.</summary>
    internal void Passing(string path)
    {
        lock (_texts)
        {
            _passing.Enqueue(path);
            if (_passing.Count > PassingTexts)
                _texts.Remove(_passing.Dequeue());
        }
    }

    /// <summary>
    /// The files that a cell or such a file loads, as they are written; what cannot be read is left to the compiler.
    /// </summary>
    internal IEnumerable<SyntaxTree> LoadedBy(SyntaxTree tree)
    {
        foreach (var directive in tree.GetCompilationUnitRoot().GetLoadDirectives())
            if (ResolveReference(directive.File.ValueText, Path.IsPathRooted(tree.FilePath) ? tree.FilePath
                : null) is { } path
                && File.Exists(path))
                yield return CSharpSyntaxTree.ParseText(Decode(File.ReadAllBytes(path)), Session.ParseOptions, path);
    }

    /// <inheritdoc/>
    public override SourceText ReadText(string resolvedPath)
    {
        var text = Decode(File.ReadAllBytes(resolvedPath));
        Remember(resolvedPath, text);
        (text, var owned) = UsingDeclarations.Take(text);
        Owned.UnionWith(owned);
        var tree = CSharpSyntaxTree.ParseText(SourceText.From(text, Encoding.UTF8), Session.ParseOptions, resolvedPath);
        return tree.GetDiagnostics().Any() ? tree.GetText()
            : SourceText.From(GuardRewriter.Rewrite(tree, lambdas: false).ToString(), Encoding.UTF8);
    }

    // As the C# compiler reads source files: by their byte order mark, else UTF-8, and
    // what is not valid UTF-8 is Windows-1252.
    private static string Decode(byte[] bytes)
    {
        try
        {
            using var reader = new StreamReader(new MemoryStream(bytes),
                new UTF8Encoding(false, throwOnInvalidBytes: true));
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException)
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(1252)!.GetString(bytes);
        }
    }
}
