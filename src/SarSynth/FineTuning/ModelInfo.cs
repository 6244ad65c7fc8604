// What a model's file or folder is, from headers and configurations alone: no weight is read.
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Translation;
using Adapter = SarSynth.Diffusion.Adapters.Lora;

namespace SarSynth.FineTuning;

/// <summary>A part of a model.</summary>
/// <param name="Name">"unet", "text_encoder", "vae", or a word.</param>
/// <param name="What">Its class, or what it is.</param>
/// <param name="Parameters">Numbers in it.</param>
/// <param name="Types">Numbers by type, as the file names them ("F16").</param>
public sealed record ModelPart(string Name, string What, long Parameters, IReadOnlyDictionary<string, long> Types)
{
    /// <summary>Of a LoRA: layers that it updates.</summary>
    public int? Layers { get; init; }

    /// <summary>Of a LoRA: layers by rank.</summary>
    public IReadOnlyDictionary<long, int>? Ranks { get; init; }

    /// <summary>Of a LoRA: layers by the end of their names.</summary>
    public IReadOnlyDictionary<string, int>? Targets { get; init; }
}

/// <summary>What a file or folder is.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Kind">What it is, in words.</param>
/// <param name="Base">The family that it is, or that it goes on; null where its tensors do not tell.</param>
/// <param name="Parts">What is in it.</param>
public sealed record ModelInfo(string Path, string Kind, string? Base, IReadOnlyList<ModelPart> Parts)
{
    /// <summary>Numbers in all parts.</summary>
    public long Parameters => Parts.Sum(p => p.Parameters);

    /// <summary>Words that were added to the vocabulary, or that the file holds.</summary>
    public IReadOnlyList<string> Tokens { get; init; } = [];

    /// <summary>Further facts, in their order.</summary>
    public IReadOnlyDictionary<string, string> Facts { get; init; } = new Dictionary<string, string>();

    /// <summary>Looks at a file or folder.</summary>
    /// <param name="path">
    /// A safetensors file; a pipeline's, a network's or an adapter's folder; what a fine-tuning left.
    /// </param>
    /// <exception cref="FileNotFoundException">There is nothing of that name.</exception>
    /// <exception cref="CheckpointException">It is none of these, or broken.</exception>
    public static ModelInfo Of(string path)
    {
        if (File.Exists(path))
            return OfFile(path);
        if (!Directory.Exists(path))
            throw new FileNotFoundException($"{path}: no such file or folder, expected a model.", path);
        if (Has("model_index.json"))
            return OfPipeline(path);
        if (Has("adapter_config.json") || (!Has("config.json") && Has(Adapter.FileName)
            && !Has(FineTune.ProvenanceFile)))
            return OfFile(LoraFile.Find(path)) with { Path = path };
        if (Has("config.json"))
        {
            var part = Network(path, System.IO.Path.GetFileName(System.IO.Path.GetFullPath(path)));
            return new(path, $"a network, {part.What}", FamilyOfNetwork(path, part.What), [part]);
        }
        if (Has(FineTune.ProvenanceFile))
            return OfTuning(path);
        throw new CheckpointException(path, "found neither model_index.json, config.json, adapter_config.json nor "
            + $"{FineTune.ProvenanceFile}, expected a model's folder");

        bool Has(string name) => File.Exists(System.IO.Path.Combine(path, name));
    }

    private static ModelInfo OfFile(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        var entries = file.Header.Entries;
        if (entries.Count == 0)
            throw new CheckpointException(path, "holds no tensor");
        var keys = entries.Select(e => LoraNames.Split(e.Name)).ToList();
        if (keys.All(k => k is not null))
            return OfLora(path, file, [.. entries.Zip(keys, (e, k) => (e, k!))]);
        if (entries.Select(e => LoraNames.Unsupported(e.Name)).FirstOrDefault(k => k is not null) is { } adapter)
            return new(path, $"{adapter}, which the kit cannot use (LoRA and DoRA it can)", null,
                [Part("adapter", adapter, entries)]);
        if (entries.Any(e => e.Name.StartsWith("model.diffusion_model.", StringComparison.Ordinal)))
            return OfOriginal(path, entries);
        if (entries.All(e => e.Shape.Count is 1 or 2 && !e.Name.EndsWith(".weight", StringComparison.Ordinal)
            && !e.Name.EndsWith(".bias", StringComparison.Ordinal)))
            return OfWord(path, file);
        return new(path, "weights of a network (its config.json says which)", null,
            [Part("weights", "tensors", entries)]);
    }

