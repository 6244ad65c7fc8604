// The comparison of fine-tuning strategies, as a recipe: one base, one data set, one budget, several seeds.
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Training;
using SarSynth.Evaluation;
using SarSynth.FineTuning;

namespace SarSynth.Experiments;

/// <summary>One row of the comparison.</summary>
/// <param name="Name">Short name, which its files have: letters, digits, + and -.</param>
/// <param name="Strategy">What is trained, as fine-tuning has it.</param>
public sealed record StrategyEntry(string Name, IReadOnlyList<Strategy> Strategy)
{
    /// <summary>What arXiv 2506.13307 says of it: "compared", "best"; empty where it does not.</summary>
    public string Paper { get; init; } = "";
}

/// <summary>What every strategy has the same of.</summary>
public sealed record TuningBudget
{
    /// <summary>Optimizer steps.</summary>
    public required int Steps { get; init; }

    /// <summary>Tiles in a batch.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>How the rates go over the steps.</summary>
    public LrSchedule Schedule { get; init; } = new(LrShape.Cosine, Warmup: 20);

    /// <summary>Share of captions left out.</summary>
    public double CaptionDropout { get; init; } = 0.1;

    /// <summary>Steps between checkpoints.</summary>
    public int CheckpointEvery { get; init; } = 100;

    /// <summary>The recipe of one run.</summary>
    internal FineTuneRecipe Recipe(string name, string start, string tiles, IReadOnlyList<Strategy> strategy,
        ulong seed, string device, string? cache = null) => new()
    {
        Name = name, Base = start, Data = tiles, Strategy = strategy, Seed = seed, Device = device, Steps = Steps,
        Batch = Batch, Schedule = Schedule, CaptionDropout = CaptionDropout, CheckpointEvery = CheckpointEvery,
        KeepCheckpoints = 1, Cache = cache,
        // One look, at the end: what is compared is measured on the test part afterwards.
        Validation = new() { Every = Steps, Prompts = [] },
    };
}

/// <summary>The comparison of fine-tuning strategies (Debuysere et al. 2025, arXiv 2506.13307) on a small base.
/// </summary>
public sealed record StrategiesRecipe
{
    /// <summary>What recipes of this kind say in their field "kind".</summary>
    public const string KindName = "strategies";

    /// <summary>"strategies".</summary>
    public string Kind { get; init; } = KindName;

    /// <summary>Name of the recipe.</summary>
    public string Name { get; init; } = "strategies";

    /// <summary>The model that every run starts from: a diffusers folder or a model that comes with the kit.</summary>
    public string Base { get; init; } = "sarsynth-foundation";

    /// <summary>Where it computes: auto, cpu, cuda or cuda:N (<see cref="ComputeDevice"/>).</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>A folder of tiles with parts train, validation and test; null for simulated ones.</summary>
    public string? Tiles { get; init; }

    /// <summary>The simulated tiles where there is no folder.</summary>
    public SimulatedTilesRecipe Data { get; init; } = new();

    /// <summary>A folder of a contrastive model for the text alignment; null trains <see cref="SarText"/>.</summary>
    public string? SarTextModel { get; init; }

    /// <summary>Training of the contrastive model, on the same tiles' training part.</summary>
    public SarTextRecipe? SarText { get; init; }

    /// <summary>The rows.</summary>
    public required IReadOnlyList<StrategyEntry> Strategies { get; init; }

    /// <summary>Seeds of the runs: each strategy is trained once with each.</summary>
    public IReadOnlyList<ulong> Seeds { get; init; } = [1, 2, 3];

    /// <summary>The budget of a run.</summary>
    public required TuningBudget Budget { get; init; }

    /// <summary>Images that are made of captions of the test part after each run, each with a caption of its own.
    /// </summary>
    public int Images { get; init; } = 64;

    /// <summary>Sampler's steps of an image.</summary>
    public int SamplerSteps { get; init; } = 20;

    /// <summary>Guidance of the images.</summary>
    public double Guidance { get; init; } = 3;

    /// <summary>Refuses what cannot be.</summary>
    /// <exception cref="ArgumentException">A field, with what was found and what is expected.</exception>
    public void Check()
    {
        Require(Strategies.Count > 0, "strategies", "none", "one or more");
        foreach (var entry in Strategies)
        {
            Require(entry.Name.Length > 0 && entry.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '-'),
                "strategies.name", $"'{entry.Name}'", "letters, digits, + and -");
            Require(entry.Name != StrategyComparison.BaseName, "strategies.name", $"'{entry.Name}'",
                "another: this is the row of the base as it is");
            Require(entry.Strategy.Count > 0, "strategies.strategy", "none", "one or more");
        }
        var twice = Strategies.GroupBy(s => s.Name, StringComparer.OrdinalIgnoreCase)
            .FirstOrDefault(g => g.Count() > 1);
        Require(twice is null, "strategies.name", $"'{twice?.Key}' twice", "each name once");
        Require(Seeds.Count > 0 && Seeds.Distinct().Count() == Seeds.Count, "seeds",
            string.Join(", ", Seeds), "one or more, each once");
        Require(Images >= 2, "images", Images, "2 or more");
        Require(SarText is not null || SarTextModel is not null, "sarText", "none",
            "a recipe, or a model in the field 'sarTextModel'");
        foreach (var entry in Strategies)
            Budget.Recipe(entry.Name, Base, "tiles", entry.Strategy, 1, Device).Check();

        static void Require(bool holds, string field, object found, string expected)
        {
            if (!holds)
                throw new ArgumentException(
                    FormattableString.Invariant($"recipe field '{field}': found {found}, expected {expected}."));
        }
    }
}
