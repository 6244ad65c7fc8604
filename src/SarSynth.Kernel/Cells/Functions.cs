// What cells can call by bare names, as in .NET Interactive: show things and change them, ask for input.
using Microsoft.AspNetCore.Html;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Formatting;
using SarSynth.Kernel.Execution;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Cells;

/// <summary>The functions of every cell.</summary>
public static class Functions
{
    /// <summary>Shows a value, in the MIME types given or in those that suit its type.</summary>
    /// <returns>A handle that can update what is shown.</returns>
    public static LiveDisplay display(object? value, params string[] mimeTypes) => LiveDisplay.Show(value, mimeTypes);

    /// <summary>A fragment of HTML, for <see cref="display"/> or as a cell's result.</summary>
    public static HtmlString HTML(string content) => new(content);

    /// <summary>An image from the bytes of a PNG, JPEG, GIF or SVG file.</summary>
    /// <exception cref="ArgumentException">The bytes are none of these.</exception>
    public static RichText Image(byte[] content)
    {
        ArgumentNullException.ThrowIfNull(content);
        var head = content.AsSpan(0, Math.Min(content.Length, 256));
        var mimeType = head.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']) ? "image/png"
            : head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]) ? "image/jpeg"
            : head.StartsWith("GIF8"u8) ? "image/gif"
            : head.IndexOf("<svg"u8) >= 0 || head.IndexOf("<?xml"u8) >= 0 ? "image/svg+xml"
            : throw new ArgumentException($"{content.Length} bytes that are neither PNG, JPEG, GIF nor SVG",
                nameof(content));
        return new RichText(mimeType, mimeType == "image/svg+xml"
            ? System.Text.Encoding.UTF8.GetString(content) : Convert.ToBase64String(content),
            $"<{mimeType}, {content.Length} bytes>");
    }

    /// <summary>Shows Markdown.</summary>
    public static LiveDisplay Markdown(string content) => display(new RichText("text/markdown", content, content));

    /// <summary>Shows TeX, set by MathJax.</summary>
    public static LiveDisplay Latex(string content) => display(new RichText("text/latex", content, content));

    /// <summary>Runs JavaScript in the page.</summary>
    public static void Javascript(string scriptContent) =>
        display(new RichText("application/javascript", scriptContent, ""));

    /// <summary>Adds a style sheet to the page.</summary>
    public static void CSS(string content) => display(HTML($"<style>{content}</style>"));

    /// <summary>Clears the output of the running cell.</summary>
    /// <param name="wait">Clear only when the next output arrives, so that nothing flickers.</param>
    public static void clear_output(bool wait = false) => Cell.CurrentOrLast.ClearOutput(wait);

    /// <summary>Asks the person at the notebook for a line of text.</summary>
    public static Task<string> GetInputAsync(string prompt = "") =>
        Task.FromResult(Cell.CurrentOrLast.Input(prompt, password: false));

    /// <summary>
    /// Asks the person at the notebook for a password, which neither the page nor its ToString shows.
    /// </summary>
    public static Task<PasswordString> GetPasswordAsync(string prompt = "") =>
        Task.FromResult(new PasswordString(Cell.CurrentOrLast.Input(prompt, password: true)));

    /// <summary>Shows a value; see <see cref="display"/>.</summary>
    /// <remarks>
    /// The formatting package's own Display hands out another handle than the one that it shows, which cannot update
    /// it. C# prefers this one, since it has no "params".
    /// </remarks>
    public static LiveDisplay Display(this object? value) => LiveDisplay.Show(value, []);
}

/// <summary>A value on the page, which <see cref="Update"/> replaces in place.</summary>
public sealed class LiveDisplay : DisplayedValue
{
    private readonly string[] _mimeTypes;

    private LiveDisplay(object? value, string[] mimeTypes, IReadOnlyList<MimeText> bundle)
        : base(value, [.. bundle.Select(m => new FormattedValue(m.MimeType, m.Text))]) => _mimeTypes = mimeTypes;

    /// <summary>Shows <paramref name="updatedValue"/> in the place of the value, wherever it is shown.</summary>
    public new void Update(object? updatedValue) =>
        Cell.CurrentOrLast.Display(Bundles.Of(updatedValue, _mimeTypes), DisplayId, update: true);

    internal static LiveDisplay Show(object? value, string[] mimeTypes)
    {
        var bundle = Bundles.Of(value, mimeTypes);
        var shown = new LiveDisplay(value, mimeTypes, bundle);
        Cell.CurrentOrLast.Display(bundle, shown.DisplayId, update: false);
        return shown;
    }
}

/// <summary>Text of one MIME type, with a plain text for those who cannot show it.</summary>
/// <param name="mimeType">For example text/markdown or image/png.</param>
/// <param name="content">The text; of binary types in base64.</param>
/// <param name="plain">What to print instead.</param>
public sealed class RichText(string mimeType, string content, string plain) : IRichText
{
    IReadOnlyList<string> IRichText.MimeTypes => [mimeType, MimeText.Plain];

    string IRichText.Text(string asked) => asked == mimeType ? content : plain;

    /// <inheritdoc/>
    public override string ToString() => plain;
}
