// Paired scenes of chosen kinds and of a range of satellites, made once and kept: what a network learns from that is
// told about its input.
using SarSynth.Radar.Simulation;

namespace SarSynth.Data;

/// <summary>A mix of simulated scenes.</summary>
public sealed record SceneMix
{
    /// <summary>Name or JSON file of the airborne sensor.</summary>
    public string Airborne { get; init; } = "airborne-x-040";

    /// <summary>Name or JSON file of the satellite sensor.</summary>
    public string Satellite { get; init; } = "satellite-x-160";

    /// <summary>How many scenes.</summary>
    public int Scenes { get; init; } = 1;

    /// <summary>Side of a scene, airborne pixels.</summary>
    public int Size { get; init; } = 512;

    /// <summary>Seed of the first scene; the next scenes take the next seeds.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>How often each kind comes; kinds in turn, each as often as its number says.</summary>
    public IReadOnlyDictionary<SceneKind, int> Kinds { get; init; } = new Dictionary<SceneKind, int>();

    /// <summary>Share of scenes whose satellite differs in looks, noise or resolution, 0 to 1.</summary>
    public double Varied { get; init; }

    /// <summary>
    /// A facet simulator whose map of mean intensity stands in the satellite image's place, on the airborne grid; null
    /// for the satellite.
    /// </summary>
    public FacetModel? Facets { get; init; }

    /// <summary>The scenes that the mix consists of.</summary>
    /// <exception cref="ArgumentException">No kind, or sensors that do not pair.</exception>
    public IReadOnlyList<MixedScene> Plan()
    {
        var kinds = Kinds.SelectMany(k => Enumerable.Repeat(k.Key, k.Value)).ToArray();
        if (kinds.Length == 0)
            throw new ArgumentException("kinds: found none, expected at least one with a number above 0.");
        var (airborne, satellite) = (SimulatedScenes.FindSensor(Airborne), SimulatedScenes.FindSensor(Satellite));
        return [.. Enumerable.Range(0, Scenes).Select(i =>
        {
            // Kinds that follow each other differ, so that the first scenes are a mix too.
            var (kind, seed) = (kinds[(int)((long)i * Step(kinds.Length) % kinds.Length)], Seed + (ulong)i);
            var (fine, coarse) = Varied * 1000 > new SplitMix(seed, 1).Next(1000) ? Variation(airborne, satellite, seed)
                : (airborne, satellite);
            return new MixedScene(seed, kind, SensorPair.Of(fine, coarse)) { Facets = Facets };
        })];
    }

    /// <summary>The pairs of the mix, from a folder where they were made before, else made and kept there.</summary>
    /// <param name="folder">Scenes that it has are taken as they are.</param>
    /// <param name="cancel">Ends between scenes.</param>
    public IEnumerable<(MixedScene Scene, PairedScene Pair)> Load(string folder, CancellationToken cancel = default)
    {
        var list = Path.Combine(folder, PairedDataset.FileName);
        var plan = Plan();
        var made = File.Exists(list) ? PairedDataset.Open(folder).Scenes.Select(s => s.Name).ToHashSet() : [];
        foreach (var some in Progress.Over("simulating scenes", plan.Where(s => !made.Contains(s.Name)).Chunk(8)
            .ToArray()))
        {
            cancel.ThrowIfCancellationRequested();
            PairedDataset.Write(folder, "Simulated scenes to train on", "CC0-1.0",
                some.Select(s => (SyntheticContent.MarkSimulated(s.Observe(Size)), Split.Train)));
        }
        var byName = plan.ToDictionary(s => s.Name);
        var kept = PairedDataset.Open(folder);
        return (kept with { Scenes = [.. kept.Scenes.Where(s => byName.ContainsKey(s.Name))] }).Load(folder)
            .Select(pair => (byName[pair.Name], pair));
    }

    // A satellite of the same pixel for each scale: other looks, other noise, both sensors perhaps twice as coarse.
    private static (Sensor Airborne, Sensor Satellite) Variation(Sensor airborne, Sensor satellite, ulong seed)
    {
        var random = new SplitMix(seed, 2);
        var looks = new[] { 1, 2, 3 }[random.Next(3)];
        var coarser = random.Next(4) == 0 ? 2 : 1;
        var noise = -27 + 12 * random.Next(1000) / 999.0;
        Sensor Scaled(Sensor sensor, double spacing, string name) => sensor with
        {
            Name = sensor.Name + name,
            GroundRangeSpacing = sensor.GroundRangeSpacing * spacing,
            AzimuthSpacing = sensor.AzimuthSpacing * spacing,
            RangeBandwidthMHz = sensor.RangeBandwidthMHz / spacing,
            AzimuthBandwidth = sensor.AzimuthBandwidth / spacing,
        };
        return (Scaled(airborne, coarser, coarser == 1 ? "" : $" / {coarser}"),
            Scaled(satellite, coarser * satellite.RangeLooks / (double)looks, $", {looks} x {looks} looks") with
            {
                RangeLooks = looks, AzimuthLooks = looks, NoiseEquivalentSigmaNought = noise,
            });
    }

    // A step that visits every place of a ring and jumps over a third of it.
    private static int Step(int length) => Enumerable.Range(Math.Max(1, length / 3), length + 1)
        .First(step => System.Numerics.BigInteger.GreatestCommonDivisor(step, length) == 1);
}

/// <summary>One scene of a mix.</summary>
/// <param name="Seed">Seed of ground and speckle.</param>
/// <param name="Kind">What it shows.</param>
/// <param name="Sensors">Who sees it.</param>
public sealed record MixedScene(ulong Seed, SceneKind Kind, SensorPair Sensors)
{
    /// <summary>The facet simulator in the satellite's place; null for the satellite.</summary>
    public FacetModel? Facets { get; init; }

    /// <summary>Its name.</summary>
    public string Name => $"{SimulatedScenes.NameOf(Seed)}-{Kind.ToString().ToLowerInvariant()}";

    /// <summary>The registered pair; its one caption is its name.</summary>
    /// <param name="size">Side, airborne pixels.</param>
    public PairedScene Observe(int size)
    {
        var scene = Ground(size);
        var (fine, coarse) = Facets is null ? Sensors.Observe(scene, Seed)
            : FacetPairs.Observe(scene, Sensors.Airborne, Seed, Facets);
        return new(Name, fine, coarse, [new TileCaption(0, 0, size, Name)]);
    }

    /// <summary>What the sensors see.</summary>
    /// <param name="size">Side, airborne pixels.</param>
    public Scene Ground(int size)
    {
        var cell = Math.Min(0.4, Math.Min(Sensors.Airborne.AzimuthSpacing, Sensors.Airborne.GroundRangeSpacing));
        return Scene.Generate(Seed, new SceneOptions
        {
            Rows = (int)Math.Round(size * Sensors.Airborne.AzimuthSpacing / cell),
            Columns = (int)Math.Round(size * Sensors.Airborne.GroundRangeSpacing / cell),
            Spacing = cell,
            Kind = Kind,
        });
    }
}
