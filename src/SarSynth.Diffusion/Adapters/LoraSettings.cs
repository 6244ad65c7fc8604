// What a LoRA file says outside of its tensors: PEFT's LoraConfig in the file's metadata or beside it.
// The scale is alpha / r, with rank stabilisation alpha / sqrt(r) (Kalajdzievski 2023).
using System.Text.Json;
using System.Text.RegularExpressions;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Diffusion.Adapters;

/// <summary>The configurations that go with one LoRA file.</summary>
internal sealed class LoraSettings
{
    /// <summary>The field of a file's metadata that holds PEFT's configurations, as diffusers writes it.</summary>
    public const string MetadataKey = "lora_adapter_metadata";

    private const string ConfigName = "adapter_config.json";

    // Initialisations that change the weights under the adapter as well: it means nothing on the original ones.
    private static readonly string[] ChangingBase = ["pissa", "olora", "corda", "loftq"];

    private readonly string file;
    private readonly List<Config> configs = [];

    private LoraSettings(string file) => this.file = file;

    /// <summary>The class of the model that the adapter was made on, where a configuration names it.</summary>
    public string? BaseModelClass => configs.Select(c => c.BaseModelClass).FirstOrDefault(name => name is not null);

    /// <summary>Reads what goes with a file.</summary>
    /// <param name="file">The safetensors file.</param>
    /// <param name="metadata">Its own metadata.</param>
    /// <param name="components">Names of the models it is for: prefixes of the metadata's fields.</param>
    /// <exception cref="CheckpointException">
    /// Not JSON, a field of another kind, or an adapter that is no LoRA.
    /// </exception>
    public static LoraSettings Of(string file, IReadOnlyDictionary<string, string> metadata,
        IEnumerable<string> components)
    {
        var settings = new LoraSettings(file);
        if (metadata.TryGetValue(MetadataKey, out var text))
        {
            var source = $"{file}, {MetadataKey}";
            using var json = Parse(text, source);
            foreach (var component in components.Prepend(""))
                settings.Add(json.RootElement, component, source);
        }
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var beside = Path.Combine(folder, ConfigName);
        // Of a folder with several files only PEFT's own is meant.
        if (File.Exists(beside) && (Path.GetFileName(file).StartsWith("adapter_model.", StringComparison.Ordinal)
            || Directory.EnumerateFiles(folder, "*.safetensors").Count() == 1))
        {
            using var json = Parse(ModelFolder.ReadText(beside), beside);
            settings.Add(json.RootElement, "", beside);
        }
        return settings;
    }

    /// <summary>
    /// The scale of one layer: what the configurations and the layer's own alpha say, 1 where none does.
    /// </summary>
    /// <param name="component">The layer's model.</param>
    /// <param name="layer">Its path in the model.</param>
    /// <param name="rank">Rank of its matrices.</param>
    /// <param name="alpha">Its alpha tensor, or null.</param>
    /// <param name="decomposed">Whether it has a magnitude (DoRA).</param>
    /// <exception cref="CheckpointException">Two sources differ, or a rank is not that of the matrices.</exception>
    public double ScaleOf(string component, string layer, long rank, double? alpha, bool decomposed)
    {
        var said = new List<(double Scale, string Source)>();
        if (alpha is { } own)
            said.Add((own / rank, "its alpha tensor"));
        var name = $"{component}.{layer}";
        foreach (var config in configs.Where(c => c.Component == component || c.Component.Length == 0))
        {
            // Fields of the component come before those of all.
            if (config.Component.Length == 0 && configs.Any(c => c.Source == config.Source && c.Component == component))
                continue;
            long expected = Matching(config.RankPattern, layer) is { } special ? (long)special : config.Rank ?? rank;
            if (expected != rank)
                throw new CheckpointException(file, $"{name} has rank {rank}; {config.Source} says {expected}");
            if (config.Decomposed && !decomposed)
                throw new CheckpointException(file, $"{name} has no magnitude vector; {config.Source} says use_dora");
            double numerator = Matching(config.AlphaPattern, layer) ?? config.Alpha;
            said.Add((numerator / (config.Stabilised ? Math.Sqrt(rank) : rank), config.Source));
        }
        if (said.Count == 0)
            return 1;
        foreach (var (scale, source) in said)
            if (!double.IsFinite(scale))
                throw new CheckpointException(file, $"{name}: the scale by {source} is {scale}");
            else if (Math.Abs(scale - said[0].Scale) > 1e-6 * Math.Abs(said[0].Scale))
                throw new CheckpointException(file, $"{name}: the scale is {said[0].Scale:g6} by {said[0].Source}"
                    + $" and {scale:g6} by {source}");
        return said[0].Scale;
    }

