// A sampler's settings as diffusers writes them in scheduler_config.json, with each class's own defaults.
using System.Text;
using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Diffusion.Samplers;

public sealed partial record SamplerConfig
{
    private static readonly Dictionary<string, SamplerKind> Classes = new()
    {
        ["DDPMScheduler"] = SamplerKind.Ddpm, ["DDIMScheduler"] = SamplerKind.Ddim,
            ["EulerDiscreteScheduler"] = SamplerKind.Euler,
        ["EulerAncestralDiscreteScheduler"] = SamplerKind.EulerAncestral, ["HeunDiscreteScheduler"] = SamplerKind.Heun,
        ["DPMSolverMultistepScheduler"] = SamplerKind.DpmSolver, ["LCMScheduler"] = SamplerKind.Lcm,
        ["PNDMScheduler"] = SamplerKind.Pndm,
    };

    // Fields of other or newer schedulers that configs carry along: accepted at the value that changes nothing.
    private static readonly Dictionary<string, string[]> Neutral = new()
    {
        ["skip_prk_steps"] = ["true", "false"], ["trained_betas"] = ["null"],
            ["use_beta_sigmas"] = ["null", "false"], ["use_flow_sigmas"] = ["null", "false"],
        ["use_dynamic_shifting"] = ["null", "false"], ["flow_shift"] = ["null", "1.0", "1"],
            ["time_shift_type"] = ["\"exponential\""],
    };

    /// <summary>The classes of diffusers that are known.</summary>
    public static IReadOnlyCollection<string> ClassNames => Classes.Keys;

