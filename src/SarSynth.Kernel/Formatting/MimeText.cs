// What the kernel sends of a value, without any type of the formatting package:
// that is loaded when a value first needs it.
namespace SarSynth.Kernel.Formatting;

/// <summary>A value in one MIME type; binary types in base64.</summary>
internal readonly record struct MimeText(string MimeType, string Text)
{
    internal const string Plain = "text/plain", Html = "text/html", Json = "application/json";
}

/// <summary>Values that know their own MIME types, each value others: pictures, Markdown, widgets.</summary>
internal interface IRichText
{
    IReadOnlyList<string> MimeTypes { get; }

    string Text(string mimeType);
}
