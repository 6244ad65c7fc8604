// The figures and tables that the papers are known to have, and how far the kit comes to each.
namespace SarSynth.Experiments;

/// <summary>How far a figure of the kit is the papers'.</summary>
public enum Standing
{
    /// <summary>The same rule on the same kind of number, as a formula's values.</summary>
    Reproduces,

    /// <summary>The same question and the same measures on other data and smaller models.</summary>
    Resembles,

    /// <summary>What it would take is not there; the figure shows what there is.</summary>
    CannotBeHad,
}

/// <summary>A figure or table of a paper, and the kit's.</summary>
/// <param name="Number">The kit's number: the papers' own numbers are not known to it.</param>
/// <param name="Id">Short name, which its files have.</param>
/// <param name="Paper">Where it stands: arXiv number or conference.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Standing">How far the kit comes.</param>
/// <param name="Differs">What is other than in the paper, and what would change that.</param>
public sealed record PaperFigure(int Number, string Id, string Paper, string Title, Standing Standing, string Differs)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<PaperFigure> All { get; } =
    [
        new(1, "scales", "2505.03844, RADAR 2024", "One place at 160, 80 and 40 cm", Standing.Resembles,
            "Sensors of the simulator, not SETHI's images, which are not public."),
        new(2, "translation", "2505.03844", "Satellite images made airborne-like", Standing.Resembles,
            "Simulated pairs and small models; the papers fine-tune SDXL on 110 thousand measured images. SARLO-80 "
            + "and SDXL, by --full, are the nearest that is public."),
        new(3, "realism", "2505.03844", "Images of a physics simulator made realistic", Standing.Resembles,
            "EMPRISE's images are not public: a facet simulator of the kit stands for it, and sarsynth-bridge, "
            + "which no measured image trained, for the papers' SDXL; ./sarsynth bench bridge judges it."),
        new(4, "noising", "2506.13307", "Noise over the steps of diffusion", Standing.Reproduces,
            "The schedule of SDXL and z_t = sqrt(alpha_bar) z_0 + sqrt(1 - alpha_bar) epsilon, as stated there."),
        new(5, "normalisation", "2506.13307", "Amplitudes over mu + 3 sigma, clipped", Standing.Reproduces,
            "The rule as a summary of the paper states it; the images are simulated."),
        new(6, "amplitude", "2506.13307", "Amplitude distributions and their divergence", Standing.Resembles,
            "The measure is the paper's, its bins are the kit's to choose; models and images are other."),
        new(7, "glcm", "2506.13307", "Texture: grey-level co-occurrence", Standing.Resembles,
            "Six of Haralick's features; which ones the paper takes is not known."),
        new(8, "strategies", "2506.13307", "Strategies of fine-tuning compared", Standing.Resembles,
            "The same strategies from a small foundation on simulated tiles, as recorded: they take hours "
            + "(./sarsynth train --recipe strategies); --base takes SDXL. The column of text alignment is by a small "
            + "contrastive model of the kit, not by a CLIP specialised to SAR."),
        new(9, "cascade", "RADAR 2024", "From 160 over 80 to 40 cm", Standing.CannotBeHad,
            "No model is trained at each resolution: one makes all levels, each with the speckle of its own sensor. "
            + "Shown is whether they agree with what the sensor of the level sees."),
        new(10, "large-scene", "RADAR 2024", "A large scene in parts, without seams", Standing.Resembles,
            "The kit's own tiling on a simulated scene; side and model are smaller."),
    ];

    /// <summary>The figure of an id.</summary>
    /// <exception cref="ArgumentException">There is none; those there are, are listed.</exception>
    public static PaperFigure Of(string id) => All.FirstOrDefault(f => f.Id == id)
        ?? throw new ArgumentException($"figure: found '{id}', expected one of "
            + $"{string.Join(", ", All.Select(f => f.Id))}.");

    /// <summary>The standing in words, as tables have it.</summary>
    public string Words => Standing switch
    {
        Standing.Reproduces => "reproduces",
        Standing.Resembles => "only resembles",
        _ => "cannot be had",
    };
}

