// How far a bridge goes from simulated to true images: shares of each gap that it closes, whether things stay where
// they are, and what a classifier gains that learns from bridged images.
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>How much of the gap between simulator and floor a bridge closes in one measure.</summary>
/// <param name="Id">Short name of the measure.</param>
/// <param name="Name">Its name.</param>
/// <param name="Closed">
/// 1 - (distance of the bridged from the ideal - that of the floor) / (distance of the simulator - that of the floor);
/// null where the simulator is no farther off than the floor.
/// </param>
/// <param name="Lower">Lower end of the 95 % interval over scenes; null where there is none.</param>
/// <param name="Upper">Upper end.</param>
public sealed record BridgedGap(string Id, string Name, double? Closed, double? Lower, double? Upper);

/// <summary>Displacement of what an image shows against the true ground.</summary>
/// <param name="Image">The image: simulator, bridged or floor.</param>
/// <param name="What">What is displaced: layover, shadow or edges.</param>
/// <param name="IsRegistered">Whether the simulator's known registration error is taken off.</param>
/// <param name="Median">Median distance, pixels; NaN where nothing was found.</param>
/// <param name="Lower">Lower end of the 95 % interval over scenes.</param>
/// <param name="Upper">Upper end.</param>
/// <param name="Found">Parts that were found, of <paramref name="Parts"/>.</param>
/// <param name="Parts">Parts that show such a thing.</param>
public sealed record BridgedPlace(string Image, string What, bool IsRegistered, double Median, double Lower,
    double Upper, int Found, int Parts);

/// <summary>What a classifier of ground recalls on true images of other scenes.</summary>
/// <param name="OfTrue">Trained on true images.</param>
/// <param name="OfSimulated">Trained on the simulator's.</param>
/// <param name="OfBridged">Trained on bridged ones.</param>
/// <param name="Gain">(bridged - simulated) / (true - simulated).</param>
/// <param name="Lower">Lower end of its 95 % interval over scenes.</param>
/// <param name="Upper">Upper end.</param>
public sealed record BridgedUse(double OfTrue, double OfSimulated, double OfBridged, double Gain, double Lower,
    double Upper);