    private static ModelInfo OfLora(string path, SafeTensorsFile file,
        IReadOnlyList<(TensorEntry Entry, LoraKey Key)> all)
    {
        var decomposed = all.Any(a => a.Key.Role is LoraRole.Magnitude or LoraRole.DoraScale);
        var parts = all.GroupBy(a => a.Key.Component ?? "one network").OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(component =>
        {
            var downs = component.Where(a => a.Key.Role == LoraRole.Down).ToList();
            return Part(component.Key, decomposed ? "DoRA" : "LoRA", [.. component.Select(a => a.Entry)]) with
            {
                Layers = component.Select(a => a.Key.Name).Distinct().Count(),
                Ranks = Counted(downs.Select(d => d.Entry.Shape[0])),
                Targets = Counted(downs.Select(d => Ending(d.Key.Layer))),
            };
        }).ToList();
        var kohya = all.Any(a => a.Entry.Name.StartsWith("lora_", StringComparison.Ordinal));
        var facts = new Dictionary<string, string>();
        var alphas = all.Where(a => a.Key.Role == LoraRole.Alpha).ToList();
        if (alphas.Count > 0)
        {
            facts["alpha"] = string.Join(", ", alphas.Select(a =>
            {
                using var value = file.Read(a.Entry.Name, TorchSharp.torch.ScalarType.Float64);
                return value.reshape(1).ToDouble();
            }).Distinct().Order().Take(8).Select(a => FormattableString.Invariant($"{a:G6}")));
        }
        foreach (var (name, value) in file.Header.Metadata.Where(m => m.Key is "ss_base_model_version"
            or "ss_network_dim" or "ss_network_alpha" or "modelspec.architecture" or "modelspec.title"))
            facts[name] = value;
        return new(path, $"{(decomposed ? "DoRA" : "LoRA")}, key names of {(kohya ? "kohya" : "diffusers and PEFT")}",
            FamilyOfLora(all), parts) { Facts = facts };
    }

    private static ModelInfo OfWord(string path, SafeTensorsFile file)
    {
        var entries = file.Header.Entries;
        var word = file.Header.Metadata.GetValueOrDefault("word")
            ?? (entries.Count == 1 && entries[0].Name != "emb_params" ? entries[0].Name : null);
        var widths = entries.Select(e => e.Shape[^1]).Order().ToArray();
        return new(path, "a learned word (textual inversion)", widths switch
        {
            [768] => "Stable Diffusion 1", [1024] => "Stable Diffusion 2", [768, 1280] => "SDXL", _ => null,
        }, [.. entries.Select(e => Part(e.Name, $"{(e.Shape.Count == 1 ? 1 : e.Shape[0])} vectors of {e.Shape[^1]}",
            [e]))])
        {
            Tokens = word is null ? [] : [word],
        };
    }

    private static ModelInfo OfOriginal(string path, IReadOnlyList<TensorEntry> entries)
    {
        var width = entries.FirstOrDefault(e => e.Name.EndsWith(
            "output_blocks.5.1.transformer_blocks.0.attn2.to_k.weight", StringComparison.Ordinal))?.Shape[1];
        var parts = entries.GroupBy(e => e.Name.StartsWith("model.diffusion_model.", StringComparison.Ordinal) ? "unet"
            : e.Name.StartsWith("first_stage_model.", StringComparison.Ordinal) ? "vae"
            : e.Name.StartsWith("cond", StringComparison.Ordinal) ? "text encoders" : "others");
        return new(path, "a single-file checkpoint with the original code's names", FamilyOfWidth(width),
            [.. parts.Select(p => Part(p.Key, "tensors", [.. p]))]);
    }

    private static ModelInfo OfPipeline(string path)
    {
        var index = PipelineFolder.Open(path);
        var parts = index.Components.Keys.Where(name => File.Exists(System.IO.Path.Combine(path, name, "config.json")))
            .Order(StringComparer.Ordinal).Select(name => Network(System.IO.Path.Combine(path, name), name)).ToList();
        foreach (var further in Translator.ControlFolders(path).Skip(1))
            parts.Add(Network(further, System.IO.Path.GetFileName(further)));
        var facts = new Dictionary<string, string> { ["pipeline"] = index.ClassName };
        if (index.Components.TryGetValue("scheduler", out var scheduler))
        {
            var config = Json(System.IO.Path.Combine(path, "scheduler", "scheduler_config.json"));
            facts["scheduler"] = $"{scheduler.ClassName}, predicts {(string?)config?["prediction_type"] ?? "epsilon"}";
        }
        var card = System.IO.Path.Combine(path, ModelCard.FileName);
        if (File.Exists(card) && KitJson.Read<ModelCard>(card) is { } told)
        {
            facts["about"] = told.Description;
            if (told.Airborne is { } normalisation)
                facts["normalisation"] = normalisation.ToString();
        }
        var unet = System.IO.Path.Combine(path, "unet");
        return new(path, "a pipeline (diffusers folder)",
            Directory.Exists(unet) ? FamilyOfNetwork(unet, "UNet2DConditionModel") : null, parts)
        {
            Tokens = Added(System.IO.Path.Combine(path, "tokenizer")), Facts = facts,
        };
    }

