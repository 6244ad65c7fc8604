// Recorded results of LoRA files: one UNet, several key formats, scales and alphas, fused and not; text encoders.
using System.Globalization;
using System.Text.RegularExpressions;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Parity;

/// <summary>
/// How a folder of LoRA files is run: outputs "TARGETS.alphaA.scaleS" of the model whose inputs cases.json names, files
/// "TARGETS.FORMAT[_alphaA].safetensors" beside them; a file without alpha has the rank for it.
/// </summary>
internal static partial class LoraParity
{
    private const double Tolerance = 5e-5;

    public static bool Holds(string folder)
    {
        using var opened = new ParityCase(folder, null, ScalarType.Float32);
        return opened.Cases?.RootElement is { ValueKind: System.Text.Json.JsonValueKind.Object } cases
            && cases.TryGetProperty("rank", out _) && cases.TryGetProperty("inputs", out _);
    }

    public static IReadOnlyList<ParityResult> Run(ParityCase folder)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var cases = folder.Cases!.RootElement;
        // "../unet_sdxl/inputs.safetensors base.*": where the model lies and which of its cases was run.
        var said = cases.GetProperty("inputs").GetString()!.Split(' ');
        using var beside = folder.Sibling(Path.GetDirectoryName(said[0])!);
        using var unet = beside.Model<UNet2DConditionModel>();
        var prefix = said[1].TrimEnd('*');
        Tensor? Input(string name) => beside.Input(prefix + name);
        Tensor Forward() =>
            unet.forward(beside.Needed(prefix + "sample"), beside.Needed(prefix + "timestep"),
            beside.Needed(prefix + "encoder_hidden_states"),
            Input("text_embeds"), Input("time_ids"), Input("class_labels"), Input("timestep_cond"));
        var results = new List<ParityResult>();
        if (folder.OutputNames.Contains("base"))
            results.Add(folder.Compare("base", Forward(), Tolerance));
        var files = Directory.EnumerateFiles(folder.FolderPath, "*.safetensors")
            .Where(f => Path.GetFileName(f) is not ("inputs.safetensors" or "outputs.safetensors"))
            .Order(StringComparer.Ordinal);
        var rank = cases.GetProperty("rank").GetInt32();
        foreach (var file in files)
        {
            using var inner = NewDisposeScope();
            var name = Path.GetFileNameWithoutExtension(file);
            var alpha = Alpha().Match(name) is { Success: true } match ? match.Groups[1].Value
                : rank.ToString(CultureInfo.InvariantCulture);
            var encoders = Encoders(folder, file);
            var components = encoders.ToDictionary(e => e.Key, e => e.Value.Model);
            components["unet"] = unet;
            using var lora = Lora.Load(file, components);
            // A file of several models names none of the targets: its UNet part is that of
            // the file with the same layers.
            var target = name.Split('.')[0];
            if (!folder.OutputNames.Any(o => o.StartsWith($"{target}.alpha", StringComparison.Ordinal)))
                target = files.Select(f => Path.GetFileNameWithoutExtension(f).Split('.')[0]).Distinct()
                    .FirstOrDefault(t =>
                        folder.OutputNames.Any(o => o.StartsWith($"{t}.alpha", StringComparison.Ordinal))
                        && SameLayers(files.First(f => Path.GetFileName(f)
                        .StartsWith(t + ".", StringComparison.Ordinal)), lora, unet)) ?? target;
            var before = results.Count;
            foreach (var output in folder.OutputNames.Where(o =>
                o.StartsWith($"{target}.alpha{alpha}.", StringComparison.Ordinal)))
            {
                if (Scale().Match(output) is { Success: true } scale)
                {
                    lora.Scale = double.Parse(scale.Groups[1].Value, CultureInfo.InvariantCulture);
                    results.Add(folder.Compare(output, Forward(), Tolerance, shown: $"{name}: {output}"));
                    if (lora.Scale == 0)
                        continue;
                    lora.Fuse();
                    results.Add(folder.Compare(output, Forward(), Tolerance, shown: $"{name}, fused: {output}"));
                    lora.Unfuse();
                }
                else if (FusedWeight().Match(output) is { Success: true } fused)
                {
                    lora.Scale = double.Parse(fused.Groups[1].Value, CultureInfo.InvariantCulture);
                    lora.Fuse();
                    results.Add(Nearest(folder, output, lora, unet, name));
                    lora.Unfuse();
                }
            }
            foreach (var (component, (module, path)) in encoders)
            {
                results.AddRange(Encoder(folder, lora, component, module, path, alpha, name));
                module.Dispose();
            }
            if (results.Count == before)
                results.Add(new(folder.Name, $"{name}: no recorded output is this file's", double.NaN, 0));
            lora.Scale = 0;
            if (folder.OutputNames.Contains("base"))
                results.Add(folder.Compare("base", Forward(), Tolerance, shown: $"{name} off again: base"));
        }
        return results;
    }

    // The text encoders beside this folder that a file's layers fit; the second of a pipeline
    // is the one with a projection.
    private static Dictionary<string, (nn.Module Model, string Path)> Encoders(ParityCase folder, string file)
    {
        var found = new Dictionary<string, (nn.Module, string)>();
        using var opened = SafeTensorsFile.Open(file);
        var keys = opened.Header.Entries.Select(e => (Key: LoraNames.Split(e.Name), e.Shape))
            .Where(k => k.Key is not null)
            .Select(k => (Component: k.Key!.Component ?? "unet", k.Key.Layer, k.Key.Role, k.Shape)).ToList();
        foreach (var component in keys.Select(k => k.Component).Where(c => c != "unet").Distinct())
        {
            foreach (var path in folder.SiblingModels(nameof(CLIPTextModel), nameof(CLIPTextModelWithProjection),
                "clip_text_model"))
            {
                using var beside = folder.Sibling(path);
                using var weights = WeightFiles.Open(path);
                if (weights.Contains("text_projection.weight") != (component == "text_encoder_2"))
                    continue;
                nn.Module model = component == "text_encoder_2" ? beside.Model<CLIPTextModelWithProjection>()
                    : beside.Model<CLIPTextModel>();
                var names = new LoraNames(model);
                var shapes = model.named_parameters().ToDictionary(p => p.Item1, p => p.Item2.shape);
                if (keys.Where(k => k.Component == component)
                    .All(k => names.Find(k.Layer) is { } layer
                    && (k.Role != LoraRole.Down || shapes[layer + ".weight"][1] == k.Shape[1])))
                {
                    found[component] = (model, path);
                    break;
                }
                model.Dispose();
            }
            if (!found.ContainsKey(component))
                throw new CheckpointException(file,
                    $"no text encoder beside {folder.FolderPath} fits its {component} layers");
        }
        return found;
    }

    private static bool SameLayers(string file, Lora lora, UNet2DConditionModel unet)
    {
        using var opened = SafeTensorsFile.Open(file);
        var names = new LoraNames(unet);
        var layers = opened.Header.Entries.Select(e => LoraNames.Split(e.Name))
            .Where(k => k?.Component is null or "unet")
            .Select(k => "unet." + names.Find(k!.Layer)).ToHashSet();
        return layers.SetEquals(lora.Layers.Keys.Where(k => k.StartsWith("unet.", StringComparison.Ordinal)));
    }

    private static IEnumerable<ParityResult> Encoder(ParityCase folder, Lora lora, string component, nn.Module module,
        string path, string alpha, string name)
    {
        var outputs = folder.OutputNames.Where(o =>
            o.StartsWith($"{component}.alpha{alpha}.", StringComparison.Ordinal)).ToList();
        if (outputs.Count == 0)
            yield break;
        lora.Scale = 1;
        using var beside = folder.Sibling(path);
        using var ids = beside.Needed("input_ids");
        using var result = module is CLIPTextModelWithProjection projecting
            ? projecting.forward(ids, output_hidden_states: true)
            : ((CLIPTextModel)module).forward(ids, output_hidden_states: true);
        foreach (var output in outputs)
        {
            var value = output[$"{component}.alpha{alpha}.".Length..];
            var actual = value == "out0" ? result.TextEmbeds ?? result.LastHiddenState
                : value.StartsWith("hidden_states.", StringComparison.Ordinal)
                    && int.TryParse(value[14..], CultureInfo.InvariantCulture, out var state)
                    ? result.HiddenStates![state < 0 ? result.HiddenStates.Count + state : state]
                    : throw new CheckpointException(folder.FolderPath,
                        $"output '{output}' of a text encoder is not known");
            yield return folder.Compare(output, actual, Tolerance, shown: $"{name}: {output}");
        }
    }

    // Which layer's weight was recorded is not: one of them must be it.
    private static ParityResult Nearest(ParityCase folder, string output, Lora lora, UNet2DConditionModel unet,
        string name)
    {
        var expected = folder.Output(output);
        var parameters = unet.named_parameters().ToDictionary(p => p.Item1, p => p.Item2);
        var candidates = lora.Layers.Keys.Select(k => parameters[k["unet.".Length..] + ".weight"])
            .Where(w => w.shape.AsSpan().SequenceEqual(expected.shape)).ToList();
        return candidates.Select(w => folder.Compare(output, w, Tolerance, shown: $"{name}: {output}"))
            .MinBy(r => r.Error)
            ?? new(folder.Name, $"{name}: {output} (no layer has its shape)", double.NaN, Tolerance);
    }

    [GeneratedRegex(@"_alpha([0-9.]+)$")]
    private static partial Regex Alpha();

    [GeneratedRegex(@"\.scale([0-9.]+)$")]
    private static partial Regex Scale();

    [GeneratedRegex(@"\.fused([0-9.]+)\.")]
    private static partial Regex FusedWeight();
}
