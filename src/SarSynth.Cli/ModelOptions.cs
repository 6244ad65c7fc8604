// What the commands say to a diffusion model: the same words on all that run one.
using System.CommandLine;
using System.Globalization;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Samplers;
using SarSynth.Translation;

namespace SarSynth.Cli;

/// <summary>--model, --prompt, --steps and the others of a model's run, each defined once.</summary>
static class ModelOptions
{
    /// <summary>The model.</summary>
    public static Option<string?> Model { get; } = new("--model", "-m")
    {
        Description = "A model of the kit by its name, or a model's folder or file; when left out, "
            + $"{new TranslateRecipe().Model} to translate and {TranslateRecipe.DiffusionModel} to generate.",
    };

    public static Option<string?> Prompt { get; } = new("--prompt") { Description = "What the image shows, in words." };

    public static Option<string?> NegativePrompt { get; } = new("--negative-prompt")
    {
        Description = "What the image should not be; it counts with guidance.",
    };

    public static Option<double?> Guidance { get; } = new("--guidance")
    {
        Description = "Classifier-free guidance: over 1 holds closer to the prompt, 1 is without.",
    };

    public static Option<int?> Steps { get; } = new("--steps")
    {
        Description = "Denoising steps. When left out, translations take 25, or 12 of a residual.",
    };

    public static Option<double?> Eta { get; } = new("--eta")
    {
        Description = "DDIM's eta, 0 to 1: noise of the steps.",
    };

    public static Option<string?> Scheduler { get; } = new("--scheduler")
    {
        Description = $"Instead of the model's own: {string.Join(", ", SchedulerNames)}, or a scheduler_config.json.",
    };

    public static Option<string[]> Lora { get; } = new("--lora")
    {
        Description = "FILE[:SCALE] of a LoRA or DoRA, or the folder of a fine-tuning; several add.",
        DefaultValueFactory = _ => [],
    };

    public static Option<string[]> Token { get; } = new("--token")
    {
        Description = "FILE[:WORD] of a learned token, and the word that stands for it in prompts.",
        DefaultValueFactory = _ => [],
    };

    private static IEnumerable<string> SchedulerNames => Enum.GetNames<SamplerKind>().Select(name =>
        string.Concat(name.Select((c, i) => i > 0 && char.IsUpper(c) ? $"-{char.ToLowerInvariant(c)}"
            : $"{char.ToLowerInvariant(c)}")));

    /// <summary>What the command line says of the model's run; what it leaves out is the recipe's own.</summary>
    /// <exception cref="ArgumentException">A word that is not known.</exception>
    /// <exception cref="FileNotFoundException">A file that is not there.</exception>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">The model where it names none; null for the recipe's own.</param>
    public static TranslateRecipe Recipe(ParseResult parsed, string? model = null)
    {
        var defaults = new TranslateRecipe();
        return defaults with
        {
            Model = Names.Model(parsed.GetValue(Model) ?? model ?? defaults.Model),
            Device = parsed.GetValue(CommonOptions.Device) ?? defaults.Device,
            Seed = parsed.GetValue(CommonOptions.Seed),
            Prompt = parsed.GetValue(Prompt) ?? defaults.Prompt,
            NegativePrompt = parsed.GetValue(NegativePrompt),
            Guidance = parsed.GetValue(Guidance) ?? defaults.Guidance,
            Scheduler = SchedulerOf(parsed),
            Steps = parsed.GetValue(Steps) ?? defaults.Steps,
            Eta = parsed.GetValue(Eta) ?? defaults.Eta,
            Adapters = [.. (parsed.GetValue(Lora) ?? []).Select(text => Scaled("--lora", text))
                .Select(lora => new AdapterRecipe(lora.Path, lora.Scale))],
            Tokens = [.. (parsed.GetValue(Token) ?? []).Select(TokenOf)],
        };
    }

    /// <summary>A path with a number behind a colon, which is 1 when left out.</summary>
    /// <param name="option">Named in the error.</param>
    /// <param name="text">What was given.</param>
    /// <exception cref="FileNotFoundException">The path is not there.</exception>
    public static (string Path, double Scale) Scaled(string option, string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon > 0 && !Path.Exists(text))
        {
            return double.TryParse(text[(colon + 1)..], CultureInfo.InvariantCulture, out var scale)
                && double.IsFinite(scale)
                ? (Names.ExistingPath(text[..colon]), scale)
                : throw new ArgumentException(
                    $"{option}: found '{text}', expected a path, or a path, ':' and a number.");
        }
        return (Names.ExistingPath(text), 1);
    }

    private static TokenRecipe TokenOf(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && !Path.Exists(text) ? new(Names.ExistingPath(text[..colon]), text[(colon + 1)..])
            : new(Names.ExistingPath(text));
    }

    /// <summary>The scheduler asked for: a name or a file; null for the model's own.</summary>
    /// <exception cref="ArgumentException">Neither is known.</exception>
    public static string? SchedulerOf(ParseResult parsed) => parsed.GetValue(Scheduler) switch
    {
        null => null,
        var name when SamplerConfig.KindOf(name) is not null || Path.Exists(name) => name,
        var name => throw new ArgumentException($"--scheduler: found '{name}', expected one of "
            + $"{string.Join(", ", SchedulerNames)}, or a scheduler_config.json{Nearest.Hint(name, SchedulerNames)}"),
    };
}
