// New low-rank updates to train. Hu et al. (2022), section 4.1; Kalajdzievski (2023), rank stabilisation.
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Adapters;

public sealed partial class Lora
{
    /// <summary>Names of the attention layers of a UNet or a ControlNet.</summary>
    public static IReadOnlyList<string> UNetAttention { get; } = ["to_q", "to_k", "to_v", "to_out.0"];

    /// <summary>Names of the attention layers of a text encoder.</summary>
    public static IReadOnlyList<string> TextAttention { get; } = ["q_proj", "k_proj", "v_proj", "out_proj"];

    /// <summary>
    /// A new LoRA to train: A random, B zero, so that it changes nothing yet. Freezes no other parameter.
    /// </summary>
    /// <param name="components">Models by component; under <see cref="Memory.Autocast"/> or not.</param>
    /// <param name="targets">
    /// Ends of the names of linear layers and convolutions to adapt, whole words between dots, such
    /// as "to_q", "to_out.0", "conv1" or "mid_block.resnets.0.conv2"; see
    /// <see cref="UNetAttention"/> and <see cref="TextAttention"/>.
    /// </param>
    /// <param name="rank">Rank.</param>
    /// <param name="alpha">Numerator of the scale; null for what makes it 1.</param>
    /// <param name="seed">Seed of A.</param>
    /// <param name="dora">Trains the magnitudes of the weights' rows too (DoRA); they start as they are.</param>
    /// <param name="dropout">Share of a layer's inputs that training leaves out, in [0, 1).</param>
    /// <param name="stabilised">The scale is alpha / sqrt(rank) and not alpha / rank (rsLoRA).</param>
    /// <exception cref="ArgumentException">
    /// A target that no layer of any component is named by, where it is no attention layer
    /// of another kind of model; or no layer at all.
    /// </exception>
    public static Lora Create(IReadOnlyDictionary<string, nn.Module> components, IReadOnlyList<string> targets,
        int rank, double? alpha = null, ulong seed = 0, bool dora = false, double dropout = 0, bool stabilised = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        if (!(dropout >= 0 && dropout < 1))
            throw new ArgumentOutOfRangeException(nameof(dropout), dropout, "expected 0 <= dropout < 1");
        double divisor = stabilised ? Math.Sqrt(rank) : rank;
        var found = Targets(components, targets);
        var lora = new Lora { Dropout = dropout, Training = true };
        using var generator = Seeded.Generator(seed);
        foreach (var (component, path, layer) in found)
        {
            var weight = Weight(layer);
            long[] shape = weight.shape;
            // Uniform within 1 / sqrt(inputs): the Kaiming initialisation that PEFT uses for A.
            double bound = 1 / Math.Sqrt(shape.Skip(1).Aggregate(1L, (a, b) => a * b));
            var draws = rand([rank, .. shape[1..]], device: CPU, generator: generator).Times_(2 * bound).Minus_(bound);
            var down = new Parameter(draws.to(weight.device));
            var up = new Parameter(zeros([shape[0], rank, .. shape[2..].Select(_ => 1L)], device: weight.device));
            var magnitude = dora ? new Parameter(Norms(weight)) : null;
            lora.Attach(component, path, layer, new LoraLayer(down, up, (alpha ?? divisor) / divisor, magnitude));
        }
        return lora;
    }

    /// <summary>The layers that names mean, in the order of the components and their modules.</summary>
    private static List<(string Component, string Path, nn.Module<Tensor, Tensor> Layer)> Targets(
        IReadOnlyDictionary<string, nn.Module> components, IReadOnlyList<string> targets)
    {
        var missing = new HashSet<string>(targets, StringComparer.Ordinal);
        var found = new List<(string, string, nn.Module<Tensor, Tensor>)>();
        var layers = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (component, module) in components)
            foreach (var (path, child) in module.named_modules())
            {
                if (child is not (Linear or Conv2d))
                    continue;
                layers.Add(path[(path.LastIndexOf('.') + 1)..]);
                var meant = targets.Where(t => path == t || path.EndsWith("." + t, StringComparison.Ordinal)).ToList();
                missing.ExceptWith(meant);
                if (meant.Count > 0)
                    found.Add((component, path, (nn.Module<Tensor, Tensor>)child));
            }
        // One list may serve UNet and text encoders: attention of the other kind is no mistake.
        if (found.Count > 0)
            missing.ExceptWith([.. UNetAttention, .. TextAttention]);
        if (missing.Count > 0 || found.Count == 0)
            throw new ArgumentException($"no layer of {string.Join(", ", components.Keys)} is named"
                + $" {string.Join(", ", missing)}; their layers' names end in"
                + $" {string.Join(", ", layers.Order(StringComparer.Ordinal).Take(24))}", nameof(targets));
        return found;
    }
}