    /// <summary>
    /// The sampler of a name: a class of diffusers, or its name without "Scheduler" and the like; null for none.
    /// </summary>
    /// <param name="name">"EulerDiscreteScheduler", "euler", "EulerAncestral", "dpm_solver", in any case.</param>
    public static SamplerKind? KindOf(string name)
    {
        if (Classes.FirstOrDefault(c =>
            c.Key.Equals(name, StringComparison.OrdinalIgnoreCase)) is { Key: not null } known)
            return known.Value;
        var word = name.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal);
        return Array.Find(Enum.GetNames<SamplerKind>(), k =>
            k.Equals(word, StringComparison.OrdinalIgnoreCase)) is { } kind
            ? Enum.Parse<SamplerKind>(kind) : null;
    }

    /// <summary>Reads scheduler_config.json.</summary>
    /// <param name="path">The file, or its folder.</param>
    /// <param name="kind">Use another sampler with this file's schedule, or null for the file's own.</param>
    /// <exception cref="CheckpointException">Not JSON, or a class, field or value that is not known.</exception>
    public static SamplerConfig Load(string path, SamplerKind? kind = null)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, "scheduler_config.json") : path;
        if (!File.Exists(file))
            throw new CheckpointException(file, "not found; expected a diffusers scheduler_config.json");
        return Parse(File.ReadAllText(file), file, kind);
    }

    /// <summary>Reads the text of a scheduler_config.json.</summary>
    /// <param name="json">The text; Python's Infinity and NaN are understood.</param>
    /// <param name="source">Named in errors.</param>
    /// <param name="kind">Use another sampler with this schedule, or null for the text's own.</param>
    /// <exception cref="CheckpointException">Not JSON, or a class, field or value that is not known.</exception>
    public static SamplerConfig Parse(string json, string source = "scheduler_config.json", SamplerKind? kind = null)
    {
        try
        {
            using var document = JsonDocument.Parse(QuoteNonFinite(json));
            return new Reader(document.RootElement, source).Read(kind);
        }
        catch (JsonException error)
        {
            throw new CheckpointException(source, $"not JSON: {error.Message}", error);
        }
        catch (ArgumentException error)
        {
            throw new CheckpointException(source, error.Message, error);
        }
    }

    /// <summary>
    /// The text of a scheduler_config.json that diffusers and <see cref="Parse"/> read as this configuration.
    /// </summary>
    /// <exception cref="InvalidOperationException">The schedule was made from a list of betas.</exception>
    public string ToJson()
    {
        var (shape, start, end, zero) = Schedule.Form
            ?? throw new InvalidOperationException("a schedule from a list of betas has no form to write");
        var fields = new Dictionary<string, object?>
        {
            ["_class_name"] = Classes.First(c => c.Value == Kind).Key,
            ["num_train_timesteps"] = Schedule.TrainTimesteps,
            ["beta_schedule"] = shape switch { BetaSchedule.Linear => "linear", BetaSchedule.ScaledLinear =>
                "scaled_linear", _ => "squaredcos_cap_v2" },
            ["beta_start"] = start,
            ["beta_end"] = end,
            ["prediction_type"] = Schedule.Prediction switch { PredictionType.Epsilon =>
                "epsilon", PredictionType.Velocity => "v_prediction", _ => "sample" },
            ["timestep_spacing"] = Spacing.ToString().ToLowerInvariant(),
            ["steps_offset"] = StepsOffset,
            ["rescale_betas_zero_snr"] = zero,
        };
        if (Kind is SamplerKind.Ddpm or SamplerKind.Ddim or SamplerKind.Lcm or SamplerKind.DpmSolver)
            (fields["thresholding"], fields["dynamic_thresholding_ratio"], fields["sample_max_value"]) =
                (Thresholding, DynamicThresholdingRatio, SampleMaxValue);
        if (Kind is SamplerKind.Ddpm or SamplerKind.Ddim or SamplerKind.Lcm or SamplerKind.Heun)
            (fields["clip_sample"], fields["clip_sample_range"]) = (ClipSample, ClipSampleRange);
        if (Kind is SamplerKind.Ddim or SamplerKind.Lcm or SamplerKind.Pndm)
            fields["set_alpha_to_one"] = SetAlphaToOne;
        if (Kind is SamplerKind.Ddim && !FixedStride)
            fields["fixed_stride"] = false;
        if (Kind is SamplerKind.Pndm)
            fields["skip_prk_steps"] = true;
        if (UseExponentialSigmas)
            fields["use_exponential_sigmas"] = true;
        if (Kind is SamplerKind.Ddpm)
            fields["variance_type"] = VarianceType;
        if (Kind is SamplerKind.Lcm)
            (fields["original_inference_steps"], fields["timestep_scaling"]) =
                (OriginalInferenceSteps, TimestepScaling);
        if (Kind is SamplerKind.Euler or SamplerKind.Heun or SamplerKind.DpmSolver)
            fields["use_karras_sigmas"] = UseKarrasSigmas;
        if (Kind is SamplerKind.Euler)
            (fields["interpolation_type"], fields["timestep_type"], fields["sigma_min"], fields["sigma_max"]) =
                (InterpolationType, TimestepType, SigmaMin, SigmaMax);
        if (Kind is SamplerKind.Euler && FinalSigmasType != "zero")
            fields["final_sigmas_type"] = FinalSigmasType;
        if (Kind is SamplerKind.DpmSolver)
        {
            (fields["solver_order"], fields["algorithm_type"], fields["solver_type"]) =
                (SolverOrder, AlgorithmType, SolverType);
            fields["use_lu_lambdas"] = UseLuLambdas;
            (fields["lower_order_final"], fields["euler_at_final"], fields["final_sigmas_type"]) =
                (LowerOrderFinal, EulerAtFinal, FinalSigmasType);
            if (double.IsFinite(LambdaMinClipped))
                fields["lambda_min_clipped"] = LambdaMinClipped;
        }
        return JsonSerializer.Serialize(fields, Indented);
    }

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    // Python's json module writes -Infinity for lambda_min_clipped.
    internal static string QuoteNonFinite(string json)
    {
        var text = new StringBuilder(json.Length);
        bool inString = false;
        for (int i = 0; i < json.Length; i++)
        {
            if (json[i] == '"' && (i == 0 || json[i - 1] != '\\'))
                inString = !inString;
            var word = inString ? null
                : Array.Find(["-Infinity", "Infinity", "NaN"], w =>
                string.CompareOrdinal(json, i, w, 0, w.Length) == 0);
            if (word is null)
                text.Append(json[i]);
            else
                text.Append('"').Append(word).Append('"');
            i += word is null ? 0 : word.Length - 1;
        }
        return text.ToString();
    }

    private sealed class Reader(JsonElement json, string source)
    {
        private readonly HashSet<string> seen = [];

        public SamplerConfig Read(SamplerKind? wanted)
        {
            if (json.ValueKind != JsonValueKind.Object)
                throw new CheckpointException(source, $"expected a JSON object, found {json.ValueKind}");
            var name = Text("_class_name", "");
            if (wanted is null && !Classes.ContainsKey(name))
                throw new CheckpointException(source,
                    $"_class_name '{name}' is not known; known are {string.Join(", ", Classes.Keys)}");
            var kind = wanted ?? Classes[name];
            bool stableDiffusion = kind is SamplerKind.Lcm;
            var prediction = OneOf("prediction_type", "epsilon", new Dictionary<string, PredictionType>
            {
                ["epsilon"] = PredictionType.Epsilon, ["v_prediction"] = PredictionType.Velocity,
                    ["sample"] = PredictionType.Sample,
                ["original_sample"] = PredictionType.Sample,
            });
            var shape = OneOf("beta_schedule", stableDiffusion ? "scaled_linear"
                : "linear", new Dictionary<string, BetaSchedule>
            {
                ["linear"] = BetaSchedule.Linear, ["scaled_linear"] = BetaSchedule.ScaledLinear,
                    ["squaredcos_cap_v2"] = BetaSchedule.Cosine,
            });
            bool smallBetas = kind is SamplerKind.Lcm or SamplerKind.Heun;
            double betaStart = Number("beta_start", smallBetas ? 0.00085 : 0.0001),
                betaEnd = Number("beta_end", smallBetas ? 0.012 : 0.02);
            int timesteps = Integer("num_train_timesteps", 1000);
            bool zeroSnr = Flag("rescale_betas_zero_snr", false);
            var schedule = json.TryGetProperty("trained_betas", out var betas)
                && betas.ValueKind == JsonValueKind.Array && seen.Add("trained_betas")
                ? NoiseSchedule.FromBetas([.. betas.EnumerateArray().Select(b => b.GetSingle())], prediction, zeroSnr)
                : NoiseSchedule.Create(shape, betaStart, betaEnd, timesteps, prediction, zeroSnr);
            bool inSigma = kind is not (SamplerKind.Ddpm or SamplerKind.Ddim or SamplerKind.Lcm or SamplerKind.Pndm);
            var config = new SamplerConfig
            {
                Kind = kind,
                Schedule = inSigma && zeroSnr ? schedule.WithFiniteSigma() : schedule,
                Spacing = OneOf("timestep_spacing", inSigma ? "linspace"
                    : "leading", new Dictionary<string, TimestepSpacing>
                {
                    ["leading"] = TimestepSpacing.Leading, ["trailing"] = TimestepSpacing.Trailing,
                        ["linspace"] = TimestepSpacing.Linspace,
                }),
                StepsOffset = Integer("steps_offset", 0),
                SetAlphaToOne = Flag("set_alpha_to_one", kind is not SamplerKind.Pndm),
                FixedStride = Flag("fixed_stride", true),
                ClipSample = Flag("clip_sample", kind is SamplerKind.Ddpm or SamplerKind.Ddim),
                ClipSampleRange = Number("clip_sample_range", 1),
                Thresholding = Flag("thresholding", false),
                DynamicThresholdingRatio = Number("dynamic_thresholding_ratio", 0.995),
                SampleMaxValue = Number("sample_max_value", 1),
                VarianceType = Word("variance_type", "fixed_small", "fixed_small", "fixed_small_log", "fixed_large",
                    "fixed_large_log"),
                UseKarrasSigmas = Flag("use_karras_sigmas", false),
                UseExponentialSigmas = Flag("use_exponential_sigmas", false),
                UseLuLambdas = Flag("use_lu_lambdas", false),
                InterpolationType = Word("interpolation_type", "linear", "linear", "log_linear"),
                SigmaMin = Optional("sigma_min"),
                SigmaMax = Optional("sigma_max"),
                TimestepType = Word("timestep_type", "discrete", "discrete", "continuous"),
                SolverOrder = Integer("solver_order", 2),
                // What schedulers of other families write there means the default here, as in diffusers.
                AlgorithmType = Word("algorithm_type", "dpmsolver++", "dpmsolver++", "dpmsolver", "sde-dpmsolver++",
                    "sde-dpmsolver", "deis") is var algorithm and not "deis" ? algorithm : "dpmsolver++",
                SolverType = Word("solver_type", "midpoint", "midpoint", "heun", "logrho", "bh1",
                    "bh2") is var solver and ("midpoint" or "heun") ? solver : "midpoint",
                LowerOrderFinal = Flag("lower_order_final", true),
                EulerAtFinal = Flag("euler_at_final", false),
                FinalSigmasType = Word("final_sigmas_type", "zero", "zero", "sigma_min"),
                LambdaMinClipped = Number("lambda_min_clipped", double.NegativeInfinity),
                OriginalInferenceSteps = Integer("original_inference_steps", 50),
                TimestepScaling = Number("timestep_scaling", 10),
            };
            if (config.SolverOrder is < 1 or > 3)
                throw new CheckpointException(source, $"solver_order is {config.SolverOrder}; expected 1, 2 or 3");
            if (kind == SamplerKind.DpmSolver && config.FinalSigmasType == "zero"
                && !config.AlgorithmType.EndsWith("++", StringComparison.Ordinal))
                throw new CheckpointException(source,
                    $"algorithm_type '{config.AlgorithmType}' predicts noise and cannot end at sigma zero; set "
                    + $"final_sigmas_type to sigma_min");
            if (kind == SamplerKind.DpmSolver && config.SolverOrder == 3
                && config.AlgorithmType.StartsWith("sde", StringComparison.Ordinal))
                throw new CheckpointException(source,
                    $"solver_order is 3 with algorithm_type '{config.AlgorithmType}'; the SDE forms "
                    + $"have orders 1 and 2");
            if (new[] { config.UseKarrasSigmas, config.UseExponentialSigmas, config.UseLuLambdas }.Count(used =>
                used) > 1)
                throw new CheckpointException(source,
                    "only one of use_karras_sigmas, use_exponential_sigmas and use_lu_lambdas can be true");
            if (kind == SamplerKind.Pndm && wanted is null && !Flag("skip_prk_steps", false))
                throw new CheckpointException(source,
                    "skip_prk_steps is false; only true is supported (PNDM without Runge-Kutta steps)");
            if (kind == SamplerKind.Pndm && prediction == PredictionType.Sample)
                throw new CheckpointException(source,
                    "prediction_type is 'sample'; PNDM takes epsilon and v_prediction");
            foreach (var property in json.EnumerateObject()
                .Where(p => !p.Name.StartsWith('_') && !seen.Contains(p.Name)))
                if (!Neutral.TryGetValue(property.Name, out var values))
                    throw new CheckpointException(source, $"field '{property.Name}' is not known");
                else if (!values.Contains(property.Value.GetRawText()))
                    throw new CheckpointException(source,
                        $"{property.Name} is "
                        + $"{property.Value.GetRawText()}; only {string.Join(" or ", values)} is supported");
            return config;
        }

        private JsonElement? Field(string name)
        {
            seen.Add(name);
            return json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
        }

        private string Text(string name, string missing) => Field(name) is not { } value ? missing
            : value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(name, value, "a string");

        private bool Flag(string name, bool missing) => Field(name) is not { } value ? missing
            : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
                : throw Wrong(name, value, "true or false");

        private double Number(string name, double missing) => Optional(name) ?? missing;

        private double? Optional(string name) => Field(name) is not { } value ? null
            : value.ValueKind == JsonValueKind.Number ? value.GetDouble()
            : value.ValueKind == JsonValueKind.String && value.GetString() is "-Infinity" or "-inf"
                ? double.NegativeInfinity
            : throw Wrong(name, value, "a number");

        private int Integer(string name, int missing) => Field(name) is not { } value ? missing
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number
                : throw Wrong(name, value, "an integer");

        private string Word(string name, string missing, params string[] known)
        {
            var word = Text(name, missing);
            return known.Contains(word) ? word
                : throw new CheckpointException(source, $"{name} is '{word}'; expected {string.Join(", ", known)}");
        }

        private T OneOf<T>(string name, string missing, Dictionary<string, T> known) =>
            known.TryGetValue(Text(name, missing), out var value) ? value
            : throw new CheckpointException(source,
                $"{name} is '{Text(name, missing)}'; expected {string.Join(", ", known.Keys)}");

        private CheckpointException Wrong(string name, JsonElement value, string expected) =>
            new(source, $"{name} is {value.GetRawText()}; expected {expected}");
    }
}
