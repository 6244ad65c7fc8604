// Mixed precision, operator by operator: Micikevicius et al. (2018). Linear layers, convolutions and the
// attention between them in 16 bits; normalisations, and everything outside of such layers, in float32; the
// weights' masters and their gradients in float32.
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Memory;

/// <summary>
/// Puts a model into mixed precision as torch.autocast has it, until it is disposed. Inputs of linear
/// layers and convolutions become 16 bits wide, inputs of normalisations float32; what lies between keeps
/// the type that it gets (softmax sums in float32 in the engine). Each weight of those layers has a
/// 16-bit copy, made once and not at every call.
/// </summary>
/// <remarks>
/// Training: give <see cref="Masters"/> to the optimizer; call <see cref="CollectGradients"/> after each backward and
/// <see cref="Refresh"/> after each step (the trainer does, see TrainerOptions).
/// </remarks>
public sealed class Autocast : IDisposable
{
    private readonly List<(nn.Module Layer, string Name, Parameter Master)> narrowed = [];
    private readonly Dictionary<string, Parameter> masters = new(StringComparer.Ordinal);
    private readonly List<Action> hooks = [];
    private readonly bool keepMasters;
    private Tensor? done;

    /// <param name="module">
    /// A model with float32 parameters, or, where no masters are kept, of any type of the file's: mapped pages of it
    /// are not copied to float32 first. Its linear layers and convolutions get parameters of their own type.
    /// </param>
    /// <param name="type">bfloat16 or float16; float16's range is small, so that training wants a scaled loss.</param>
    /// <param name="keepMasters">
    /// Whether the float32 weights of those layers are kept, to be trained and given back. Without them the model takes
    /// a good half of its memory, and is not one of float32 again.
    /// </param>
    /// <exception cref="ArgumentException">Another type, or parameters that are not float32.</exception>
    public Autocast(nn.Module module, ScalarType type = ScalarType.BFloat16, bool keepMasters = true)
    {
        this.keepMasters = keepMasters;
        if (type is not (ScalarType.BFloat16 or ScalarType.Float16))
            throw new ArgumentException($"type is {type}, expected BFloat16 or Float16", nameof(type));
        if (keepMasters && module.named_parameters()
            .FirstOrDefault(p => p.Item2.dtype != ScalarType.Float32) is { Item2: { } other } found)
            throw new ArgumentException($"parameter '{found.Item1}' is {other.dtype}, "
                + $"expected Float32: autocast keeps the weights in float32", nameof(module));
        Type = type;
        using var noGradients = no_grad();
        foreach (var (path, layer) in module.named_modules().ToList())
        {
            switch (layer)
            {
                case Linear linear:
                    Narrow(path, linear, linear.weight, linear.bias);
                    Cast(linear, type);
                    break;
                case Convolution convolution:
                    Narrow(path, convolution, convolution.weight, convolution.bias);
                    Cast(convolution, type);
                    break;
                case GroupNorm or LayerNorm:
                    Widen(layer);
                    Cast((nn.Module<Tensor, Tensor>)layer, ScalarType.Float32);
                    break;
            }
        }
        foreach (var (name, parameter) in module.named_parameters().Where(p => p.parameter.dtype != type))
            masters.TryAdd(name, parameter);
    }

    /// <summary>The type of linear layers, convolutions and attention.</summary>
    public ScalarType Type { get; }

    /// <summary>
    /// All parameters of the model in float32, by their names: those to train, to save, and to average. Those of layers
    /// whose masters are not kept are not among them.
    /// </summary>
    public IReadOnlyDictionary<string, Parameter> Masters => masters;

