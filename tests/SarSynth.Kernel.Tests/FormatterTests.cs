// How values look: what needs no formatter, what the formatting package and what is
// registered with it make of the rest.
using Microsoft.DotNet.Interactive.Formatting;
using SarSynth.Kernel.Cells;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Tests;

public sealed class FormatterTests
{
    static FormatterTests() => Packaged.Watch();

    private sealed record Person(string Name, int Age);

    private sealed class Bad
    {
        public int Good => 3;

        public int Value => throw new InvalidOperationException("no value");
    }

    private class Animal;

    private sealed class Cat : Animal;

    [TypeFormatterSource(typeof(Source), PreferredMimeTypes = ["image/png", "text/html"])]
    private sealed class Chart;

    public sealed class Source : ITypeFormatterSource
    {
        public IEnumerable<ITypeFormatter> CreateTypeFormatters() =>
            [new Fixed("text/html", "<b>chart</b>"), new Fixed("image/png", "iVBORw0KGgo=")];
    }

    private sealed class Fixed(string mimeType, string text) : TypeFormatter<Chart>
    {
        public override string MimeType => mimeType;

        public override bool Format(Chart value, FormatContext context)
        {
            context.Writer.Write(text);
            return true;
        }
    }

    private static string Text(object? value, string mimeType) =>
        Bundles.Of(value).Single(m => m.MimeType == mimeType).Text;

    [Theory]
    [InlineData(1.5, "1.5")]
    [InlineData(true, "True")]
    [InlineData("text", "text")]
    [InlineData(null, "<null>")]
    public void ScalarsAreTextAlone(object? value, string expected) =>
        Assert.Equal([new MimeText("text/plain", expected)], Bundles.Of(value));

    [Fact]
    public void SequencesOfObjectsAreTablesAndTextIsEncoded()
    {
        var html = Text(new[] { new Person("<script>", 1) }, "text/html");
        Assert.DoesNotContain("<script>", html);
        Assert.Contains("&lt;script&gt;", html);
        Assert.Contains("Age</th>", html);
    }

    [Fact]
    public void ThrowingGettersSpoilTheirOwnCellOnly()
    {
        var html = Text(new[] { new Bad() }, "text/html");
        Assert.Contains("no value", html);
        Assert.Contains(">3<", html);
    }

    [Fact]
    public void LongSequencesAreCutAndCounted()
    {
        var html = Text(Enumerable.Range(0, 1000).Select(i => new Person("x", i)).ToList(), "text/html");
        Assert.Contains("(980 more)", html);
        Assert.Equal(20 + 2, html.Split("<tr>").Length - 1);
        Assert.Contains("(980 more)", Text(Enumerable.Range(0, 1000).ToList(), "text/plain"));
    }

    [Fact]
    public void MatricesAreTables() =>
        Assert.Equal("<table><tbody><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4.5</td></tr></tbody></table>",
            Text(new[,] { { 1, 2 }, { 3, 4.5 } }, "text/html"));

    [Fact]
    public void TheMostDerivedRegistrationWins()
    {
        Formatter.Register<Animal>(_ => "animal", "text/html");
        Formatter.Register<Cat>(_ => "cat", "text/html");
        Assert.Equal("cat", Text(new Cat(), "text/html"));
        Assert.Equal("animal", Text(new Animal(), "text/html"));
        Assert.Contains("cat", Text(new[] { new Cat() }, "text/html"));
    }

    [Fact]
    public void RegisteredAndPreferredMimeTypesMakeOneBundle()
    {
        Assert.Equal([new("image/png", "iVBORw0KGgo="), new("text/html", "<b>chart</b>"),
            new("text/plain", typeof(Chart).ToString())],
            Bundles.Of(new Chart()));
        Formatter.Register<Person>(_ => "{\"a\": 1}", "application/vnd.test+json");
        Formatter.Register<Person>(p => p.Name, "text/html");
        Formatter.SetPreferredMimeTypesFor(typeof(Person), "application/vnd.test+json", "text/html");
        Assert.Equal(["application/vnd.test+json", "text/html", "text/plain"], Bundles.Of(new Person("n", 1))
            .Select(m => m.MimeType));
        Formatter.ResetToDefault();
    }

    [Fact]
    public void FormattersOfScalarsCount()
    {
        Assert.Equal(["text/plain"], Bundles.Of(Half.One).Select(m => m.MimeType));
        Formatter.Register<Half>(h => $"<i>{h}</i>", "text/html");
        Assert.Equal("<i>1</i>", Text(Half.One, "text/html"));
    }

    [Theory]
    [InlineData(new byte[] { 0x89, 0x50, 0x4E, 0x47, 1 }, "image/png")]
    [InlineData(new byte[] { 0xFF, 0xD8, 0xFF, 0 }, "image/jpeg")]
    public void ImagesKnowTheirType(byte[] content, string mimeType) =>
        Assert.Equal(Convert.ToBase64String(content), Text(Functions.Image(content), mimeType));

    [Fact]
    public void OtherBytesAreNoImage() => Assert.Throws<ArgumentException>(() => Functions.Image([1, 2, 3]));
}
