// What a recipe puts on a loaded pipeline: LoRAs, learned tokens, further ControlNets.
// Read once, taken off when no longer asked for.
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>The additions that are on a pipeline now.</summary>
internal sealed class Adaptation(LatentDiffusion pipeline) : IDisposable
{
    private readonly List<Lora> loras = [];
    private readonly List<LearnedToken> first = [], second = [];
    private readonly Dictionary<(string Path, string? Variant), (ControlNetModel Net, string State)> nets = [];
    // With the state of each file: one that was written anew is read anew.
    private IReadOnlyList<(AdapterRecipe, string)> adapters = [];
    private IReadOnlyList<(TokenRecipe, string)> tokens = [];

    /// <summary>
    /// Puts on what a recipe asks for, and takes off what it does not; where a file
    /// cannot be put on, none of its kind is.
    /// </summary>
    public void Apply(TranslateRecipe recipe)
    {
        var askedTokens = recipe.Tokens.Select(token => (token, StateOf(token.File))).ToList();
        if (!tokens.SequenceEqual(askedTokens))
        {
            TakeOffTokens();
            PutOn(recipe.Tokens, Add, TakeOffTokens);
            tokens = askedTokens;
        }
        var askedAdapters = recipe.Adapters.Select(adapter => (adapter, StateOf(adapter.File))).ToList();
        if (!adapters.SequenceEqual(askedAdapters))
        {
            TakeOffAdapters();
            PutOn(recipe.Adapters, adapter => loras.Add(Lora.Load(adapter.File, Components(), adapter.Scale)),
                TakeOffAdapters);
            adapters = askedAdapters;
        }
        var askedNets = recipe.Controls.DistinctBy(c => KeyOf(c, recipe.Variant))
            .ToDictionary(c => KeyOf(c, recipe.Variant), c => StateOf(c.Net));
        foreach (var (key, (net, state)) in nets.ToList())
        {
            if (askedNets.TryGetValue(key, out var now) && now == state)
                continue;
            net.Dispose();
            nets.Remove(key);
        }
        foreach (var control in recipe.Controls)
            Net(control, recipe);
    }

    /// <summary>A further ControlNet.</summary>
    public ControlNetModel Net(ControlRecipe control, TranslateRecipe recipe)
    {
        var key = KeyOf(control, recipe.Variant);
        if (nets.TryGetValue(key, out var known))
            return known.Net;
        var options = new WeightOptions(Device: pipeline.Device, Type: Translator.TypeOf(recipe));
        var state = StateOf(control.Net);
        var net = ModelFolder.Load<ControlNetModel>(control.Net, options, recipe.Variant);
        nets[key] = (net, state);
        return net;
    }

    /// <summary>A prompt for the first text encoder, learned words as all of their tokens.</summary>
    public string First(string prompt) => first.Aggregate(prompt, (text, token) => token.Expand(text));

    /// <summary>A prompt for the second text encoder.</summary>
    public string Second(string prompt) => second.Aggregate(prompt, (text, token) => token.Expand(text));

    /// <inheritdoc/>
    public void Dispose()
    {
        TakeOffTokens();
        TakeOffAdapters();
        foreach (var (net, _) in nets.Values)
            net.Dispose();
        nets.Clear();
    }

    private static void PutOn<T>(IReadOnlyList<T> asked, Action<T> add, Action takeOff)
    {
        try
        {
            foreach (var one in asked)
                add(one);
        }
        catch
        {
            takeOff();
            throw;
        }
    }

    private static (string Path, string? Variant) KeyOf(ControlRecipe control, string? variant) =>
        (Path.GetFullPath(control.Net), variant);

    // Time and length of a file, or of all files in a folder; empty where there is nothing, which reading tells.
    private static string StateOf(string path)
    {
        if (Directory.Exists(path))
            return string.Join(' ', Directory.GetFiles(path).Order(StringComparer.Ordinal).Select(StateOf));
        if (!File.Exists(path))
            return "";
        // Of the file that a link leads to.
        using var file = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
        return FormattableString.Invariant(
            $"{path} {File.GetLastWriteTimeUtc(file).Ticks} {RandomAccess.GetLength(file)}");
    }

    private void Add(TokenRecipe token)
    {
        var prompts = pipeline.Prompts;
        if (prompts is { Encoder: { } encoder, Tokenizer: { } tokenizer })
            first.Add(LearnedToken.Load(token.File, tokenizer, encoder.TokenEmbedding, token.Word));
        if (prompts is { Encoder2: { } encoder2, Tokenizer2: { } tokenizer2 })
            second.Add(LearnedToken.Load(token.File, tokenizer2, encoder2.TokenEmbedding, token.Word));
    }

    private Dictionary<string, nn.Module> Components()
    {
        var components = new Dictionary<string, nn.Module> { ["unet"] = pipeline.Unet };
        if (pipeline.Prompts.Encoder is { } encoder)
            components["text_encoder"] = encoder;
        if (pipeline.Prompts.Encoder2 is { } encoder2)
            components["text_encoder_2"] = encoder2;
        return components;
    }

    private void TakeOffTokens()
    {
        foreach (var token in first.Concat(second))
            token.Dispose();
        first.Clear();
        second.Clear();
        tokens = [];
    }

    private void TakeOffAdapters()
    {
        foreach (var lora in loras)
            lora.Dispose();
        loras.Clear();
        adapters = [];
    }
}
