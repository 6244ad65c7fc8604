// The trainable parts that strategies make of a pipeline: parameters by name,
// groups with their rates, and what is saved.
using SarSynth.Data;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Diffusion.Training;
using SarSynth.Translation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Adapter = SarSynth.Diffusion.Adapters.Lora;

namespace SarSynth.FineTuning;

/// <summary>A ControlNet that is trained, with its strategy.</summary>
internal sealed record TunedControl(ControlStrategy Strategy, ControlNetModel Net);

/// <summary>What of a pipeline is trained; the rest is frozen.</summary>
internal sealed class TunedParts : IDisposable
{
    private readonly LatentDiffusion model;
    private readonly Dictionary<string, Parameter> parameters = new(StringComparer.Ordinal);
    private readonly List<ParameterGroup> groups = [];
    private readonly List<(string Prefix, nn.Module Network)> networks = [];
    private readonly List<Adapter> loras = [];
    private readonly List<(TokenStrategy Strategy, string Encoder, LearnedToken Token)> tokens = [];
    private readonly List<TunedControl> controls = [];
    private readonly List<string> whole = [];

    /// <param name="model">The base; its parameters are frozen but for those that a strategy trains.</param>
    /// <param name="recipe">Strategies, seed, types.</param>
    /// <exception cref="ArgumentException">
    /// A strategy that names a part or layer that the base does not have; LoRAs that do not go into one file.
    /// </exception>
    public TunedParts(LatentDiffusion model, FineTuneRecipe recipe)
    {
        this.model = model;
        foreach (var module in Networks(model).Values.Append(model.Vae))
            Freeze(module);
        try
        {
            // ControlNets are copies of the UNet in float32; a learned word replaces its encoder's table, so that it
            // comes before whatever trains that encoder. The autoencoder is a stage of its own (VaeTuning).
            AddAll<ControlStrategy>(recipe);
            if (recipe.Precision == Precision.Bfloat16)
            {
                // The 16-bit copies want gradients where their masters are trained.
                var trained = recipe.Strategy.OfType<FullStrategy>().Any(f => f.Part == "unet");
                foreach (var parameter in model.Unet.parameters())
                    parameter.requires_grad = trained;
                // Only where a whole network is trained a pipeline is written, and the float32 weights with it.
                Autocast = new Autocast(model.Unet, keepMasters: recipe.Strategy.Any(s => s is FullStrategy));
            }
            AddAll<TokenStrategy>(recipe);
            AddAll<FullStrategy>(recipe);
            AddAll<LoraStrategy>(recipe);
            Adapter.RequireOneFile(loras);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>All that is trained, by the name that checkpoints know it by.</summary>
    public IReadOnlyDictionary<string, Parameter> Parameters => parameters;

    /// <summary>Their rates.</summary>
    public IReadOnlyList<ParameterGroup> Groups => groups;

    /// <summary>What is trained of which network: beginnings of names.</summary>
    public IReadOnlyList<(string Prefix, nn.Module Network)> TrainedNetworks => networks;

    /// <summary>The ControlNets.</summary>
    public IReadOnlyList<TunedControl> Controls => controls;

    /// <summary>Mixed precision of the UNet; null in float32.</summary>
    public Autocast? Autocast { get; }

    /// <summary>Whether captions have to be encoded anew in each step.</summary>
    public bool TrainsText =>
        tokens.Count > 0 || groups.Any(g => g.Prefix.StartsWith("text_encoder", StringComparison.Ordinal))
        || loras.Any(l => l.Parameters.Keys.Any(k => k.StartsWith("text_encoder", StringComparison.Ordinal)));

    /// <summary>Whether LoRA's drop-out is on: in steps, not in validations.</summary>
    public bool DropsOut
    {
        set => loras.ForEach(l => l.Training = value);
    }

    /// <summary>
    /// A caption with the learned words in front of it, unless they stand in it, each as all of its tokens.
    /// </summary>
    public string Caption(string caption)
    {
        foreach (var token in tokens.Select(t => t.Token).DistinctBy(t => t.Word))
        {
            if (!caption.Contains(token.Word, StringComparison.Ordinal))
                caption = caption.Length == 0 ? token.Word : $"{token.Word} {caption}";
            caption = token.Expand(caption);
        }
        return caption;
    }

    /// <summary>
    /// Writes what was trained: adapters and words in the form that diffusers reads, whole networks as a pipeline.
    /// </summary>
    /// <param name="folder">Made where it is missing.</param>
    /// <param name="from">
    /// The base's folder or file: its card and its own ControlNets stay with a whole pipeline.
    /// </param>
    /// <returns>The files and folders, by what they are.</returns>
    public IReadOnlyDictionary<string, string> Save(string folder, string from)
    {
        var made = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (loras.Count > 0)
        {
            Adapter.Save(Path.Combine(folder, Adapter.FileName), loras);
            made["lora"] = Adapter.FileName;
        }
        foreach (var word in tokens.GroupBy(t => t.Strategy.Word))
        {
            // SDXL's form names the encoders; with one encoder the word itself is the name.
            var several = tokens.DistinctBy(t => t.Strategy.Word).Count() > 1;
            var name = $"learned_embeds{(several ? "_" + FileName(word.Key) : "")}.safetensors";
            var file = Path.Combine(folder, name);
            SafeTensors.Save(file, word.Count() == 1
                ? new Dictionary<string, Tensor> { [word.Key] = word.Single().Token.Vectors }
                : word.ToDictionary(t => t.Encoder == "text_encoder" ? "clip_l" : "clip_g",
                    t => (Tensor)t.Token.Vectors),
                new Dictionary<string, string> { ["word"] = word.Key });
            made[$"token {word.Key}"] = name;
        }
        foreach (var control in controls)
        {
            var name = controls.Count == 1 ? "controlnet" : "controlnet_" + FileName(control.Strategy.Condition);
            ModelFolder.Save(control.Net, Path.Combine(folder, name));
            made[$"controlnet {control.Strategy.Condition}"] = name;
        }
        if (whole.Count > 0)
        {
            // The pipeline's own tokenizer knows the learned words, so its encoders have to.
            tokens.ForEach(t => t.Token.Bake());
            Autocast?.Dispose();  // The layers get their float32 weights back.
            var own = Translator.ControlFolders(from).Select(f => ModelFolder.Load<ControlNetModel>(f)).ToList();
            model.Save(Path.Combine(folder, "pipeline"), controls: own);
            own.ForEach(net => net.Dispose());
            var card = Path.Combine(from, ModelCard.FileName);
            if (File.Exists(card))
                KitJson.Write(Path.Combine(folder, "pipeline", ModelCard.FileName), KitJson.Read<ModelCard>(card));
            made[$"pipeline ({string.Join(", ", whole)})"] = "pipeline";
        }
        return made;
    }

    public void Dispose()
    {
        loras.ForEach(l => l.Dispose());
        tokens.ForEach(t => t.Token.Dispose());
        controls.ForEach(c => c.Net.Dispose());
        Autocast?.Dispose();
    }

    private static string FileName(string word) => string.Concat(word.Where(char.IsLetterOrDigit));

    private static Dictionary<string, nn.Module> Networks(LatentDiffusion model) =>
        new Dictionary<string, nn.Module?>
        {
            ["unet"] = model.Unet, ["text_encoder"] = model.Prompts.Encoder,
                ["text_encoder_2"] = model.Prompts.Encoder2,
        }.Where(n => n.Value is not null).ToDictionary(n => n.Key, n => n.Value!);

    private static void Freeze(nn.Module module)
    {
        foreach (var parameter in module.parameters())
            parameter.requires_grad = false;
    }

    private void AddAll<T>(FineTuneRecipe recipe) where T : Strategy
    {
        foreach (var (i, strategy) in recipe.Strategy.Index())
        {
            if (strategy is T)
                Add(strategy, i, recipe);
        }
    }

    private void Add(Strategy strategy, int number, FineTuneRecipe recipe)
    {
        switch (strategy)
        {
            case FullStrategy full:
                var network = Network(full.Part);
                whole.Add(full.Part);
                networks.Add((full.Part, network));
                Train(full.Part, full.Part == "unet" && Autocast is not null ? Autocast.Masters
                    : network.named_parameters().ToDictionary(p => p.name, p => p.parameter), full.LearningRate);
                break;
            case LoraStrategy lora:
                AddLora(lora, number, recipe);
                break;
            case TokenStrategy token:
                AddToken(token);
                break;
            case ControlStrategy control:
                AddControl(control, recipe);
                break;
            default:
                throw new ArgumentException(
                    $"recipe field 'strategy': found {strategy.GetType().Name}, which nothing trains.");
        }
    }

    private void AddLora(LoraStrategy lora, int number, FineTuneRecipe recipe)
    {
        var parts = lora.Parts.SelectMany(p =>
            p == "text_encoders" ? Networks(model)
                .Keys.Where(n => n.StartsWith("text_", StringComparison.Ordinal)) : [p])
            .ToDictionary(p => p, Network);
        if (parts.Count == 0)
            throw new ArgumentException("recipe field 'strategy.parts': found text_encoders, but the base has none.");
        var adapter = Adapter.Create(parts, lora.Targets ?? LoraStrategy.Attention, lora.Rank, lora.Alpha ?? lora.Rank,
            recipe.Seed + (ulong)number, lora.Dora, lora.Dropout, lora.RankStabilized);
        loras.Add(adapter);
        networks.AddRange(parts.Select(p => ($"lora_{number}.{p.Key}", p.Value)));
        Train($"lora_{number}", adapter.Parameters, lora.LearningRate);
    }

    private void AddToken(TokenStrategy token)
    {
        void For(string encoder, ClipTokenizer? tokenizer, Embedding? table)
        {
            if (table is null)
                return;
            var words = tokenizer ?? throw new ArgumentException(
                $"strategy token: the base has no tokenizer for {encoder}; open it with its vocabulary.");
            var learned = LearnedToken.Create(token.Word, words, table, token.Like, token.Vectors);
            tokens.Add((token, encoder, learned));
            Train($"token.{encoder}.{FileName(token.Word)}", new Dictionary<string,
                Parameter> { ["vectors"] = learned.Vectors }, token.LearningRate);
        }
        For("text_encoder", model.Prompts.Tokenizer, model.Prompts.Encoder?.TokenEmbedding);
        For("text_encoder_2", model.Prompts.Tokenizer2, model.Prompts.Encoder2?.TokenEmbedding);
        if (tokens.Count == 0)
            throw new ArgumentException("strategy token: the base has no text encoder that could learn a word.");
    }

    private void AddControl(ControlStrategy control, FineTuneRecipe recipe)
    {
        manual_seed(unchecked((long)recipe.Seed));  // Its way in from the condition starts at random.
        var net = ControlNetModel.FromUNet(model.Unet, control.Classes?.Count ?? 1, Channels(model.Vae.Config.Factor));
        controls.Add(new(control, net));
        var prefix = $"controlnet_{FileName(control.Condition)}";
        networks.Add((prefix, net));
        Train(prefix, net.named_parameters()
            .ToDictionary(p => p.name, p => p.parameter), control.LearningRate);
    }

    // The condition comes at the image's own size and is halved until it has the latents' grid, as diffusers' are.
    private static int[] Channels(int factor)
    {
        int[] known = [16, 32, 96, 256];
        var halvings = (int)Math.Round(Math.Log2(factor));
        return halvings < known.Length ? [.. known.Take(halvings), 256] : throw new ArgumentException(
            $"an autoencoder of factor {factor}: expected 1 to {1 << (known.Length - 1)}.");
    }

    private nn.Module Network(string part) => Networks(model).TryGetValue(part, out var network) ? network
        : throw new ArgumentException($"recipe field 'strategy.part': found '{part}', expected one that the base has: "
            + string.Join(", ", Networks(model).Keys) + ".");

    private void Train(string prefix, IReadOnlyDictionary<string, Parameter> trained, double rate)
    {
        groups.Add(new ParameterGroup(prefix, rate));
        foreach (var (name, parameter) in trained)
        {
            parameter.requires_grad = true;
            parameters.Add($"{prefix}.{name}", parameter);
        }
    }
}
