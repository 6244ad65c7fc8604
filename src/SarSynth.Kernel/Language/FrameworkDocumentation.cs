// Documentation of the framework's own types: the XML files of the SDK's reference pack, where an SDK is installed.
using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis;

namespace SarSynth.Kernel.Language;

/// <summary>
/// Finds a member in the reference pack's files, which are named by other assemblies than those that run.
/// </summary>
internal sealed class FrameworkDocumentation : DocumentationProvider
{
    internal static readonly FrameworkDocumentation Instance = new();

    private readonly Lazy<string?> _folder = new(FindFolder);
    private readonly Dictionary<string, string?> _found = [];

    /// <inheritdoc/>
    protected override string? GetDocumentationForSymbol(string documentationMemberID, CultureInfo preferredCulture,
        CancellationToken cancellationToken)
    {
        if (_folder.Value is not { } folder)
            return null;
        lock (_found)
        {
            if (!_found.TryGetValue(documentationMemberID, out var text))
                _found[documentationMemberID] = text = Search(folder, documentationMemberID);
            return text;
        }
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => ReferenceEquals(this, obj);

    /// <inheritdoc/>
    public override int GetHashCode() => 0;

    private static string? Search(string folder, string id)
    {
        var opening = Encoding.UTF8.GetBytes($"<member name=\"{id.Replace("&", "&amp;").Replace("<", "&lt;")}\">");
        // The namespace's own file first: System.Linq.Enumerable is in System.Linq.xml,
        // System.String in System.Runtime.xml.
        var name = id[(id.IndexOf(':') + 1)..].Split('(')[0];
        foreach (var file in Directory.EnumerateFiles(folder, "*.xml")
            .OrderByDescending(f =>
                name.StartsWith(Path.GetFileNameWithoutExtension(f) + ".", StringComparison.Ordinal) ? f.Length : 0)
            .ThenByDescending(f => Path.GetFileName(f) == "System.Runtime.xml"))
        {
            var bytes = File.ReadAllBytes(file);
            var at = bytes.AsSpan().IndexOf(opening);
            if (at < 0)
                continue;
            var end = bytes.AsSpan(at).IndexOf("</member>"u8);
            return end < 0 ? null : Encoding.UTF8.GetString(bytes, at, end + "</member>".Length);
        }
        return null;
    }

    private static string? FindFolder()
    {
        var root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..",
            ".."));
        var packs = Path.Combine(root, "packs", "Microsoft.NETCore.App.Ref");
        if (!Directory.Exists(packs))
            return null;
        var framework = $"net{Environment.Version.Major}.{Environment.Version.Minor}";
        return Directory.EnumerateDirectories(packs).OrderDescending(StringComparer.Ordinal)
            .Select(d => Path.Combine(d, "ref", framework)).FirstOrDefault(Directory.Exists);
    }
}
