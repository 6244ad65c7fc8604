// Low-rank adaptation: y = W x + scale (alpha / rank) B A x. Hu et al. (2022), eq. 3.
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Conditioning;

/// <summary>The low-rank update of one layer.</summary>
/// <param name="Down">A: [rank, in], or [rank, in, k, k] for a convolution.</param>
/// <param name="Up">B: [out, rank], or [out, rank, 1, 1].</param>
/// <param name="Alpha">Numerator of the scale; the rank where a file has none.</param>
public sealed record LoraLayer(Parameter Down, Parameter Up, double Alpha)
{
    /// <summary>The rank.</summary>
    public long Rank => Down.shape[0];
}

/// <summary>A LoRA on the layers of one or more models. Several may be on the same models at once; their updates add.</summary>
public sealed class Lora : IDisposable
{
    private readonly List<(string Component, string Path, nn.Module<Tensor, Tensor> Target, LoraLayer Layer)> layers = [];
    private readonly List<Action> removeHooks = [];
    private Dictionary<nn.Module, Tensor>? before;

    private Lora()
    {
    }

    /// <summary>Factor on the whole update; takes effect at the next forward (not while fused).</summary>
    public double Scale { get; set; } = 1;

    /// <summary>Whether the update is part of the weights now.</summary>
    public bool IsFused => before is not null;

    /// <summary>The updates by "component.path", as diffusers names them ("unet.down_blocks.1...to_q").</summary>
    public IReadOnlyDictionary<string, LoraLayer> Layers => layers.ToDictionary(l => $"{l.Component}.{l.Path}", l => l.Layer, StringComparer.Ordinal);

    /// <summary>The trainable tensors by the names they have in PEFT files.</summary>
    public IReadOnlyDictionary<string, Parameter> Parameters => layers
        .SelectMany(l => new[] { ($"{l.Component}.{l.Path}.lora_A.weight", l.Layer.Down), ($"{l.Component}.{l.Path}.lora_B.weight", l.Layer.Up) })
        .ToDictionary(p => p.Item1, p => p.Item2, StringComparer.Ordinal);

    /// <summary>Puts a LoRA file on models.</summary>
    /// <param name="path">A safetensors file with key names of diffusers, PEFT, kohya or kohya-sgm.</param>
    /// <param name="components">Models by component: "unet", "text_encoder", "text_encoder_2".</param>
    /// <param name="scale">Factor on the update.</param>
    /// <exception cref="CheckpointException">A key that is no LoRA's, a component or layer that is not there, a shape that does not fit.</exception>
    public static Lora Load(string path, IReadOnlyDictionary<string, nn.Module> components, double scale = 1)
    {
        using var file = SafeTensorsFile.Open(path);
        var names = components.ToDictionary(c => c.Key, c => new LoraNames(c.Value), StringComparer.Ordinal);
        var found = new SortedDictionary<(string Component, string Path), (string Key, Tensor? Down, Tensor? Up, double? Alpha)>();
        foreach (var entry in file.Header.Entries)
        {
            if (LoraNames.Split(entry.Name) is not { } key)
                throw new CheckpointException(path, $"key '{entry.Name}' is not a LoRA's (expected lora_A/lora_B, lora.down/up, lora_down/up or alpha)");
            if (!names.TryGetValue(key.Component, out var known))
                throw new CheckpointException(path, $"key '{entry.Name}' is for '{key.Component}', which was not given");
            // A PEFT file of a bare UNet has no prefix.
            var layer = known.Find(key.Layer) ?? throw new CheckpointException(path, $"key '{entry.Name}': {key.Component} has no layer '{key.Layer}'");
            var slot = found.GetValueOrDefault((key.Component, layer), (entry.Name, null, null, null));
            var value = file.Read(entry.Name).DetachFromDisposeScope();
            switch (key.Role)
            {
                case LoraRole.Down: slot.Item2 = value; break;
                case LoraRole.Up: slot.Item3 = value; break;
                default:
                    using (value)
                        slot.Item4 = value.to(ScalarType.Float64).ToDouble();
                    break;
            }
            found[(key.Component, layer)] = slot;
        }
        var lora = new Lora { Scale = scale };
        foreach (var ((component, layer), (key, down, up, alpha)) in found)
        {
            if (down is null || up is null)
                throw new CheckpointException(path, $"'{key}': the {(down is null ? "down" : "up")} matrix of {component}.{layer} is missing");
            var target = Child(components[component], layer);
            CheckShapes(path, $"{component}.{layer}", Weight(target).shape, down.shape, up.shape);
            var parameter = (Tensor t) => new Parameter(t.to(Weight(target).device), requires_grad: false);
            lora.Attach(component, layer, target, new LoraLayer(parameter(down), parameter(up), alpha ?? down.shape[0]));
        }
        return lora;
    }

