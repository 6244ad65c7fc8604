// A symbol as a reader wants it: signatures, summary, parameters, returns, exceptions; as plain text and HTML.
using System.Net;
using System.Text;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;

namespace SarSynth.Kernel.Language;

/// <summary>Writes the answer to an inspection.</summary>
internal static class SymbolText
{
    private const int MaximumOverloads = 12;

    /// <summary>Describes a symbol, or a group of overloads.</summary>
    internal static (string Text, string Html) Describe(IReadOnlyList<ISymbol> symbols, SymbolDisplayFormat format,
        string? value, int detail)
    {
        var text = new StringBuilder();
        var html = new StringBuilder();
        foreach (var symbol in symbols.Take(MaximumOverloads))
        {
            var signature = symbol.ToDisplayString(format);
            text.AppendLine(signature);
            html.Append("<pre>").Append(WebUtility.HtmlEncode(signature)).Append("</pre>");
        }
        if (symbols.Count > MaximumOverloads)
            text.AppendLine($"... and {symbols.Count - MaximumOverloads} more overloads");
        if (value is not null)
        {
            text.AppendLine($"value: {value}");
            html.Append("<p>value: <code>").Append(WebUtility.HtmlEncode(value)).Append("</code></p>");
        }
        foreach (var (title, body) in Documentation(symbols[0], detail))
        {
            text.AppendLine().AppendLine(title.Length > 0 ? $"{title}: {body}" : body);
            html.Append("<p>").Append(title.Length > 0 ? $"<b>{WebUtility.HtmlEncode(title)}</b>: " : "")
                .Append(WebUtility.HtmlEncode(body)).Append("</p>");
        }
        return (text.ToString().TrimEnd(), html.ToString());
    }

    private static IEnumerable<(string Title, string Body)> Documentation(ISymbol symbol, int detail)
    {
        var xml = (symbol is IMethodSymbol { ReducedFrom: { } original } ? original : symbol.OriginalDefinition)
            .GetDocumentationCommentXml();
        if (string.IsNullOrWhiteSpace(xml))
            yield break;
        XElement root;
        try
        {
            root = XElement.Parse(xml);
        }
        catch (System.Xml.XmlException)
        {
            yield break;
        }
        foreach (var element in root.Elements())
        {
            var body = Plain(element);
            if (body.Length == 0)
                continue;
            switch (element.Name.LocalName)
            {
                case "summary":
                    yield return ("", body);
                    break;
                case "param" or "typeparam":
                    yield return (element.Attribute("name")?.Value ?? "parameter", body);
                    break;
                case "returns" or "value":
                    yield return ("returns", body);
                    break;
                case "exception":
                    yield return ("throws " + Reference(element.Attribute("cref")?.Value), body);
                    break;
                case "remarks" or "example" when detail > 0:
                    yield return (element.Name.LocalName, body);
                    break;
            }
        }
    }

    private static string Plain(XElement element)
    {
        var text = new StringBuilder();
        foreach (var node in element.Nodes())
            text.Append(node switch
            {
                XText t => t.Value,
                XElement { Name.LocalName: "see" or "seealso" } see => see.Attribute("langword")?.Value
                    ?? (see.Value.Length > 0 ? see.Value
                        : Reference(see.Attribute("cref")?.Value ?? see.Attribute("href")?.Value)),
                XElement { Name.LocalName: "paramref" or "typeparamref" } reference =>
                    reference.Attribute("name")?.Value,
                XElement { Name.LocalName: "para" or "br" } paragraph => " " + Plain(paragraph) + " ",
                XElement inner => Plain(inner),
                _ => "",
            });
        return string.Join(' ', text.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    // "M:System.String.Join(System.String)" reads as "String.Join".
    private static string Reference(string? cref)
    {
        if (cref is null)
            return "";
        var name = cref[(cref.IndexOf(':') + 1)..].Split('(')[0].Split('`')[0];
        return cref.StartsWith("T:", StringComparison.Ordinal) ? name.Split('.')[^1]
            : string.Join('.', name.Split('.')[^Math.Min(2, name.Split('.').Length)..]);
    }
}
