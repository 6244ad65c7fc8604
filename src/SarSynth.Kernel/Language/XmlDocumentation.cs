// XML documentation files beside assemblies, read when first asked for.
using System.Globalization;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;

namespace SarSynth.Kernel.Language;

/// <summary>The documentation comments of one assembly.</summary>
internal sealed class XmlDocumentation : DocumentationProvider
{
    private readonly string _path;
    private readonly Lazy<Dictionary<string, string>> _members;

    private XmlDocumentation(string path)
    {
        _path = path;
        _members = new(Read);
    }

    internal static XmlDocumentation ForFile(string path) => new(path);

    /// <inheritdoc/>
    protected override string? GetDocumentationForSymbol(string documentationMemberID, CultureInfo preferredCulture,
        CancellationToken cancellationToken) =>
        _members.Value.GetValueOrDefault(documentationMemberID);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is XmlDocumentation other && other._path == _path;

    /// <inheritdoc/>
    public override int GetHashCode() => _path.GetHashCode(StringComparison.Ordinal);

    private Dictionary<string, string> Read()
    {
        var members = new Dictionary<string, string>();
        try
        {
            foreach (var member in XDocument.Load(_path).Descendants("member"))
                if (member.Attribute("name")?.Value is { } name)
                    members.TryAdd(name, member.ToString());
        }
        catch (Exception e) when (e is System.Xml.XmlException or IOException)
        {
            Log.Write($"{_path}: {e.Message}");
        }
        return members;
    }
}