    /// <summary>A new LoRA to train: A random, B zero, so that it changes nothing yet. Freezes no other parameter.</summary>
    /// <param name="components">Models by component.</param>
    /// <param name="targets">Ends of the names of layers to adapt, such as "to_q", "to_out.0" or "q_proj".</param>
    /// <param name="rank">Rank.</param>
    /// <param name="alpha">Numerator of the scale; null for the rank (scale 1).</param>
    /// <param name="seed">Seed of A.</param>
    /// <exception cref="ArgumentException">No layer has such a name.</exception>
    public static Lora Create(IReadOnlyDictionary<string, nn.Module> components, IReadOnlyList<string> targets, int rank, double? alpha = null, ulong seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        var lora = new Lora();
        using var generator = Seeded.Generator(seed);
        foreach (var (component, module) in components)
            foreach (var (path, child) in module.named_modules().ToList())
            {
                if (child is not Linear linear || !targets.Any(t => path == t || path.EndsWith("." + t, StringComparison.Ordinal)))
                    continue;
                long[] shape = linear.weight.shape;
                // Uniform within 1 / sqrt(in): the Kaiming initialisation that PEFT uses for A.
                double bound = 1 / Math.Sqrt(shape[1]);
                var down = new Parameter(rand([rank, shape[1]], generator: generator).mul_(2 * bound).sub_(bound).to(linear.weight.device));
                var up = new Parameter(zeros([shape[0], rank], device: linear.weight.device));
                lora.Attach(component, path, linear, new LoraLayer(down, up, alpha ?? rank));
            }
        return lora.layers.Count > 0 ? lora : throw new ArgumentException($"no linear layer is named {string.Join(", ", targets)}", nameof(targets));
    }