    // A pattern is a regular expression for the end of a layer's path, as in PEFT; the first that matches counts.
    private double? Matching(IReadOnlyList<(Regex Pattern, double Value)> patterns, string layer)
    {
        foreach (var (pattern, value) in patterns)
            if (pattern.IsMatch(layer))
                return value;
        return null;
    }

    private void Add(JsonElement root, string component, string source)
    {
        var prefix = component.Length == 0 ? "" : component + ".";
        var fields = root.EnumerateObject()
            .Where(p => component.Length == 0 ? !p.Name.Contains('.')
                : p.Name.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(p => p.Name[prefix.Length..], p => p.Value, StringComparer.Ordinal);
        if (fields.Count > 0)
            configs.Add(new Reader(fields, source, prefix).Read(component));
    }

    private static JsonDocument Parse(string text, string source)
    {
        try
        {
            var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind == JsonValueKind.Object)
                return json;
            json.Dispose();
            throw new CheckpointException(source, "expected a JSON object");
        }
        catch (JsonException error)
        {
            throw new CheckpointException(source, $"not JSON: {error.Message}", error);
        }
    }

    private sealed record Config(string Component, string Source, long? Rank, double Alpha, bool Stabilised,
        bool Decomposed,
        IReadOnlyList<(Regex, double)> RankPattern, IReadOnlyList<(Regex, double)> AlphaPattern,
            string? BaseModelClass);

    private sealed class Reader(IReadOnlyDictionary<string, JsonElement> fields, string source, string prefix)
    {
        public Config Read(string component)
        {
            if (Text("peft_type") is { } type && !type.Equals("LORA", StringComparison.OrdinalIgnoreCase))
                throw new CheckpointException(source, $"{prefix}peft_type is '{type}'; only LORA is supported");
            if (Text("init_lora_weights") is { } start
                && ChangingBase.Any(name => start.StartsWith(name, StringComparison.Ordinal)))
                throw new CheckpointException(source,
                    $"{prefix}init_lora_weights is '{start}', which changes the model's"
                    + " own weights too; convert the adapter to a plain LoRA"
                    + " (PEFT: path_initial_model_for_weight_conversion)");
            var mapping = Field("auto_mapping");
            // PEFT's own defaults where a field is left out.
            return new Config(component, source, (long?)Number("r"), Number("lora_alpha") ?? 8, Flag("use_rslora"),
                Flag("use_dora"),
                Patterns("rank_pattern"), Patterns("alpha_pattern"),
                mapping is { ValueKind: JsonValueKind.Object } known
                    && known.TryGetProperty("base_model_class", out var name)
                    && name.ValueKind == JsonValueKind.String ? name.GetString() : null);
        }

        private JsonElement? Field(string name) =>
            fields.TryGetValue(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

        // init_lora_weights may be a flag: that is none of the names.
        private string? Text(string name) =>
            Field(name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

        private double? Number(string name) => Field(name) is not { } value ? null
            : value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw Wrong(name, value, "a number");

        private bool Flag(string name) =>
            Field(name) is { } value && (value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean() : throw Wrong(name, value, "true or false"));

        private List<(Regex, double)> Patterns(string name)
        {
            if (Field(name) is not { } value)
                return [];
            if (value.ValueKind != JsonValueKind.Object)
                throw Wrong(name, value, "an object of numbers by layer");
            var patterns = new List<(Regex, double)>();
            foreach (var entry in value.EnumerateObject())
            {
                if (entry.Value.ValueKind != JsonValueKind.Number)
                    throw Wrong($"{name}['{entry.Name}']", entry.Value, "a number");
                try
                {
                    var whole = entry.Name.StartsWith('^') ? $"(?:{entry.Name})$" : $@"^(?:.*\.)?(?:{entry.Name})$";
                    var regex = new Regex(whole, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
                    patterns.Add((regex, entry.Value.GetDouble()));
                }
                catch (ArgumentException error)
                {
                    throw new CheckpointException(source,
                        $"{prefix}{name}: '{entry.Name}' is no pattern: {error.Message}", error);
                }
            }
            return patterns;
        }

        private CheckpointException Wrong(string name, JsonElement value, string expected) =>
            new(source, $"{prefix}{name} is {value.GetRawText()}; expected {expected}");
    }
}