/// <summary>A number of a figure.</summary>
/// <param name="Id">The figure's id, and what of it: "amplitude/kl, sarsynth-mini".</param>
/// <param name="Value">The number.</param>
/// <param name="Relative">How far it may be off on another machine, of itself.</param>
/// <param name="Absolute">And besides, in its unit.</param>
public sealed record PaperNumber(string Id, double Value, double Relative, double Absolute)
{
    /// <summary>Whether another number is the same within the tolerance.</summary>
    public bool Holds(double other) => double.IsFinite(other)
        && Math.Abs(other - Value) <= Absolute + Relative * Math.Abs(Value);
}

/// <summary>What became of a recorded number.</summary>
public enum NumberState
{
    /// <summary>Within its tolerance.</summary>
    Same,

    /// <summary>Outside of it.</summary>
    Differs,

    /// <summary>Recorded and not made, or made and not recorded.</summary>
    Missing,
}

/// <summary>A number held against the recorded one.</summary>
/// <param name="Id">See <see cref="PaperNumber.Id"/>.</param>
/// <param name="State">What became of it.</param>
/// <param name="Recorded">The recorded number; null where there is none.</param>
/// <param name="Found">The number as it came out; null where it was not made.</param>
/// <param name="Allowed">How far it may be off; null where there is no recorded one.</param>
public sealed record ReproducedNumber(string Id, NumberState State, double? Recorded, double? Found, double? Allowed);

/// <summary>The numbers of all figures, and what they were made by.</summary>
/// <param name="Settings">Sizes, models and seeds.</param>
/// <param name="Numbers">The numbers.</param>
public sealed record PaperNumbers(PaperSettings Settings, IReadOnlyList<PaperNumber> Numbers)
{
    /// <summary>Name of the file in the notebooks' folder of recorded results, and in that of a reproduction.</summary>
    public const string FileName = "paper-figures.json";

    /// <summary>Holds numbers against recorded ones, number by number; the recorded tolerances count.</summary>
    /// <param name="found">What came out.</param>
    /// <returns>The recorded numbers in their order, then those that are not recorded.</returns>
    public IReadOnlyList<ReproducedNumber> Compare(IReadOnlyList<PaperNumber> found)
    {
        var made = found.ToDictionary(n => n.Id, n => n.Value, StringComparer.Ordinal);
        var known = Numbers.Select(n => n.Id).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. Numbers.Select(n => made.TryGetValue(n.Id, out var value)
                ? new ReproducedNumber(n.Id, n.Holds(value) ? NumberState.Same : NumberState.Differs, n.Value,
                    double.IsFinite(value) ? value : null, n.Absolute + n.Relative * Math.Abs(n.Value))
                : new ReproducedNumber(n.Id, NumberState.Missing, n.Value, null, n.Absolute
                    + n.Relative * Math.Abs(n.Value))),
            .. found.Where(n => !known.Contains(n.Id))
                .Select(n => new ReproducedNumber(n.Id, NumberState.Missing, null, n.Value, null)),
        ];
    }
}

/// <summary>How the papers' figures are made.</summary>
public sealed record PaperSettings
{
    /// <summary>Unseen scenes that models are judged by.</summary>
    public int Scenes { get; init; } = 4;

    /// <summary>Their side, airborne pixels of 40 cm.</summary>
    public int Size { get; init; } = 256;

    /// <summary>Side of the large scene, likewise.</summary>
    public int LargeSize { get; init; } = 1024;

    /// <summary>The model that gives mean, texture and speckle.</summary>
    public string Mean { get; init; } = "sarsynth-mini";

    /// <summary>The model of latent diffusion, the papers' way in small.</summary>
    public string Diffusion { get; init; } = "sarsynth-small";

    /// <summary>The model that makes facet simulations realistic.</summary>
    public string Bridge { get; init; } = "sarsynth-bridge";

    /// <summary>Denoising steps of the model of latent diffusion.</summary>
    public int Steps { get; init; } = 15;

    /// <summary>Seed of the images.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>By a notebook's mode.</summary>
    /// <param name="mode">smoke, demo or full; demo is what is recorded.</param>
    /// <exception cref="ArgumentException">Another mode.</exception>
    public static PaperSettings Of(string mode) => mode switch
    {
        "smoke" => new() { Scenes = 2, Size = 128, LargeSize = 512, Steps = 3 },
        "demo" => new(),
        "full" => new() { Scenes = 8, Size = 512, LargeSize = 4096, Steps = 25 },
        _ => throw new ArgumentException($"mode: found '{mode}', expected smoke, demo or full."),
    };
}
