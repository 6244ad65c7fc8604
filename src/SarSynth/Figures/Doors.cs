// What notebooks call by bare names (kit.csx: using static SarSynth.Figures.Doors): show images, compare them.
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Figures;

/// <summary>The verbs of a notebook.</summary>
public static partial class Doors
{
    /// <summary>
    /// Images side by side, each called as it was written: <c>Panel(scene.Satellite, fine, scene.Airborne)</c> has the
    /// titles satellite, fine, and simulated airborne (or airborne, for a measured one).
    /// </summary>
    /// <param name="a">An image.</param>
    /// <param name="aName">Its title, where that which was written will not do.</param>
    public static ImagePanel Panel(SarImage a, [CallerArgumentExpression(nameof(a))] string aName = "") =>
        Written((aName, a));

    /// <inheritdoc cref="Panel(SarImage, string)"/>
    public static ImagePanel Panel(SarImage a, SarImage b, [CallerArgumentExpression(nameof(a))] string aName = "",
        [CallerArgumentExpression(nameof(b))] string bName = "") => Written((aName, a), (bName, b));

    /// <inheritdoc cref="Panel(SarImage, string)"/>
    public static ImagePanel Panel(SarImage a, SarImage b, SarImage c,
        [CallerArgumentExpression(nameof(a))] string aName = "",
        [CallerArgumentExpression(nameof(b))] string bName = "",
        [CallerArgumentExpression(nameof(c))] string cName = "") => Written((aName, a), (bName, b), (cName, c));

    /// <inheritdoc cref="Panel(SarImage, string)"/>
    public static ImagePanel Panel(SarImage a, SarImage b, SarImage c, SarImage d,
        [CallerArgumentExpression(nameof(a))] string aName = "",
        [CallerArgumentExpression(nameof(b))] string bName = "",
        [CallerArgumentExpression(nameof(c))] string cName = "",
        [CallerArgumentExpression(nameof(d))] string dName = "") =>
        Written((aName, a), (bName, b), (cName, c), (dName, d));

    /// <summary>Images side by side.</summary>
    /// <param name="images">Their titles and themselves.</param>
    public static ImagePanel Panel(params IReadOnlyList<(string Name, SarImage Image)> images)
    {
        var panel = new ImagePanel(pictureSize: images.Count switch { 1 or 2 => 300, 3 => 250, _ => 200 });
        foreach (var (name, image) in images)
            panel = panel.Add(name, image);
        return panel;
    }

    /// <summary>A raster of any size, streamed through once.</summary>
    /// <param name="raster">The raster.</param>
    /// <param name="name">Its title; the file's name when left out.</param>
    public static ImagePanel Panel(SarRaster raster, string? name = null) =>
        new ImagePanel(pictureSize: 300).Add(name ?? Path.GetFileName(raster.Path), raster);

    /// <inheritdoc cref="Comparison.Of(AmplitudeImage, AmplitudeImage, IReadOnlyList{Candidate}?, string)"/>
    public static Comparison Evaluate(AmplitudeImage truth, AmplitudeImage image,
        IReadOnlyList<Candidate>? others = null,
        [CallerArgumentExpression(nameof(image))] string name = "image") =>
        Comparison.Of(truth, image, others, Words(name));

    /// <inheritdoc cref="Comparison.Of(IReadOnlyList{PairedScene}, IReadOnlyList{Candidate})"/>
    public static Comparison Evaluate(IReadOnlyList<PairedScene> scenes, params IReadOnlyList<Candidate> candidates) =>
        Comparison.Of(scenes, candidates);

    /// <summary>The square in the middle of a raster; all of it where it is smaller.</summary>
    /// <param name="raster">The raster.</param>
    /// <param name="side">Side, pixels.</param>
    public static RasterWindow Middle(SarRaster raster, int side)
    {
        int rows = Math.Min(side, raster.Rows), columns = Math.Min(side, raster.Columns);
        return new((raster.Rows - rows) / 2, (raster.Columns - columns) / 2, rows, columns);
    }

    private static ImagePanel Written(params (string Name, SarImage Image)[] images) =>
        Panel([.. images.Select(i => (Title(Words(i.Name), i.Image), i.Image))]);

    private static string Title(string words, SarImage image) =>
        words == "airborne" ? image.AirborneName() : words;

    /// <summary>
    /// "scene.LowNoise" and "lowNoise" are "low noise"; what is no such name of a value ("SarSynth") stays as it is.
    /// </summary>
    private static string Words(string written) => Name().Match(written) is { Success: true } name
        ? Hump().Replace(name.Groups[1].Value, " $0").TrimStart().ToLower(CultureInfo.InvariantCulture) : written;

    [GeneratedRegex(@"^(?=[a-z_]|.*\.)(?:\w+(?:\[\w+\])?\.)*([A-Za-z_]\w*)$")]
    private static partial Regex Name();

    [GeneratedRegex("(?<=[a-z0-9])[A-Z]")]
    private static partial Regex Hump();
}
