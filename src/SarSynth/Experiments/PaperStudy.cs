// Makes the images and numbers behind the papers' figures, as far as the kit can.
using SarSynth.Data;
using SarSynth.Diffusion.Samplers;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;
using SarSynth.Translation;

namespace SarSynth.Experiments;

/// <summary>The images behind the papers' figures, and their numbers.</summary>
public sealed partial record PaperStudy
{
    /// <summary>The features of figure 7.</summary>
    public static IReadOnlyList<GlcmFeature> Features => StrategyJudge.Features;

    /// <summary>Levels of a cascade, what they are called, and who sees them.</summary>
    public static IReadOnlyList<(string Name, Sensor Sensor)> Levels { get; } =
        [("160 cm", Sensors.AirborneX160), ("80 cm", Sensors.AirborneX080), ("40 cm", Sensors.AirborneX040)];

    private const int Block = 8;

    /// <summary>Sizes, models and seeds.</summary>
    public required PaperSettings Settings { get; init; }

    /// <summary>Figure 1: one place at each scale, coarse to fine.</summary>
    public required IReadOnlyList<(string Name, AmplitudeImage Image)> Scales { get; init; }

    /// <summary>Figure 2: scenes that no model was trained on.</summary>
    public required IReadOnlyList<TruthScene> Scenes { get; init; }

    /// <summary>What was made of them: without a model, and by the models.</summary>
    public required IReadOnlyList<Candidate> Candidates { get; init; }

    /// <summary>Figure 3: a facet simulation, what the bridge makes of it, and the rich simulation.</summary>
    public required (AmplitudeImage Facets, AmplitudeImage Bridged, AmplitudeImage Rich) Realism { get; init; }

    /// <summary>Figure 4: the schedule of SDXL.</summary>
    public required NoiseSchedule Schedule { get; init; }

    /// <summary>Figures 5 to 7: the true images.</summary>
    public required Candidate Truth { get; init; }

    /// <summary>Figures 6 and 7: what is held against them.</summary>
    public required IReadOnlyList<Candidate> Judged { get; init; }

    /// <summary>Figure 7: features of the truth and of each candidate, means over scenes.</summary>
    public required IReadOnlyList<(string Name, IReadOnlyList<double> Features)> Texture { get; init; }

    /// <summary>Figure 9: correlation of each level with what its sensor sees; the first of each is the same seen
    /// again.</summary>
    public required IReadOnlyList<(string Level, double Floor, double Translated)> Cascade { get; init; }

    /// <summary>Figure 10: the satellite's image, and the translation in small parts.</summary>
    public required (AmplitudeImage Satellite, AmplitudeImage Translated) Large { get; init; }

    /// <summary>All numbers.</summary>
    public required IReadOnlyList<PaperNumber> Numbers { get; init; }

    /// <summary>Makes all of it.</summary>
    /// <param name="settings">Sizes, models and seeds.</param>
    /// <param name="cancel">Ends between images.</param>
    /// <exception cref="FileNotFoundException">A model is not there.</exception>
    public static PaperStudy Run(PaperSettings settings, CancellationToken cancel = default)
    {
        using var progress = Progress.Begin("making the papers' figures");
        var numbers = new List<PaperNumber>();
        progress.Part(0.1, "scales");
        var scales = MakeScales(settings, numbers);
        var realism = MakeRealism(settings, numbers);
        var schedule = MakeSchedule(numbers);
        progress.Part(0.2, "scenes");
        var scenes = TruthScene.Unseen(settings.Scenes, settings.Size, cancel: cancel);
        MakeNormalisation(TruthOf(scenes), numbers);
        progress.Part(0.75, "translations");
        using var mean = Translator.Load(settings.Mean);
        using var diffusion = Translator.Load(settings.Diffusion);
        Way[] ways = [.. Ways.WithoutModel, WayOf(mean, settings), WayOf(diffusion, settings)];
        List<Candidate> candidates = [.. ways.Select(way => way.Candidate(scenes, seeds: 1, settings.Seed, cancel))];
        Judge(scenes, candidates, numbers);
        var texture = MakeTexture(TruthOf(scenes), candidates, numbers);
        var cascade = MakeCascade(scenes, (scene, sensor, seed) => mean.Translate(scene.Satellite!, new TranslateRecipe
        {
            Model = mean.Name, Seed = seed, Steps = settings.Steps, Spacing = sensor.GroundRangeSpacing,
        }, cancel: cancel), settings.Seed, numbers);
        progress.Part(1, "large scene");
        var large = MakeLarge(mean, settings, numbers, cancel);
        progress.At(1);
        return new()
        {
            Settings = settings, Scales = scales, Scenes = scenes, Candidates = candidates, Realism = realism,
            Schedule = schedule, Truth = TruthOf(scenes), Judged = candidates, Texture = texture,
            Cascade = cascade, Large = large, Numbers = numbers,
        };
    }