    private static ModelInfo OfTuning(string path)
    {
        var told = Json(System.IO.Path.Combine(path, FineTune.ProvenanceFile));
        var made = Directory.GetFiles(path, "*.safetensors").Order(StringComparer.Ordinal)
            .Concat(Directory.GetDirectories(path).Where(f => System.IO.Path.GetFileName(f) != "training")
                .Order(StringComparer.Ordinal)).Select(Of).ToList();
        var recipe = told?["recipe"];
        return new(path, "what a fine-tuning left", made.Select(m => m.Base).FirstOrDefault(b => b is not null),
            [.. made.SelectMany(m => m.Parts.Select(p =>
                p with { Name = $"{System.IO.Path.GetFileName(m.Path)}: {p.Name}" }))])
        {
            Tokens = [.. made.SelectMany(m => m.Tokens).Distinct()],
            Facts = new Dictionary<string, string>
            {
                ["tuned from"] = (string?)recipe?["base"] ?? "", ["data"] = (string?)recipe?["data"] ?? "",
                ["steps"] = recipe?["steps"]?.ToJsonString() ?? "",
                ["strategy"] = string.Join(", ", recipe?["strategy"]?.AsArray().Select(s => (string?)s?["kind"]) ?? []),
            },
        };
    }

    private static ModelPart Network(string folder, string name)
    {
        var config = Json(System.IO.Path.Combine(folder, "config.json"));
        var type = (string?)config?["_class_name"] ?? (string?)config?["architectures"]?[0] ?? "of no told class";
        using var weights = WeightFiles.Open(folder);
        return Part(name, type, [.. weights.Names.Select(n => weights[n])]);
    }

    private static ModelPart Part(string name, string what, IReadOnlyList<TensorEntry> entries) => new(name, what,
        entries.Sum(Numbers), new SortedDictionary<string, long>(entries.GroupBy(e => e.Type.ToString())
            .ToDictionary(g => g.Key, g => g.Sum(Numbers)), StringComparer.Ordinal));

    private static long Numbers(TensorEntry entry) => entry.Shape.Aggregate(1L, (a, b) => a * b);

    // The layer's own name; kohya's names have underscores for dots, so that only known ends can be told.
    private static readonly (string End, string Name)[] ends =
    [
        .. new[] { "to_q", "to_k", "to_v", "q_proj", "k_proj", "v_proj", "out_proj", "proj_in", "proj_out", "fc1",
            "fc2", "conv1", "conv2", "conv_shortcut", "time_emb_proj" }.Select(name => (name, name)),
        ("to_out_0", "to_out.0"), ("to_out", "to_out.0"), ("ff_net_0_proj", "ff.net.0.proj"), ("ff_net_2", "ff.net.2"),
    ];

    private static string Ending(string layer)
    {
        var plain = layer.Replace('.', '_');
        return ends.FirstOrDefault(e => plain.EndsWith(e.End, StringComparison.Ordinal)).Name
            ?? layer[(layer.LastIndexOf('.') + 1)..];
    }

    private static SortedDictionary<T, int> Counted<T>(IEnumerable<T> values) where T : notnull =>
        new(values.GroupBy(v => v).ToDictionary(g => g.Key, g => g.Count()));

    // Keys of cross-attention come from the text; where a LoRA leaves them, a text encoder's width tells.
    private static string? FamilyOfLora(IReadOnlyList<(TensorEntry Entry, LoraKey Key)> all)
    {
        var down = all.Where(a => a.Key.Role == LoraRole.Down).ToList();
        long? Width(Func<LoraKey, bool> which) => down.Where(d => which(d.Key)).Select(d => (long?)d.Entry.Shape[1])
            .FirstOrDefault();
        if (Width(k => k.Component is "unet" or null && k.Layer.Contains("attn2", StringComparison.Ordinal)
            && Ending(k.Layer) == "to_k") is { } text)
            return FamilyOfWidth(text);
        return down.Any(d => d.Key.Component == "text_encoder_2") ? "of SDXL's form"
            : Width(k => k.Component == "text_encoder" && k.Layer.EndsWith("q_proj", StringComparison.Ordinal)) switch
        {
            768 => "Stable Diffusion 1 or SDXL", 1024 => "Stable Diffusion 2", _ => null,
        };
    }

    private static string? FamilyOfNetwork(string folder, string type)
    {
        if (type is not ("UNet2DConditionModel" or "ControlNetModel"))
            return null;
        var config = Json(System.IO.Path.Combine(folder, "config.json"));
        var width = config?["cross_attention_dim"];
        return FamilyOfWidth(width is JsonValue ? (long)width : null);
    }

    private static string? FamilyOfWidth(long? width) => width switch
    {
        768 => "Stable Diffusion 1", 1024 => "Stable Diffusion 2", 2048 => "SDXL", 1280 => "SDXL's refiner",
        null => null, _ => $"a family with text of width {width}",
    };

    private static IReadOnlyList<string> Added(string tokenizer)
    {
        var path = System.IO.Path.Combine(tokenizer, "tokenizer_config.json");
        if (!File.Exists(path) || Json(path)?["added_tokens_decoder"] is not JsonObject added)
            return [];
        return [.. added.Select(a => (string?)a.Value?["content"] ?? "").Where(t => t.Length > 0
            && t is not ("<|startoftext|>" or "<|endoftext|>" or "!"))];
    }

    private static JsonNode? Json(string path)
    {
        try
        {
            return JsonNode.Parse(ModelFolder.ReadText(path));
        }
        catch (JsonException error)
        {
            throw new CheckpointException(path, $"not JSON: {error.Message}", error);
        }
    }
}
