// What a cell calls to show things: display, HTML, images, clear_output; and a shown value that can be updated.
using SarSynth.Kernel.Execution;

namespace Microsoft.DotNet.Interactive.Formatting
{
    /// <summary>A value on the page, which <see cref="Update"/> replaces in place.</summary>
    public sealed class DisplayedValue
    {
        private readonly IReadOnlyList<string> _mimeTypes;

        internal DisplayedValue(object? value, IReadOnlyList<string> mimeTypes)
        {
            (Value, _mimeTypes) = (value, mimeTypes);
            FormattedValues = Formatter.Bundle(value, mimeTypes);
        }

        /// <summary>The display's identifier in the protocol.</summary>
        public string DisplayId { get; } = Guid.NewGuid().ToString("N");

        /// <summary>What is shown.</summary>
        public object? Value { get; private set; }

        /// <summary>Whether <see cref="Update"/> was called.</summary>
        public bool IsUpdated { get; private set; }

        /// <summary>What was sent, by MIME type.</summary>
        public IReadOnlyList<FormattedValue> FormattedValues { get; private set; }

        /// <summary>Shows <paramref name="updatedValue"/> in the place of the value, wherever it is shown.</summary>
        public void Update(object? updatedValue)
        {
            (Value, IsUpdated) = (updatedValue, true);
            FormattedValues = Formatter.Bundle(updatedValue, _mimeTypes);
            Cell.CurrentOrLast.Display(FormattedValues, DisplayId, update: true);
        }
    }
}

namespace Microsoft.DotNet.Interactive
{
    using Microsoft.AspNetCore.Html;
    using Microsoft.DotNet.Interactive.Formatting;

    /// <summary>The functions that every cell can call by their bare names.</summary>
    public static class Kernel
    {
        /// <summary>Shows a value, in the MIME types given or in those that suit its type.</summary>
        /// <returns>A handle that can update what is shown.</returns>
        public static DisplayedValue display(object? value, params string[] mimeTypes)
        {
            var displayed = new DisplayedValue(value, mimeTypes);
            Cell.CurrentOrLast.Display(displayed.FormattedValues, displayed.DisplayId, update: false);
            return displayed;
        }

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
                : throw new ArgumentException($"{content.Length} bytes that are neither PNG, JPEG, GIF nor SVG", nameof(content));
            return new RichText(mimeType, mimeType == "image/svg+xml"
                ? System.Text.Encoding.UTF8.GetString(content) : Convert.ToBase64String(content), $"<{mimeType}, {content.Length} bytes>");
        }

        /// <summary>Shows Markdown.</summary>
        public static DisplayedValue Markdown(string content) => display(new RichText("text/markdown", content, content));

        /// <summary>Shows TeX, set by MathJax.</summary>
        public static DisplayedValue Latex(string content) => display(new RichText("text/latex", content, content));

        /// <summary>Runs JavaScript in the page.</summary>
        public static void Javascript(string scriptContent) =>
            display(new RichText("application/javascript", scriptContent, ""));

        /// <summary>Clears the output of the running cell.</summary>
        /// <param name="wait">Clear only when the next output arrives, so that nothing flickers.</param>
        public static void clear_output(bool wait = false) => Cell.CurrentOrLast.ClearOutput(wait);

        /// <summary>Asks the person at the notebook for a line of text.</summary>
        public static Task<string> GetInputAsync(string prompt = "") => Task.FromResult(Cell.CurrentOrLast.Input(prompt, password: false));

        /// <summary>Asks the person at the notebook for a password, which is not echoed.</summary>
        public static Task<string> GetPasswordAsync(string prompt = "") => Task.FromResult(Cell.CurrentOrLast.Input(prompt, password: true));
    }

    /// <summary>Text of one MIME type, with a plain text for those who cannot show it.</summary>
    public sealed class RichText : IRichText
    {
        private readonly string _mimeType, _content, _plain;

        /// <summary>Content of <paramref name="mimeType"/> (binary types in base64), and what to print instead.</summary>
        public RichText(string mimeType, string content, string plain) =>
            (_mimeType, _content, _plain) = (mimeType, content, plain);

        IReadOnlyList<string> IRichText.MimeTypes => [_mimeType, PlainTextFormatter.MimeType];

        string IRichText.Text(string mimeType) => mimeType == _mimeType ? _content : _plain;

        /// <inheritdoc/>
        public override string ToString() => _plain;
    }
}

namespace Microsoft.AspNetCore.Html
{
    using Microsoft.DotNet.Interactive.Formatting;

    /// <summary>A fragment of HTML that is shown as it is.</summary>
    public sealed class HtmlString : IRichText
    {
        /// <summary>The fragment <paramref name="value"/>.</summary>
        public HtmlString(string? value) => Value = value;

        /// <summary>The fragment.</summary>
        public string? Value { get; }

        IReadOnlyList<string> IRichText.MimeTypes => [HtmlFormatter.MimeType, PlainTextFormatter.MimeType];

        string IRichText.Text(string mimeType) => Value ?? "";

        /// <inheritdoc/>
        public override string ToString() => Value ?? "";
    }
}

namespace System
{
    using Microsoft.DotNet.Interactive.Formatting;

    /// <summary>Showing values as extension methods.</summary>
    public static class DisplayExtensions
    {
        /// <summary>Shows a value; see <see cref="Microsoft.DotNet.Interactive.Kernel.display"/>.</summary>
        public static DisplayedValue Display(this object? value, params string[] mimeTypes) =>
            Microsoft.DotNet.Interactive.Kernel.display(value, mimeTypes);

        /// <summary>Shows a text that is content of <paramref name="mimeType"/> already.</summary>
        public static DisplayedValue DisplayAs(this string value, string mimeType) =>
            Microsoft.DotNet.Interactive.Kernel.display(new Microsoft.DotNet.Interactive.RichText(mimeType, value, value), mimeType);
    }
}
