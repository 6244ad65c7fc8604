// Images that no sensor measured say so wherever they go: IPTC's digital source type, in XMP.
// IPTC Photo Metadata Standard 2023.2, "Digital Source Type"; ISO 16684-1 (XMP).
using System.Xml;
using System.Xml.Linq;

namespace SarSynth.Radar.Images;

/// <summary>The mark of <see cref="SarMetadata.DigitalSourceType"/> in files.</summary>
public static class SyntheticMark
{
    /// <summary>Made by a model that was trained: IPTC's word.</summary>
    public const string TrainedAlgorithmicMedia = "trainedAlgorithmicMedia";

    /// <summary>Made by an algorithm that no data trained, as a simulator's images: IPTC's word.</summary>
    public const string AlgorithmicMedia = "algorithmicMedia";

    /// <summary>What IPTC's words begin with as addresses.</summary>
    public const string Vocabulary = "http://cv.iptc.org/newscodes/digitalsourcetype/";

    private static readonly XNamespace adobe = "adobe:ns:meta/",
        rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        iptc = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",

        basic = "http://ns.adobe.com/xap/1.0/";

    /// <summary>An XMP packet; null for an image without the mark.</summary>
    public static string? Xmp(SarMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        if (metadata.DigitalSourceType is not { } word)
            return null;
        var description = new XElement(rdf + "Description", new XAttribute(rdf + "about", ""),
            new XAttribute(XNamespace.Xmlns + "Iptc4xmpExt", iptc), new XAttribute(XNamespace.Xmlns + "xmp", basic),
            new XAttribute(iptc + "DigitalSourceType", Vocabulary + word));
        if (metadata.Generator is { } generator)
            description.Add(new XAttribute(basic + "CreatorTool", generator));
        var packet = new XElement(adobe + "xmpmeta", new XAttribute(XNamespace.Xmlns + "x", adobe),
            new XElement(rdf + "RDF", new XAttribute(XNamespace.Xmlns + "rdf", rdf), description));
        return "<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
            + packet.ToString(SaveOptions.DisableFormatting) + "<?xpacket end=\"w\"?>";
    }

    /// <summary>Facts with what an XMP packet says of how the pixels came about; what they say already,
    /// stays.</summary>
    /// <param name="metadata">The facts.</param>
    /// <param name="xmp">A packet; what is no XML, or without the mark, adds nothing.</param>
    public static SarMetadata Read(SarMetadata metadata, string? xmp)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        if (metadata.DigitalSourceType is not null || string.IsNullOrWhiteSpace(xmp))
            return metadata;
        try
        {
            var all = XDocument.Parse(xmp.Trim('\0', '\uFEFF', ' ', '\n', '\r')).Descendants().ToList();
            string? Value(XName name) => all.Attributes(name).Select(a => a.Value)
                .Concat(all.Where(e => e.Name == name).Select(e => e.Attribute(rdf + "resource")?.Value ?? e.Value))
                .FirstOrDefault();
            return Value(iptc + "DigitalSourceType") is not { } type ? metadata : metadata with
            {
                DigitalSourceType = type[(type.LastIndexOf('/') + 1)..],
                Generator = metadata.Generator ?? Value(basic + "CreatorTool"),
            };
        }
        catch (XmlException)
        {
            return metadata;
        }
    }
}