    /// <summary>Writes the update with diffusers' key names (PEFT form) or kohya's, which carry alpha.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kohya">Kohya's names.</param>
    public void Save(string path, bool kohya = false)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (component, layerPath, _, layer) in layers)
        {
            if (kohya)
            {
                var prefix = LoraNames.Prefixes.First(p => p.Component == component && p.Prefix.EndsWith('_')).Prefix + layerPath.Replace('.', '_');
                tensors[prefix + ".lora_down.weight"] = layer.Down.detach();
                tensors[prefix + ".lora_up.weight"] = layer.Up.detach();
                tensors[prefix + ".alpha"] = tensor((float)layer.Alpha);
                continue;
            }
            // This form has no alpha: it goes into B.
            tensors[$"{component}.{layerPath}.lora_A.weight"] = layer.Down.detach();
            tensors[$"{component}.{layerPath}.lora_B.weight"] = layer.Up.detach().mul(layer.Alpha / layer.Rank);
        }
        SafeTensors.Save(path, tensors, new Dictionary<string, string> { ["format"] = "pt" });
    }

    /// <summary>Adds the update to the weights: no cost at inference. The weights are kept, so that <see cref="Unfuse"/> is exact.</summary>
    public void Fuse()
    {
        if (IsFused)
            return;
        using var noGradients = no_grad();
        before = [];
        foreach (var (_, _, target, layer) in layers)
        {
            using var scope = NewDisposeScope();
            var weight = Weight(target);
            before[target] = weight.detach().clone().DetachFromDisposeScope();
            var update = Update(layer, weight.shape);
            weight.copy_(weight.to(ScalarType.Float32).add(update.to(ScalarType.Float32)));
        }
    }

    /// <summary>Gives the weights back as they were before <see cref="Fuse"/>. Of several fused ones the last fused goes first.</summary>
    public void Unfuse()
    {
        if (before is null)
            return;
        using var noGradients = no_grad();
        foreach (var (target, weight) in before)
        {
            Weight(target).copy_(weight);
            weight.Dispose();
        }
        before = null;
    }

    /// <summary>Takes the update off its models and lets its tensors go; a fused one stays in the weights unless unfused before.</summary>
    public void Dispose()
    {
        removeHooks.ForEach(remove => remove());
        removeHooks.Clear();
        foreach (var tensor in before?.Values ?? Enumerable.Empty<Tensor>())
            tensor.Dispose();
        before = null;
        foreach (var (_, _, _, layer) in layers)
        {
            layer.Down.Dispose();
            layer.Up.Dispose();
        }
        layers.Clear();
    }

    private void Attach(string component, string path, nn.Module<Tensor, Tensor> target, LoraLayer layer)
    {
        layers.Add((component, path, target, layer));
        var hook = target.register_forward_hook((_, input, output) => Forward(target, layer, input, output));
        removeHooks.Add(hook.remove);
    }

    private Tensor Forward(nn.Module<Tensor, Tensor> target, LoraLayer layer, Tensor input, Tensor output)
    {
        if (IsFused || Scale == 0)
            return output;
        using var scope = NewDisposeScope();
        Tensor update;
        if (target is Linear)
        {
            Tensor down = layer.Down.to(input.dtype, input.device).flatten(1), up = layer.Up.to(input.dtype, input.device).flatten(1);
            update = nn.functional.linear(nn.functional.linear(input, down), up).mul(Scale * layer.Alpha / layer.Rank);
        }
        else
        {
            var convolution = (Convolution)target;
            // Up after down is one convolution; its kernel is small beside the feature map.
            update = nn.functional.conv2d(input, Update(layer, convolution.weight.shape).to(input.dtype, input.device), strides: convolution.stride, padding: convolution.padding);
        }
        var sum = output.requires_grad || update.requires_grad ? output + update : output.add_(update);
        return ReferenceEquals(sum, output) ? output : sum.MoveToOuterDisposeScope();
    }

    private Tensor Update(LoraLayer layer, long[] shape) =>
        layer.Up.flatten(1).matmul(layer.Down.flatten(1)).mul(Scale * layer.Alpha / layer.Rank).reshape(shape);

    private static nn.Module<Tensor, Tensor> Child(nn.Module module, string path) =>
        (nn.Module<Tensor, Tensor>)module.named_modules().First(m => m.Item1 == path).Item2;

    private static Parameter Weight(nn.Module module) => module switch
    {
        Linear linear => linear.weight,
        Convolution convolution => convolution.weight,
        _ => throw new ArgumentException($"{module.GetName()} has no weight that a LoRA can change", nameof(module)),
    };

    private static void CheckShapes(string path, string layer, long[] weight, long[] down, long[] up)
    {
        long Elements(long[] shape) => shape.Skip(1).Aggregate(1L, (a, b) => a * b);
        if (down[0] != Elements(up) || up[0] != weight[0] || Elements(down) != Elements(weight))
            throw new CheckpointException(path, $"{layer} is [{string.Join(", ", weight)}]; down [{string.Join(", ", down)}] and up [{string.Join(", ", up)}] do not fit");
    }
}
