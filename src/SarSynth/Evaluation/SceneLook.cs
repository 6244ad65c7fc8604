// One image of one scene as the measures look at it: pixels, block means, edges and targets, each computed once.
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>What all images of a table are measured with: facts of the true images alone.</summary>
/// <param name="Normalisation">A / (mu + 3 sigma) of all true images.</param>
/// <param name="Power">Mean intensity of all true images.</param>
/// <param name="Classifier">Tells classes of ground apart; null where the ground is not known.</param>
internal sealed record Yardstick(ClippedNormalisation Normalisation, double Power, GroundClassifier? Classifier)
{
    /// <summary>The intensity below which logarithms are not taken: -60 dB of the mean.</summary>
    public float Floor => (float)(1e-6 * Power);

    /// <summary>How many images the larger of the two sets has.</summary>
    public int Images { get; init; } = 1;

    /// <summary>Looks at squares of images; null where it is left out.</summary>
    public ResNet18? ResNet { get; init; }

    /// <summary>A SAR-text model and all captions; null where none is given.</summary>
    public Words? Words { get; init; }

    /// <summary>Tiles that a model was trained on; null where they are not known.</summary>
    public ScaledTiles? Training { get; init; }

    public static Yardstick Of(IEnumerable<AmplitudeImage> truth, GroundClassifier? classifier = null)
    {
        var fit = new NormalisationFit();
        var (sum, count) = (0.0, 0L);
        foreach (var image in truth)
        {
            fit.Add(image.Pixels);
            foreach (var a in image.Pixels)
            {
                if (float.IsNaN(a))
                    continue;
                sum += (double)a * a;
                count++;
            }
        }
        return new(fit.Clipped(), sum / count, classifier);
    }
}

/// <summary>An image of a scene.</summary>
internal sealed class SceneLook
{
    private readonly Dictionary<int, IntensityImage> multilooked = [];
    private readonly Lazy<IReadOnlyList<PointTarget>> targets;
    private readonly Lazy<bool[]> edges;
    private readonly Lazy<float[]> logarithms;
    private readonly Lazy<IReadOnlyList<ResNetLook>> resNetLooks;
    private readonly Lazy<IReadOnlyList<ClutterWindow>> clutter;
    private readonly Lazy<bool[]> shadows;
    private readonly Lazy<double[]> cosines;

    public SceneLook(TruthScene scene, AmplitudeImage image, Yardstick yardstick, SceneLook? truth = null)
    {
        (Scene, Yardstick) = (scene, yardstick);
        Truth = truth ?? this;
        Raw = image;
        // Infinities are counted as no data, once, and looked at nowhere else.
        Image = Array.TrueForAll(image.Pixels, a => !float.IsInfinity(a)) ? image
            : new(image.Rows, image.Columns, Array.ConvertAll(image.Pixels, a => float.IsInfinity(a) ? float.NaN : a),
                image.Metadata, image.GeoReference);
        Intensity = Image.ToIntensity();
        targets = new(() => PointTargets.Detect(Intensity.Pixels, image.Rows, image.Columns));
        edges = new(() => RatioEdges.Detect(Intensity.Pixels, image.Rows, image.Columns));
        logarithms = new(() => Array.ConvertAll(Intensity.Pixels, i => MathF.Log(MathF.Max(
            float.IsNaN(i) ? 0 : i, yardstick.Floor))));
        clutter = new(() => ClutterMeasures.Of(Intensity, yardstick.Images));
        shadows = new(() => TargetMeasures.Shadows(this));
        cosines = new(() => SarTextMeasures.Cosines(this));
        resNetLooks = new(() => yardstick.ResNet is { } network && EncoderMeasures.Tiles(Image, yardstick)
            is var (side, squares) ? [.. squares.Select(s => network.Look(s, side))] : []);
    }

    public TruthScene Scene { get; }

    public Yardstick Yardstick { get; }

    /// <summary>The true image's look; its own for the true image.</summary>
    public SceneLook Truth { get; }

    /// <summary>The image as it was given.</summary>
    public AmplitudeImage Raw { get; }

    public AmplitudeImage Image { get; }

    public IntensityImage Intensity { get; }

    public int Rows => Image.Rows;

    public int Columns => Image.Columns;

    /// <summary>Images of several seeds of <see cref="TruthScene.Middle"/>.</summary>
    public IReadOnlyList<AmplitudeImage> Seeds { get; init; } = [];

    /// <summary>Logarithms of intensity, no data and zeros at the floor.</summary>
    public float[] Logarithms => logarithms.Value;

    public IReadOnlyList<PointTarget> Targets => targets.Value;

    public bool[] Edges => edges.Value;

    /// <summary>Windows of clutter with their laws.</summary>
    public IReadOnlyList<ClutterWindow> Clutter => clutter.Value;

    public bool[] Shadows => shadows.Value;

    /// <summary>What the image is said to show; null where nothing is said.</summary>
    public string? Caption { get; init; }

    /// <summary>Its cosines with all captions.</summary>
    public double[] Cosines => cosines.Value;

    /// <summary>Of what use it is; null where classes are not known.</summary>
    public SceneUse? Use { get; init; }

    /// <summary>What ResNet-18 makes of squares of the image; none where it is left out.</summary>
    public IReadOnlyList<ResNetLook> ResNetLooks => resNetLooks.Value;

    /// <summary>Mean intensity of squares.</summary>
    public IntensityImage Multilooked(int side)
    {
        if (!multilooked.TryGetValue(side, out var image))
            multilooked[side] = image = Multilook.Apply(Intensity, side, side);
        return image;
    }

    /// <summary>10 log10, held above the floor; NaN stays.</summary>
    public double Decibels(double intensity) =>
        10 * Math.Log10(double.IsNaN(intensity) ? double.NaN : Math.Max(intensity, Yardstick.Floor));
}
