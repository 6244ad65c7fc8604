// A report carries all it needs, escapes what it is given, and marks the best values.
using System.Text.RegularExpressions;
using SarSynth.Figures;

namespace SarSynth.Tests.Figures;

public class ReportTests
{
    [Fact]
    public void NothingIsFetchedFromOutside()
    {
        var html = ReportSample.Make().ToHtml();
        Assert.DoesNotMatch(new Regex("<script[^>]+src=|<link[^>]+href=|@import|<img[^>]+src=\"(?!data:)"), html);
    }

    [Fact]
    public void TextIsEscapedAndMarked()
    {
        var html = new Report("a < b", "1 & 2").Prose("**strong** `x < y` and *this*, 3 * 4 * 5\n\nsecond").ToHtml();
        Assert.Contains("<title>a &lt; b</title>", html);
        Assert.Contains("<p><strong>strong</strong> <code>x &lt; y</code> and <em>this</em>, "
            + "3 * 4 * 5</p>\n<p>second</p>", html);
    }

    [Fact]
    public void TableMarksTheBestAndShowsWhatIsMissing()
    {
        var html = new ReportTable("Distances", "method", new ReportColumn("KL", "nats", Best.Lowest),
            new ReportColumn("r", "", Best.Highest))
            .Row("bicubic", 0.5, 0.25).Row("translated", 0.125, null).ToHtml();
        Assert.Contains("<td><strong title=\"best\">0.125</strong></td><td>\u2013</td>", html);
        Assert.Contains("<td>0.5</td><td>0.25</td>", html);      // one value alone is not the best of anything
        Assert.Contains("KL <small>nats</small>", html);
    }

    [Fact]
    public void TableRowMustFit() =>
        Assert.Contains("row 'x': found 1 values, expected 2", Assert.Throws<ArgumentException>(() =>
            new ReportTable("", "", new ReportColumn("a"), new ReportColumn("b")).Row("x", 1)).Message);

    [Fact]
    public void PictureNeedsADescriptionAndAPng()
    {
        Assert.Throws<ArgumentException>(() => new Report("r").Image(ReportSample.Png(), " "));
        Assert.Contains("PNG", Assert.Throws<ArgumentException>(() => new Report("r").Image([1, 2, 3], "words"))
            .Message);
    }
}
