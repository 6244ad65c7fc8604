// What the commands say to a diffusion model: the same words on all that run one.
using System.CommandLine;
using SarSynth.Diffusion.Samplers;

namespace SarSynth.Cli;

/// <summary>--model, --prompt, --steps and the others of a model's run, each defined once.</summary>
static class ModelOptions
{
    /// <summary>The model.</summary>
    public static Option<string> Model { get; } = new("--model", "-m")
    {
        Description = "A model of the kit by its name, or a model's folder or file.",
        DefaultValueFactory = _ => "sarsynth-small",
    };

    public static Option<string?> Prompt { get; } = new("--prompt") { Description = "What the image shows, in words." };

    public static Option<string?> NegativePrompt { get; } = new("--negative-prompt")
    {
        Description = "What the image should not be.",
    };

    public static Option<double?> Guidance { get; } = new("--guidance")
    {
        Description = "Classifier-free guidance: over 1 holds closer to the prompt, 1 is without.",
    };

    public static Option<int?> Steps { get; } = new("--steps") { Description = "Denoising steps." };

    public static Option<double?> Eta { get; } =
        new("--eta") { Description = "DDIM's eta, 0 to 1: noise of the steps." };

    /// <summary>The schedulers by their names on the command line.</summary>
    public static IReadOnlyDictionary<string, SamplerKind> Schedulers { get; } = new Dictionary<string, SamplerKind>
    {
        ["ddim"] = SamplerKind.Ddim, ["ddpm"] = SamplerKind.Ddpm, ["dpm-solver"] = SamplerKind.DpmSolver,
        ["euler"] = SamplerKind.Euler, ["euler-ancestral"] = SamplerKind.EulerAncestral, ["heun"] = SamplerKind.Heun,
        ["lcm"] = SamplerKind.Lcm, ["pndm"] = SamplerKind.Pndm,
    };

    public static Option<string?> Scheduler { get; } = new("--scheduler")
    {
        Description = $"Instead of the model's own: {string.Join(", ", Schedulers.Keys)}.",
    };

    /// <summary>The scheduler asked for; null for the model's own.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static SamplerKind? SchedulerOf(ParseResult parsed) => parsed.GetValue(Scheduler) switch
    {
        null => null,
        var name when Schedulers.TryGetValue(name, out var kind) => kind,
        var name => throw new ArgumentException(
            $"--scheduler: found '{name}', expected one of {string.Join(", ", Schedulers.Keys)}"
            + Nearest.Hint(name, Schedulers.Keys)),
    };
}
