// How figures, panels and reports show in a notebook: the convention of .NET Interactive, found there by names alone.
namespace Microsoft.DotNet.Interactive.Formatting
{
    /// <summary>Names the type that formats the marked type in notebooks.</summary>
    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct)]
    internal sealed class TypeFormatterSourceAttribute(Type formatterSourceType) : Attribute
    {
        public Type FormatterSourceType { get; } = formatterSourceType;

        public string[] PreferredMimeTypes { get; set; } = [];
    }
}

namespace SarSynth.Figures
{
    /// <summary>The formatters of this namespace's types.</summary>
    internal sealed class NotebookFormatters
    {
        public IEnumerable<object> CreateTypeFormatters() => [new Html(), new Plain()];

        private sealed class Html
        {
            public string MimeType => "text/html";

            public bool Format(object instance, TextWriter writer)
            {
                var html = instance switch
                {
                    Figure figure => figure.ToHtml(),
                    ImagePanel panel => panel.ToHtml(),
                    ProgressView progress => progress.ToHtml(),
                    Report report => report.ToFragment(),
                    ReportTable table => table.ToHtml(),
                    _ => null,
                };
                writer.Write(html);
                return html is not null;
            }
        }

        private sealed class Plain
        {
            public string MimeType => "text/plain";

            public bool Format(object instance, TextWriter writer)
            {
                writer.Write(instance.ToString());
                return true;
            }
        }
    }
}
