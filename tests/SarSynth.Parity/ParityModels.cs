// Recorded results of models, with the outputs of their submodules where those were recorded.
using System.Globalization;
using System.Text.RegularExpressions;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Parity;

/// <summary>How each model's case folders are run.</summary>
internal static partial class ParityModels
{
    public static IReadOnlyList<ParityResult> UNet(ParityCase folder)
    {
        var results = new List<ParityResult>();
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var model = folder.Model<UNet2DConditionModel>();
        foreach (var name in folder.CaseNames)
        {
            using var probe = new Probe(model, name == Probed(folder) ? folder.IntermediateNames : []);
            var residuals = Enumerable.Range(0, int.MaxValue).Select(i => folder.Input($"{name}.down_res_{i}"))
                .TakeWhile(t => t is not null).Select(t => t!).ToList();
            var sample = model.forward(
                folder.Needed($"{name}.sample"), folder.Needed($"{name}.timestep"),
                folder.Needed($"{name}.encoder_hidden_states"),
                folder.Input($"{name}.text_embeds"), folder.Input($"{name}.time_ids"),
                folder.Input($"{name}.class_labels"),
                folder.Input($"{name}.timestep_cond"), residuals.Count > 0 ? residuals
                    : null, folder.Input($"{name}.mid_res"),
                folder.Input($"{name}.encoder_attention_mask"));
            results.Add(folder.Compare($"{name}.sample", sample));
            results.AddRange(probe.Compare(folder));
        }
        return results;
    }

    public static IReadOnlyList<ParityResult> Autoencoder(ParityCase folder)
    {
        var results = new List<ParityResult>();
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var model = folder.Model<AutoencoderKL>();
        foreach (var name in folder.CaseNames)
        {
            var settings = folder.Cases?.RootElement.TryGetProperty(name, out var own) == true
                && own.ValueKind == System.Text.Json.JsonValueKind.Object ? own : default;
            bool Flag(string field) => settings.ValueKind != default && settings.TryGetProperty(field, out var flag)
                && flag.GetBoolean();
            model.UseTiling = Flag("use_tiling");
            model.UseSlicing = Flag("use_slicing");
            if (settings.ValueKind != default && settings.TryGetProperty("tile_sample_min_size", out var tile))
                model.TileSize = tile.GetInt32();
            var encodes = folder.Input($"{name}.image");
            var half = name == "encode" ? "encoder." : name == "decode" ? "decoder." : "-";
            using var probe = new Probe(model,
                folder.IntermediateNames.Where(n => n.StartsWith(half)
                || (half == "decoder." && n == "post_quant_conv") || (half == "encoder." && n == "quant_conv")));
            if (encodes is null)
            {
                results.Add(folder.Compare($"{name}.sample", model.decode(folder.Needed($"{name}.latents"))));
            }
            else
            {
                using var posterior = model.encode(encodes);
                // The whole model: the mean, or a sample of the posterior with recorded noise, decoded.
                Tensor Reconstructed(Tensor? noise) =>
                    model.decode(noise is null ? posterior.Mode() : posterior.Sample(noise));
                foreach (var output in folder.OutputNames.Where(o =>
                    o.StartsWith($"{name}.", StringComparison.Ordinal)))
                {
                    results.Add(folder.Compare(output, output[(name.Length + 1)..] switch
                    {
                        "mean" => posterior.Mean,
                        "logvar" => posterior.LogVar,
                        "std" => posterior.Std,
                        "var" => posterior.Var,
                        "mode" => posterior.Mode(),
                        "kl" => posterior.Kl(),
                        "sample" => Reconstructed(folder.Input($"{name}.noise")),
                        var other => throw new CheckpointException(folder.FolderPath,
                            $"output '{other}' of an encoder is not known"),
                    }));
                }
            }
            results.AddRange(probe.Compare(folder));
        }
        return results;
    }

    public static IReadOnlyList<ParityResult> ControlNet(ParityCase folder)
    {
        var results = new List<ParityResult>();
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var model = folder.Model<ControlNetModel>();
        foreach (var name in folder.CaseNames)
        {
            double scale = 1;
            var guess = false;
            var from = name;
            if (folder.Cases?.RootElement.TryGetProperty(name, out var settings) == true)
            {
                scale = settings.TryGetProperty("conditioning_scale", out var s) ? s.GetDouble() : 1;
                guess = settings.TryGetProperty("guess_mode", out var g) && g.GetBoolean();
                from = settings.TryGetProperty("inputs_of", out var o) ? o.GetString()! : name;
            }
            using var probe = new Probe(model, name == Probed(folder) ? folder.IntermediateNames : []);
            using var residuals = model.forward(
                folder.Needed($"{from}.sample"), folder.Needed($"{from}.timestep"),
                folder.Needed($"{from}.encoder_hidden_states"),
                folder.Needed($"{from}.controlnet_cond"), scale, guess, folder.Input($"{from}.text_embeds"),
                folder.Input($"{from}.time_ids"),
                folder.Input($"{from}.class_labels"), folder.Input($"{from}.encoder_attention_mask"));
            for (var i = 0; i < residuals.Down.Count; i++)
                results.Add(folder.Compare($"{name}.down_{i}", residuals.Down[i]));
            results.Add(folder.Compare($"{name}.mid", residuals.Mid));
            results.AddRange(probe.Compare(folder));
        }
        return results;
    }