/// <summary>A bridge, judged.</summary>
/// <param name="Table">Simulator, bridged and floor, row by row.</param>
/// <param name="Gaps">Shares closed; empty without a bridge.</param>
/// <param name="Places">Displacements.</param>
/// <param name="Use">What a classifier gains; null without a bridge.</param>
public sealed record BridgeComparison(TranslationTable Table, IReadOnlyList<BridgedGap> Gaps,
    IReadOnlyList<BridgedPlace> Places, BridgedUse? Use)
{
    /// <summary>Names of the images that are compared.</summary>
    public const string Simulator = "simulator", Drawn = "with noise and response", Bridged = "bridged",
        Floor = "floor";

    // Side and step of the parts whose place is looked for; how much of one must be layover or shadow, or edge.
    private const int Part = 48, Step = 24;

    private const double MuchOfIt = 0.05, EdgesOfIt = 0.02, LeastCorrelation = 0.3;

    /// <summary>
    /// The images that a comparison holds against the true ones: the simulator's; its map with the sensor's noise and
    /// speckle through the sensor's response, which takes no learning; bridged ones; the same ground seen again.
    /// </summary>
    /// <param name="scenes">The scenes.</param>
    /// <param name="bridge">Makes an airborne-like image of a map of mean amplitudes, with a seed; null for none.
    /// </param>
    /// <param name="seed">Seed of the first scene; the next take the next.</param>
    public static IReadOnlyList<Candidate> Candidates(IReadOnlyList<BridgeScene> scenes,
        Func<AmplitudeImage, ulong, AmplitudeImage>? bridge, ulong seed = 1)
    {
        List<Candidate> candidates =
        [
            new(Simulator, [.. scenes.Select(s => s.Facets.Detected)]),
            new(Drawn, [.. scenes.Select((s, i) => SpeckleStream.Draw(s.WithNoise(), s.Facets.Sensor, seed + (ulong)i)
                .ToAmplitude())]),
        ];
        if (bridge is not null)
        {
            candidates.Add(new(Bridged, [.. Progress.Over("bridging", scenes, s => s.Truth.Name)
                .Select((s, i) => bridge(s.Map, seed + (ulong)i)).ToList()]));
        }
        return [.. candidates, new(Floor, [.. scenes.Select((s, i) => s.Truth.Again!(seed + (ulong)i))])];
    }

    /// <summary>Judges images of <see cref="Candidates"/>.</summary>
    /// <param name="scenes">The scenes, on the order of the images.</param>
    /// <param name="candidates">The images.</param>
    /// <param name="lessons">Scenes that classifiers learn from; none of them is judged by.</param>
    /// <param name="bridge">Makes bridged images of the lessons; null for none.</param>
    /// <param name="resamples">Draws of scenes behind the intervals.</param>
    /// <param name="cancel">Ends between steps.</param>
    public static BridgeComparison Of(IReadOnlyList<BridgeScene> scenes, IReadOnlyList<Candidate> candidates,
        IReadOnlyList<BridgeScene> lessons, Func<AmplitudeImage, ulong, AmplitudeImage>? bridge,
        int resamples = TranslationTable.DefaultResamples, CancellationToken cancel = default)
    {
        TruthScene[] truth = [.. scenes.Select(s => s.Truth)];
        var classifier = GroundClassifier.Train([.. lessons.Select(s => s.Truth)]);
        cancel.ThrowIfCancellationRequested();
        var parts = TableParts.Of(truth, candidates, classifier);
        var draws = SceneBootstrap.Draw(scenes.Count, resamples, "scenes");
        cancel.ThrowIfCancellationRequested();
        return new(parts.ToTable(truth, candidates, Simulator, resamples),
            bridge is null ? [] : [.. GapsOf(parts, [.. candidates.Select(c => c.Name)], draws)],
            [.. PlacesOf(scenes, candidates, draws)],
            bridge is null ? null : UseOf(scenes, lessons, classifier, bridge, draws));
    }

    /// <summary>The share of a gap that is closed.</summary>
    /// <param name="simulator">Distance of the simulator from the ideal, 0 or more.</param>
    /// <param name="bridged">That of the bridged image.</param>
    /// <param name="floor">That of the floor.</param>
    /// <returns>1 where the bridged image is as near as the floor; NaN where there is no gap.</returns>
    public static double ShareClosed(double simulator, double bridged, double floor) =>
        simulator > floor ? (simulator - bridged) / (simulator - floor) : double.NaN;

    private static IEnumerable<BridgedGap> GapsOf(TableParts parts, List<string> names, int[][] draws)
    {
        for (var m = 0; m < parts.Measures.Count; m++)
        {
            var measure = parts.Measures[m];
            var truth = TranslationTable.PartsOf(parts.Truth, m);
            Func<int[], int[], double>[] values = [.. parts.Own.Select(o =>
                SceneBootstrap.Joiner(measure, truth, TranslationTable.PartsOf(o, m)))];
            double Share(int[] draw)
            {
                double Distance(string name) => measure.Goal.Distance(values[names.IndexOf(name)](draw, draw));
                return ShareClosed(Distance(Simulator), Distance(Bridged), Distance(Floor));
            }
            var (lower, upper) = Interval(draws, Share);
            yield return new(measure.Id, measure.Name, Number(Share([.. Enumerable.Range(0, truth.Length)])),
                Number(lower), Number(upper));
        }

        static double? Number(double value) => double.IsFinite(value) ? value : null;
    }

    private static IEnumerable<BridgedPlace> PlacesOf(IReadOnlyList<BridgeScene> scenes,
        IReadOnlyList<Candidate> candidates, int[][] draws)
    {
        (string What, Func<BridgeScene, IReadOnlyList<RasterWindow>> Of)[] things =
        [
            ("layover", s => PartsWith(s, i => s.Seen.Truth.Layover[i] == 1, MuchOfIt)),
            ("shadow", s => PartsWith(s, i => s.Seen.Truth.Shadow[i] == 1, MuchOfIt)),
            ("edges", s =>
            {
                var ground = s.Truth.Ground!;
                var edges = RatioEdges.Detect(ground.Reflectivity, ground.Rows, ground.Columns);
                return PartsWith(s, i => edges[i], EdgesOfIt);
            }),
        ];
        foreach (var (what, of) in things)
        {
            IReadOnlyList<RasterWindow>[] places = [.. scenes.Select(of)];
            foreach (var candidate in candidates)
            {
                var found = scenes.Select((s, i) => Displacement.Local(candidate.Images[i].ToIntensity().Pixels,
                    s.Truth.Ground!.Reflectivity, s.Truth.Ground.Rows, s.Truth.Ground.Columns, places[i])
                    .OfType<Shift>().Where(f => f.Correlation >= LeastCorrelation).ToArray()).ToArray();
                foreach (var registered in candidate.Name == Floor ? [false] : new[] { false, true })
                {
                    double[][] distances = [.. found.Select((some, i) => registered
                        ? some.Select(f => f.DistanceTo(scenes[i].Facets.Errors!.Row, scenes[i].Facets.Errors!.Column))
                            .ToArray()
                        : [.. some.Select(f => f.DistanceTo(0, 0))])];
                    double Middle(int[] draw) => MedianOf([.. draw.SelectMany(s => distances[s])]);
                    var (lower, upper) = Interval(draws, Middle);
                    yield return new(candidate.Name, what, registered,
                        Middle([.. Enumerable.Range(0, scenes.Count)]), lower, upper, found.Sum(f => f.Length),
                        places.Sum(p => p.Count));
                }
            }
        }
    }

    private static List<RasterWindow> PartsWith(BridgeScene scene, Func<int, bool> shows, double share)
    {
        var (rows, columns) = (scene.Truth.Airborne.Rows, scene.Truth.Airborne.Columns);
        var parts = new List<RasterWindow>();
        for (var r = Step / 2; r + Part <= rows; r += Step)
        {
            for (var c = Step / 2; c + Part <= columns; c += Step)
            {
                var count = 0;
                for (var i = 0; i < Part * Part; i++)
                    count += shows((r + i / Part) * columns + c + i % Part) ? 1 : 0;
                if (count >= share * Part * Part)
                    parts.Add(new(r, c, Part, Part));
            }
        }
        return parts;
    }

    private static BridgedUse UseOf(IReadOnlyList<BridgeScene> scenes, IReadOnlyList<BridgeScene> lessons,
        GroundClassifier ofTrue, Func<AmplitudeImage, ulong, AmplitudeImage> bridge, int[][] draws)
    {
        TruthScene[] simulated = [.. lessons.Select(s => s.Simulated)];
        var ofSimulated = GroundClassifier.Train(simulated);
        var ofBridged = GroundClassifier.Train([.. Progress.Over("bridging", lessons, s => s.Truth.Name)
            .Select((s, i) => simulated[i] with { Airborne = bridge(s.Map, 1000 + (ulong)i) }).ToList()]);
        double[][][] confusions = [.. new[] { ofTrue, ofSimulated, ofBridged }.Select(c =>
            scenes.Select(s => c.Confusion(s.Truth.Airborne, s.Truth.Ground!)).ToArray())];
        double Recall(int which, int[] draw) =>
            GroundClassifier.MeanRecall(Measure.Sum([.. draw.Select(s => confusions[which][s])]));
        double Gain(int[] draw) => Recall(0, draw) - Recall(1, draw) is > 0 and var all
            ? (Recall(2, draw) - Recall(1, draw)) / all : double.NaN;
        int[] whole = [.. Enumerable.Range(0, scenes.Count)];
        var (lower, upper) = Interval(draws, Gain);
        return new(Recall(0, whole), Recall(1, whole), Recall(2, whole), Gain(whole), lower, upper);
    }

    private static (double Lower, double Upper) Interval(int[][] draws, Func<int[], double> of)
    {
        if (draws.Length == 0 || draws[0].Length < 2)
            return (double.NaN, double.NaN);
        var values = new double[draws.Length];
        Parallel.For(0, values.Length, d => values[d] = of(draws[d]));
        int[] all = [.. Enumerable.Range(0, draws[0].Length)];
        var interval = BootstrapInterval.Of(of(all), values,
            [[.. all.Select(left => of([.. all.Where(s => s != left)]))]]);
        return (interval.Lower, interval.Upper);
    }

    private static double MedianOf(double[] values)
    {
        Array.Sort(values);
        return values.Length == 0 ? double.NaN
            : (values[values.Length / 2] + values[(values.Length - 1) / 2]) / 2;
    }
}
