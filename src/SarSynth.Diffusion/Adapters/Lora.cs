// Low-rank adaptation: y = W x + scale (alpha / rank) B A x. Hu et al. (2022), eq. 3; with magnitudes: Dora.cs.
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Adapters;

/// <summary>The low-rank update of one layer.</summary>
/// <param name="Down">A: [rank, in], or [rank, in, k, k] for a convolution.</param>
/// <param name="Up">B: [out, rank], or [out, rank, 1, 1].</param>
/// <param name="Scale">
/// Factor on B A, from alpha and rank (alpha / rank, or alpha / sqrt(rank) with rank stabilisation).
/// </param>
/// <param name="Magnitude">
/// DoRA: norms of the adapted weight's rows [out, 1, ...] or columns [1, in, ...]; else null.
/// </param>
public sealed record LoraLayer(Parameter Down, Parameter Up, double Scale, Parameter? Magnitude = null)
{
    /// <summary>The rank.</summary>
    public long Rank => Down.shape[0];

    /// <summary>Numerator of the scale over the rank, as kohya's files have it.</summary>
    public double Alpha => Scale * Rank;
}

/// <summary>
/// A LoRA on the layers of one or more models. Several may be on the same models at once; their updates add.
/// </summary>
public sealed partial class Lora : IDisposable
{
    private readonly List<(string Component, string Path, nn.Module<Tensor, Tensor> Target, LoraLayer Layer)>
        layers = [];
    private readonly List<Action> removeHooks = [];
    private Dictionary<nn.Module, Tensor>? before;

    private Lora()
    {
    }

    /// <summary>
    /// Factor on the whole update (with magnitudes too: 0 leaves the model as it is); takes
    /// effect at the next forward, not while fused.
    /// </summary>
    public double Scale { get; set; } = 1;

    /// <summary>
    /// Share of a layer's inputs that do not reach A, the others growing by as much (inverted drop-out, as in PEFT);
    /// only where <see cref="Training"/> is on, never in fused weights.
    /// </summary>
    public double Dropout { get; init; }

    /// <summary>
    /// Whether drop-out is on: it is in a new LoRA, and off in one that was read. Off for validations.
    /// </summary>
    public bool Training { get; set; }

    /// <summary>Whether the update is part of the weights now.</summary>
    public bool IsFused => before is not null;

    /// <summary>The updates by "component.path", as diffusers names them ("unet.down_blocks.1...to_q").</summary>
    public IReadOnlyDictionary<string, LoraLayer> Layers =>
        layers.ToDictionary(l => $"{l.Component}.{l.Path}", l => l.Layer, StringComparer.Ordinal);

    /// <summary>The trainable tensors by the names they have in PEFT files.</summary>
    public IReadOnlyDictionary<string, Parameter> Parameters => layers
        .SelectMany(l => Named(l.Component, l.Path, l.Layer))
            .ToDictionary(p => p.Key, p => p.Value, StringComparer.Ordinal);

    /// <summary>Puts a LoRA or DoRA file on models.</summary>
    /// <param name="path">
    /// A safetensors file with key names of diffusers, PEFT, kohya or kohya-sgm, or a folder that PEFT
    /// or diffusers wrote. The scale comes from alpha tensors, from "lora_adapter_metadata" in the
    /// file, or from adapter_config.json beside it.
    /// </param>
    /// <param name="components">Models by component: "unet", "text_encoder", "text_encoder_2".</param>
    /// <param name="scale">Factor on the update.</param>
    /// <exception cref="CheckpointException">
    /// A key that is no LoRA's (other adapters are named), a component or layer that is not there, two names for one
    /// layer, a shape that does not fit, a scale that two sources tell differently.
    /// </exception>
    public static Lora Load(string path, IReadOnlyDictionary<string, nn.Module> components, double scale = 1)
    {
        var lora = new Lora { Scale = scale };
        try
        {
            foreach (var entry in LoraFile.Read(LoraFile.Find(path), components))
            {
                var device = Weight(entry.Target).device;
                Parameter Own(Tensor value)
                {
                    using (value)
                        return new(value.to(device, copy: true).DetachFromDisposeScope(), requires_grad: false);
                }
                lora.Attach(entry.Component, entry.Path, entry.Target, new LoraLayer(Own(entry.Down), Own(entry.Up),
                    entry.Scale, entry.Magnitude is { } m ? Own(m) : null));
            }
            return lora;
        }
        catch
        {
            lora.Dispose();
            throw;
        }
    }

    /// <summary>Adds the update to the weights: no cost at inference. The weights are kept, so that <see
    /// cref="Unfuse"/> is exact.</summary>
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
            var update = Update(layer, weight);
            weight.copy_(weight.to(ScalarType.Float32).Plus(update.to(ScalarType.Float32)));
        }
    }

    /// <summary>
    /// Gives the weights back as they were before <see cref="Fuse"/>. Of several fused ones the last fused goes first.
    /// </summary>
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

    /// <summary>
    /// Takes the update off its models and lets its tensors go; a fused one stays in the weights unless unfused.
    /// </summary>
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
            layer.Magnitude?.Dispose();
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
        if (Training && Dropout > 0)
            input = nn.functional.dropout(input, Dropout, training: true);
        Tensor update;
        if (target is Linear && layer.Magnitude is null)
        {
            var down = layer.Down.to(input.dtype, input.device).flatten(1);
            var up = layer.Up.to(input.dtype, input.device).flatten(1);
            update = nn.functional.linear(nn.functional.linear(input, down), up).Times(Scale * layer.Scale);
        }
        else
        {
            // Up after down is one convolution; its kernel is small beside the feature map.
            var kernel = Update(layer, Weight(target)).to(input.dtype, input.device);
            update = target is Convolution convolution
                ? nn.functional.conv2d(input, kernel, strides: convolution.stride, padding: convolution.padding)
                : nn.functional.linear(input, kernel);
        }
        var sum = output.requires_grad || update.requires_grad ? output.Plus(update) : output.Plus_(update);
        if (ReferenceEquals(sum, output))
            return output;
        // Nobody else has it, and a training would hold it until the step's end.
        output.Dispose();
        return sum.MoveToOuterDisposeScope();
    }

    /// <summary>What is added to a weight.</summary>
    private Tensor Update(LoraLayer layer, Tensor weight)
    {
        var lowRank = layer.Up.flatten(1).mm(layer.Down.flatten(1)).Times(layer.Scale).reshape(weight.shape);
        return (layer.Magnitude is null ? lowRank
            : Dora.Update(weight.to(lowRank.device), lowRank, layer.Magnitude)).Times(Scale);
    }

    private static IEnumerable<KeyValuePair<string, Parameter>> Named(string component, string path, LoraLayer layer)
    {
        yield return new($"{component}.{path}.lora_A.weight", layer.Down);
        yield return new($"{component}.{path}.lora_B.weight", layer.Up);
        if (layer.Magnitude is { } magnitude)
            yield return new($"{component}.{path}.lora_magnitude_vector", magnitude);
    }

    private static Tensor Norms(Tensor weight)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var form = ones([weight.shape[0], .. Enumerable.Repeat(1L, (int)weight.ndim - 1)], device: weight.device);
        return Dora.Norm(weight.detach().to(ScalarType.Float32), form).MoveToOuterDisposeScope();
    }

    internal static Parameter Weight(nn.Module module) => module switch
    {
        Linear linear => linear.weight,
        Convolution convolution => convolution.weight,
        _ => throw new ArgumentException($"{module.GetName()} has no weight that a LoRA can change", nameof(module)),
    };
}