    /// <summary>Adds the gradients of the 16-bit copies to those of their masters, and drops them.</summary>
    /// <param name="factor">Factor on them: one over the scale of the loss.</param>
    public void CollectGradients(double factor = 1)
    {
        Collect(narrowed, factor);
        if (factor == 1)
            return;
        var own = narrowed.Select(n => n.Master).ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var parameter in masters.Values.Where(p => !own.Contains(p)))
            parameter.grad?.Times_(factor);
    }

    /// <summary>As <see cref="CollectGradients"/>, of some masters alone.</summary>
    /// <param name="of">Some of <see cref="Masters"/>; others are passed over.</param>
    internal void CollectGradientsOf(IEnumerable<Parameter> of)
    {
        var wanted = of.ToHashSet(ReferenceEqualityComparer.Instance);
        Collect(narrowed.Where(n => wanted.Contains(n.Master)), 1);
    }

    /// <summary>Makes the 16-bit copies anew from their masters.</summary>
    public void Refresh()
    {
        using var noGradients = no_grad();
        foreach (var (layer, name, master) in narrowed)
            layer.get_parameter(name)!.copy_(master);
    }

    /// <summary>
    /// Takes the casts off the model and gives it its float32 parameters back, as they are now, where they were kept.
    /// </summary>
    public void Dispose()
    {
        hooks.ForEach(remove => remove());
        hooks.Clear();
        done?.Dispose();
        foreach (var (layer, name, master) in narrowed)
            ModuleWeights.Replace(layer, name, new Parameter(master.detach(), master.requires_grad), nameof(Autocast));
        narrowed.Clear();
        masters.Clear();
    }

    private static void Collect(IEnumerable<(nn.Module Layer, string Name, Parameter Master)> layers, double factor)
    {
        using var noGradients = no_grad();
        foreach (var (layer, name, master) in layers)
        {
            var copy = layer.get_parameter(name)!;
            if (copy.grad is not { } gradient)
                continue;
            using var scope = NewDisposeScope();
            var wide = gradient.to(ScalarType.Float32).Times_(factor);
            if (master.grad is { } sum)
                sum.Plus_(wide);
            else
                master.grad = wide.DetachFromDisposeScope();
            copy.grad = null!;
        }
    }

    private void Narrow(string path, nn.Module layer, Parameter weight, Parameter? bias)
    {
        foreach (var (name, parameter) in new[] { ("weight", weight), ("bias", bias) })
        {
            if (parameter is null)
                continue;
            if (!keepMasters)
            {
                if (parameter.dtype == Type)
                    continue;
                var narrow = new Parameter(parameter.detach().to(Type), requires_grad: false);
                ModuleWeights.Replace(layer, name, narrow, nameof(Autocast));
                continue;
            }
            // The setter lets the old parameter go; its memory lives on in the master.
            var master = new Parameter(parameter.detach(), parameter.requires_grad);
            ModuleWeights.Replace(layer, name, new Parameter(parameter.detach().to(Type), parameter.requires_grad),
                nameof(Autocast));
            narrowed.Add((layer, name, master));
            masters.Add(path.Length == 0 ? name : $"{path}.{name}", master);
        }
    }

    private static void Widen(nn.Module layer)
    {
        foreach (var (name, parameter) in layer.named_parameters(recurse: false).ToList())
        {
            if (parameter.dtype != ScalarType.Float32)
                ModuleWeights.Replace(layer, name, new Parameter(parameter.detach().to(ScalarType.Float32),
                    parameter.requires_grad), nameof(Autocast));
        }
    }

    private void Cast(nn.Module<Tensor, Tensor> layer, ScalarType type)
    {
        Tensor? cast = null;
        var before = layer.register_forward_pre_hook((_, input) =>
        {
            done?.Dispose();
            done = null;
            return input.dtype == type || !input.is_floating_point() ? input : cast = input.to(type);
        });
        var after = layer.register_forward_hook((_, _, output) =>
        {
            // Hooks that come after this one (a LoRA's) want the input too: it goes when the next layer begins.
            if (!ReferenceEquals(output, cast))
                done = cast;
            cast = null;
            return output;
        });
        hooks.Add(before.remove);
        hooks.Add(after.remove);
    }
}