    /// <summary>The numbers of the figures that translate no satellite image: scales, realism, noising, normalisation.
    /// </summary>
    /// <param name="settings">Sizes, the bridge and seeds.</param>
    internal static IReadOnlyList<PaperNumber> WithoutTranslation(PaperSettings settings)
    {
        var numbers = new List<PaperNumber>();
        MakeScales(settings, numbers);
        MakeRealism(settings, numbers);
        MakeSchedule(numbers);
        MakeNormalisation(TruthOf(TruthScene.Unseen(settings.Scenes, settings.Size)), numbers);
        return numbers;
    }

    private static Way WayOf(Translator model, PaperSettings settings) => new(Path.GetFileName(
        Path.TrimEndingDirectorySeparator(model.Name)), (scene, part, seed) => model.Translate(scene.SatelliteOf(part),
            new TranslateRecipe { Model = model.Name, Seed = seed, Steps = settings.Steps }));

    private static Candidate TruthOf(IReadOnlyList<TruthScene> scenes) =>
        new("simulated airborne", [.. scenes.Select(s => s.Airborne)]);

    private static Scene Place(PaperSettings settings, SceneKind kind, int size) => Scene.Generate(
        TruthScene.FirstSeed + 40 + settings.Seed, new SceneOptions { Rows = size, Columns = size, Kind = kind });

    private static List<(string, AmplitudeImage)> MakeScales(PaperSettings settings, List<PaperNumber> numbers)
    {
        var scales = new List<(string, AmplitudeImage)>();
        var place = Place(settings, SceneKind.Airfield, 2 * settings.Size);
        foreach (var (name, sensor) in Levels)
        {
            var image = Simulator.Observe(place, sensor, settings.Seed).Detected;
            scales.Add((name, image));
            var intensity = image.ToIntensity().Pixels;
            // Of one look at each scale, whatever the pixel.
            numbers.Add(new($"scales/ENL of flat ground, {name}",
                Enl.Homogeneous(intensity, image.Rows, image.Columns, Block).Looks.Value, 0.02, 0));
            numbers.Add(new($"scales/mean intensity, dB, {name}", Decibels(intensity.Average(p => (double)p)), 0,
                0.02));
        }
        return scales;
    }

    /// <summary>Name of the number of figure 3 that says how far an image is from the rich simulation.</summary>
    /// <param name="image">facets, bridged, or again: the rich simulation with another speckle.</param>
    public static string RealismKl(string image) => $"realism/KL(rich || {image})";

    private static (AmplitudeImage Facets, AmplitudeImage Bridged, AmplitudeImage Rich) MakeRealism(
        PaperSettings settings, List<PaperNumber> numbers)
    {
        var place = Place(settings, SceneKind.Suburb, settings.Size);
        AmplitudeImage Rich(ulong seed) => Simulator.Observe(place, Sensors.AirborneX040, seed).Detected;
        var facets = Simulator.Observe(place, Sensors.AirborneX040, settings.Seed, new FacetModel());
        using var bridge = Translator.Load(settings.Bridge);
        var bridged = bridge.Bridge(facets.SpeckleFree!.ToAmplitude(), settings.Seed);
        var rich = Rich(settings.Seed);
        var table = AirborneLikeness.Compare(new("rich", [rich]), [new("facets", [facets.Detected]),
            new("bridged", [bridged]), new("again", [Rich(settings.Seed + 1)])]);
        foreach (var row in table.Rows)
            numbers.Add(new(RealismKl(row.Name), row.AmplitudeKl.Value, 0.05, 0.0005));
        var kl = table.Rows.ToDictionary(r => r.Name, r => r.AmplitudeKl.Value);
        numbers.Add(new("realism/share of the gap closed, %",
            100 * BridgeComparison.ShareClosed(kl["facets"], kl["bridged"], kl["again"]), 0.05, 0));
        return (facets.Detected, bridged, rich);
    }

    private static NoiseSchedule MakeSchedule(List<PaperNumber> numbers)
    {
        var schedule = NoiseSchedule.Create();
        foreach (var step in (int[])[0, 249, 499, 749, 999])
            numbers.Add(new($"noising/alpha_bar at step {step + 1}", schedule.AlphasCumprod[step], 1e-4, 1e-6));
        return schedule;
    }

    private static void MakeNormalisation(Candidate truth, List<PaperNumber> numbers)
    {
        float[] pixels = [.. truth.Images.SelectMany(i => i.Pixels)];
        var ceiling = new NormalisationFit().Add(pixels).Clipped().Ceiling;
        numbers.Add(new("normalisation/mu + 3 sigma", ceiling, 0.001, 0));
        numbers.Add(new("normalisation/clipped, %", 100.0 * pixels.Count(p => p > ceiling) / pixels.Length, 0.02, 0));
    }

    private static void Judge(
        IReadOnlyList<TruthScene> scenes, IReadOnlyList<Candidate> candidates, List<PaperNumber> numbers)
    {
        var table = TranslationTable.Of(scenes, candidates, resamples: 2);
        foreach (var id in (string[])["multilook-16", "seen-again", "flat-enl"])
            foreach (var candidate in candidates)
                if (table.Rows.Any(r => r.Id == id) && table[id, candidate.Name].Value is { } value)
                    numbers.Add(new($"translation/{table[id].Name}, {candidate.Name}", value, 0.03, 0.02));
        MakeAmplitude(TruthOf(scenes), candidates, numbers);
    }