    public static IReadOnlyList<ParityResult> ClipText(ParityCase folder)
    {
        var results = new List<ParityResult>();
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var config = CLIPTextConfig.FromJson(folder.ConfigText, Path.Combine(folder.FolderPath, "config.json"));
        using var weights = WeightFiles.Open(folder.FolderPath);
        var projects = weights.Contains("text_projection.weight");
        foreach (var name in folder.CaseNames)
        {
            // A case called eosN is the same model with another end token.
            var own = EndToken().Match(name) is { Success: true } match
                ? config with { EosTokenId = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) }
                : config;
            var ids = folder.Input($"{name}.input_ids") ?? folder.Needed("input_ids");
            var mask = folder.Input($"{name}.attention_mask");
            using var model = projects ? folder.Model<CLIPTextModelWithProjection>(own.ToJson())
                : (nn.Module)folder.Model<CLIPTextModel>(own.ToJson());
            using var probe = new Probe(model, name == Probed(folder) ? folder.IntermediateNames : []);
            using var result = model is CLIPTextModelWithProjection projecting
                ? projecting.forward(ids, mask, output_hidden_states: true)
                : ((CLIPTextModel)model).forward(ids, mask, output_hidden_states: true);
            foreach (var output in folder.OutputNames.Where(o => o.StartsWith($"{name}.", StringComparison.Ordinal)))
            {
                results.Add(folder.Compare(output, output[(name.Length + 1)..] switch
                {
                    "last_hidden_state" => result.LastHiddenState,
                    "pooler_output" or "pooled_before_projection" => result.PoolerOutput,
                    "text_embeds" => result.TextEmbeds!,
                    var state when state.StartsWith("hidden_states.", StringComparison.Ordinal) =>
                        result.HiddenStates![int.Parse(state[14..], CultureInfo.InvariantCulture)],
                    var other => throw new CheckpointException(folder.FolderPath,
                        $"output '{other}' of a text encoder is not known"),
                }));
            }
            results.AddRange(probe.Compare(folder));
        }
        return results;
    }

    // Intermediates are of one case, "base" where it is there.
    private static string Probed(ParityCase folder) => folder.CaseNames.Contains("base") ? "base"
        : folder.CaseNames.First();

    [GeneratedRegex(@"^eos(\d+)$")]
    private static partial Regex EndToken();

    /// <summary>Catches what named submodules return, through forward hooks.</summary>
    private sealed class Probe : IDisposable
    {
        private readonly Dictionary<string, Tensor> caught = new(StringComparer.Ordinal);
        private readonly List<Action> removers = [];

        public Probe(nn.Module model, IEnumerable<string> names)
        {
            var modules = model.named_modules().ToDictionary(m => m.Item1, m => m.Item2, StringComparer.Ordinal);
            foreach (var name in names)
            {
                Tensor Keep(Tensor output)
                {
                    caught[name] = output.clone().DetachFromDisposeScope();
                    return output;
                }
                switch (modules.GetValueOrDefault(name))
                {
                    case nn.Module<Tensor, Tensor> m:
                        var one = m.register_forward_hook((_, _, output) => Keep(output));
                        removers.Add(one.remove);
                        break;
                    case nn.Module<Tensor, Tensor?, Tensor> m:
                        var two = m.register_forward_hook((_, _, _, output) => Keep(output));
                        removers.Add(two.remove);
                        break;
                    case nn.Module<Tensor, BlockContext, Tensor> m:
                        var block = m.register_forward_hook((_, _, _, output) => Keep(output));
                        removers.Add(block.remove);
                        break;
                    case nn.Module<Tensor, BlockContext, List<Tensor>, Tensor> m:
                        var down = m.register_forward_hook((_, _, _, _, output) => Keep(output));
                        removers.Add(down.remove);
                        break;
                    case nn.Module<Tensor, BlockContext, SkipStack, Tensor> m:
                        var up = m.register_forward_hook((_, _, _, _, output) => Keep(output));
                        removers.Add(up.remove);
                        break;
                    default:
                        throw new CheckpointException(name, "the model has no such submodule");
                }
            }
        }

        public IEnumerable<ParityResult> Compare(ParityCase folder) =>
            caught.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => folder.CompareIntermediate(c.Key, c.Value));

        public void Dispose()
        {
            foreach (var remove in removers)
                remove();
            foreach (var tensor in caught.Values)
                tensor.Dispose();
        }
    }
}
