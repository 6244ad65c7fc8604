// A panel as files for print: words stay words, and the page is as large as the panel.
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using SarSynth.Figures;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Figures;

public class PanelFileTests
{
    private static ImagePanel Panel()
    {
        float[] ramp = [.. Enumerable.Range(1, 64 * 32).Select(i => (float)i)];
        return new ImagePanel("Two <views>", 200).Add("a & b", new AmplitudeImage(64, 32, ramp, new()
        {
            RangeSpacing = 1, AzimuthSpacing = 1,
        }), "below").Zoom(16);
    }

    [Fact]
    public void An_svg_has_pictures_words_a_scale_bar_and_the_outline()
    {
        var svg = XDocument.Parse(Panel().ToSvg());
        XNamespace ns = "http://www.w3.org/2000/svg";
        Assert.Equal(["Two <views>", "a & b", "5 m", "below", "a & b", "2 m"],
            svg.Descendants(ns + "text").Select(t => t.Value));
        var images = svg.Descendants(ns + "image").ToArray();
        Assert.Equal(2, images.Length);
        Assert.All(images, i => Assert.StartsWith("data:image/png;base64,", (string)i.Attribute("href")!));
        // Half as wide as high, as the image is; single pixels stay single pixels where they are enlarged.
        Assert.Equal(2.0, (double)images[0].Attribute("height")! / (double)images[0].Attribute("width")!, 2);
        Assert.Contains("pixelated", (string)images[1].Attribute("style")!);
        Assert.Single(svg.Descendants(ns + "rect"), r => (string?)r.Attribute("stroke") == "#ffb000");
    }

    [Fact]
    public void Pictures_of_a_row_stand_level_whose_titles_take_several_lines()
    {
        var image = new AmplitudeImage(16, 16, [.. Enumerable.Repeat(1f, 256)]);
        var panel = new ImagePanel("", 100).Add("one", image).Add("simulated airborne image", image);
        var svg = XDocument.Parse(panel.ToSvg());
        XNamespace ns = "http://www.w3.org/2000/svg";
        Assert.Single(svg.Descendants(ns + "image").Select(i => (double)i.Attribute("y")!).Distinct());
        Assert.Equal(["one", "airborne", "image", "simulated"],
            svg.Descendants(ns + "text").Select(t => t.Value).OrderBy(t => t == "one" ? "" : t));
        // Whatever Chromium's fonts: the pictures' upper ends in the page are at one height.
        Assert.Equal("1", SharedBrowser.Use(browser => browser.Evaluate($$"""
            (() => { document.body.innerHTML = {{JsonValue.Create(panel.ToHtml()).ToJsonString()}};
              const tops = new Set([...document.images].map(i => i.getBoundingClientRect().top));
              document.body.replaceChildren(); return String(tops.size); })()
            """)));
    }

    [Fact]
    public void A_pdf_is_one_page_of_the_panels_size()
    {
        var panel = Panel();
        var size = XDocument.Parse(panel.ToSvg()).Root!;
        var pdf = Encoding.Latin1.GetString(panel.ToPdf());
        Assert.StartsWith("%PDF", pdf);
        var box = Regex.Match(pdf, @"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]");
        Assert.Equal((double)size.Attribute("width")! * 0.75, double.Parse(box.Groups[1].Value), 1.0);
        Assert.Equal((double)size.Attribute("height")! * 0.75, double.Parse(box.Groups[2].Value), 1.0);
    }
}