    private static void MakeAmplitude(Candidate truth, IReadOnlyList<Candidate> judged, List<PaperNumber> numbers)
    {
        foreach (var row in AirborneLikeness.Compare(truth, judged).Rows)
            numbers.Add(new($"amplitude/KL, {row.Name}", row.AmplitudeKl.Value, 0.1, 0.0005));
    }

    private static List<(string, IReadOnlyList<double>)> MakeTexture(
        Candidate truth, IReadOnlyList<Candidate> judged, List<PaperNumber> numbers)
    {
        float[] pixels = [.. truth.Images.SelectMany(i => i.Pixels)];
        var ceiling = new NormalisationFit().Add(pixels).Clipped().Ceiling;
        var texture = new List<(string, IReadOnlyList<double>)>();
        foreach (var candidate in judged.Prepend(truth))
        {
            var each = candidate.Images.Select(image => Glcm.Compute(
                Glcm.Quantise(image.Pixels, AirborneLikeness.GlcmLevels, 0, ceiling), image.Rows, image.Columns,
                AirborneLikeness.GlcmLevels, [1], Glcm.FourAngles))
                .Select(m => GlcmFeatures.Average(m.Cast<Cooccurrence>().Select(c => c.Features()))).ToList();
            texture.Add((candidate.Name, [.. Features.Select(f => each.Average(e => e[f]))]));
            foreach (var (i, feature) in Features.Index())
                numbers.Add(new($"glcm/{feature.ToString().ToLowerInvariant()}, {candidate.Name}",
                    texture[^1].Item2[i], 0.03, 0.001));
        }
        return texture;
    }

    /// <summary>Images of each level against what its sensor sees, as means over 8 x 8 pixels of the level: what is
    /// there, not its speckle, must agree.</summary>
    /// <param name="scenes">Simulated scenes.</param>
    /// <param name="translate">The image of a scene at a sensor's spacing, by a seed.</param>
    /// <param name="seed">Seed of the first scene; the next take the next.</param>
    /// <param name="numbers">Gets the correlations.</param>
    internal static List<(string Level, double Floor, double Translated)> MakeCascade(IReadOnlyList<TruthScene> scenes,
        Func<TruthScene, Sensor, ulong, AmplitudeImage> translate, ulong seed, List<PaperNumber> numbers)
    {
        var levels = new List<(string, double, double)>();
        foreach (var (name, sensor) in Levels)
        {
            double[] Truth(TruthScene scene) => Means(scene.SeenBy!(sensor, null), Block);
            double Agreement(Func<TruthScene, ulong, AmplitudeImage> made) => scenes.Select((scene, i) =>
                Correlation(Truth(scene), Means(made(scene, seed + (ulong)i), Block))).Average();
            levels.Add((name, Agreement((scene, own) => scene.SeenBy!(sensor, own)),
                Agreement((scene, own) => translate(scene, sensor, own))));
            numbers.Add(new($"cascade/agreement, {name}, floor", levels[^1].Item2, 0, 0.005));
            numbers.Add(new($"cascade/agreement, {name}, translated", levels[^1].Item3, 0, 0.02));
        }
        return levels;
    }

    private static (AmplitudeImage, AmplitudeImage) MakeLarge(
        Translator mean, PaperSettings settings, List<PaperNumber> numbers, CancellationToken cancel)
    {
        var place = Place(settings, SceneKind.City, settings.LargeSize);
        var satellite = Simulator.Observe(place, Sensors.SatelliteX160, settings.Seed).Detected;
        AmplitudeImage Translated(int tile) => mean.Translate(satellite, new TranslateRecipe
        {
            Model = mean.Name, Seed = settings.Seed, Tile = tile,
        }, cancel: cancel);
        var whole = Translated(Math.Max(satellite.Rows, satellite.Columns));
        // The windows of a satellite pixel's neighbours are what a network of this depth sees.
        var parts = Translated(96);
        var apart = parts.Pixels.Zip(whole.Pixels, (a, b) => Math.Abs(Decibels((double)a * a / ((double)b * b))))
            .Order().ToArray();
        numbers.Add(new("large-scene/parts against the whole, dB, median", apart[apart.Length / 2], 0.5, 0.01));
        numbers.Add(new("large-scene/parts against the whole, dB, 99.9 %", apart[(int)(0.999 * apart.Length)], 0.5,
            0.05));
        return (satellite, parts);
    }

    private static double[] Means(AmplitudeImage image, int side) =>
        [.. Multilook.Apply(image, side, side).Pixels.Select(p => Math.Log(Math.Max(p, 1e-12)))];

    private static double Correlation(double[] x, double[] y) => MathNet.Numerics.Statistics.Correlation.Pearson(x, y);

    private static double Decibels(double power) => 10 * Math.Log10(power);
}
