// Models that do not fit on the device: their weights stay where they are (mapped files, host
// memory), and each block's go to the device for its own call. Rajbhandari et al. (2021),
// "ZeRO-Infinity", section 5, for one device and inference.
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Memory;

/// <summary>
/// Moves a model's weights block by block, until it is disposed. A block is a residual block, a transformer
/// block, a layer of a text encoder, or a layer outside of such. Each call copies its block's weights to the
/// device and lets the copies go after it, so that the device holds one block's weights at a time. For
/// inference: with gradients, autograd keeps the copies.
/// </summary>
/// <remarks>
/// Inputs must be on the device. On the CPU the copies are made too, so that what is held can be counted there.
/// </remarks>
public sealed class BlockOffload : IDisposable
{
    private readonly Device device;
    private readonly List<Action> hooks = [];

    /// <param name="module">The model; its weights stay on their device.</param>
    /// <param name="device">Where it computes.</param>
    /// <exception cref="ArgumentException">A parameter that belongs to no block that can be moved.</exception>
    public BlockOffload(nn.Module module, Device device)
    {
        this.device = device;
        TotalBytes = module.parameters().Sum(Bytes);
        var moved = new HashSet<string>(StringComparer.Ordinal);
        // Outer modules come before what they hold.
        foreach (var (path, part) in module.named_modules().Where(m => m.Item1.Length > 0)
            .OrderBy(m => m.Item1.Count(c => c == '.')))
        {
            if (Parents(path).Any(moved.Contains) || !Register(part))
                continue;
            moved.Add(path);
        }
        if (module.named_parameters().Select(p => p.Item1)
            .FirstOrDefault(name => !Parents(name).Any(moved.Contains)) is { } left)
        {
            Dispose();
            throw new ArgumentException($"parameter '{left}' is in no block that can be moved", nameof(module));
        }
        Blocks = moved.Count;
    }

    /// <summary>Number of blocks.</summary>
    public int Blocks { get; }

    /// <summary>Bytes of all weights.</summary>
    public long TotalBytes { get; }

    /// <summary>Bytes of weights that are on the device now.</summary>
    public long ResidentBytes { get; private set; }

    /// <summary>Most bytes of weights that were on the device at once.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Leaves the model as it was, computing where its weights are.</summary>
    public void Dispose()
    {
        hooks.ForEach(remove => remove());
        hooks.Clear();
    }

    private bool Register(nn.Module part)
    {
        var stay = new Stack<List<(nn.Module Layer, string Name, Tensor Home)>>();
        void Before() => stay.Push(ToDevice(part));
        T After<T>(T result)
        {
            Back(stay.Pop());
            return result;
        }
        // A call that threw has left its block on the device.
        hooks.Add(() =>
        {
            while (stay.Count > 0)
                Back(stay.Pop());
        });
        switch (part)
        {
            case Linear or Convolution or GroupNorm or LayerNorm or Embedding:
                var layer = (nn.Module<Tensor, Tensor>)part;
                hooks.Add(layer.register_forward_pre_hook((_, input) => { Before(); return input; }).remove);
                hooks.Add(layer.register_forward_hook((_, _, result) => After(result)).remove);
                return true;
            case BasicTransformerBlock or ResnetBlock2D or SpatialAttention:
                var block = (nn.Module<Tensor, BlockContext, Tensor>)part;
                hooks.Add(block.register_forward_pre_hook((_, input, context) =>
                    { Before(); return (input, context); }).remove);
                hooks.Add(block.register_forward_hook((_, _, _, result) => After(result)).remove);
                return true;
            case CLIPEncoderLayer text:
                hooks.Add(text.register_forward_pre_hook((_, input, bias) =>
                    { Before(); return (input, bias); }).remove);
                hooks.Add(text.register_forward_hook((_, _, _, result) => After(result)).remove);
                return true;
            default:
                return false;
        }
    }

    private List<(nn.Module Layer, string Name, Tensor Home)> ToDevice(nn.Module part)
    {
        using var noGradients = no_grad();
        var homes = new List<(nn.Module, string, Tensor)>();
        foreach (var layer in part.modules().Prepend(part).Distinct<nn.Module>(ReferenceEqualityComparer.Instance))
        {
            foreach (var (name, parameter) in layer.named_parameters(recurse: false).ToList())
            {
                // The layer lets its parameter go when it is given another one; this handle keeps the memory.
                homes.Add((layer, name, parameter.detach().DetachFromDisposeScope()));
                ResidentBytes += Bytes(parameter);
                ModuleWeights.Replace(layer, name,
                    new Parameter(parameter.detach().to(parameter.dtype, device, copy: true), parameter.requires_grad),
                    nameof(BlockOffload));
            }
        }
        PeakBytes = Math.Max(PeakBytes, ResidentBytes);
        return homes;
    }

    private void Back(List<(nn.Module Layer, string Name, Tensor Home)> homes)
    {
        using var noGradients = no_grad();
        foreach (var (layer, name, home) in homes)
        {
            var copy = layer.get_parameter(name)!;
            ResidentBytes -= Bytes(copy);
            ModuleWeights.Replace(layer, name, new Parameter(home, copy.requires_grad), nameof(BlockOffload));
            copy.Dispose();
        }
    }

    private static long Bytes(Tensor parameter) => parameter.NumberOfElements * parameter.ElementSize;

    private static IEnumerable<string> Parents(string path)
    {
        for (var dot = path.LastIndexOf('.'); dot > 0; dot = path.LastIndexOf('.', dot - 1))
            yield return path[..dot];
    }
}
