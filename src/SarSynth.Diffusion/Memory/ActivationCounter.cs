// What a forward pass keeps in memory, counted layer by layer on small inputs: for autograd, or without gradients.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Memory;

/// <summary>A layer's call in a forward pass, or a block's beginning.</summary>
/// <param name="Block">Number of the block that it is in, -1 outside of all.</param>
/// <param name="IsInput">Whether it is the block's input, which gradient checkpointing keeps.</param>
/// <param name="Kept">Bytes that are kept for the way back and that no earlier call kept.</param>
/// <param name="Gradients">Bytes of the layer's gradients.</param>
internal readonly record struct LayerCall(int Block, bool IsInput, double Kept, long Gradients);

/// <summary>
/// Counts while it lives. With gradients, what autograd keeps: inputs of layers and normalisations, what SiLU, GELU and
/// attention get. Without, what is there at once, as far as it passes through layers.
/// </summary>
internal sealed class ActivationCounter : IDisposable
{
    private const string Gated = "GEGLU";

    private readonly List<Action> hooks = [];
    private readonly HashSet<nint> kept = [];
    private readonly HashSet<Parameter> known = new(ReferenceEqualityComparer.Instance);
    private readonly List<(Tensor Tensor, nint Memory, long Bytes)> seen = [];
    private int block = -1, blocks;

    public ActivationCounter(IEnumerable<nn.Module> models)
    {
        var parts = models.SelectMany(m => m.named_modules().Prepend(("", m)));
        foreach (var (path, part) in parts.DistinctBy(p => p.Item2, ReferenceEqualityComparer.Instance))
        {
            if (part is not (Linear or Convolution or GroupNorm or LayerNorm or Embedding) && part.GetName() != Gated)
                continue;
            var layer = (nn.Module<Tensor, Tensor>)part;
            hooks.Add(layer.register_forward_hook((_, input, output) =>
            {
                Count(path, layer, input, output);
                return output;
            }).remove);
        }
    }

    /// <summary>The layers' calls in their order.</summary>
    public List<LayerCall> Calls { get; } = [];

    /// <summary>Most bytes of activations that were there at once without gradients.</summary>
    public long Peak { get; private set; }

    /// <summary>Runs blocks and tells them apart.</summary>
    public Tensor Run(Func<IReadOnlyList<Tensor>, Tensor> body, IReadOnlyList<Tensor> inputs)
    {
        block = blocks++;
        // The state of a block's inputs is kept whether or not a layer outside keeps it.
        Calls.Add(new LayerCall(block, true, inputs.Sum(Bytes), 0));
        var result = body(inputs);
        block = -1;
        return result;
    }

    public void Dispose()
    {
        hooks.ForEach(remove => remove());
        hooks.Clear();
    }

    private void Count(string path, nn.Module<Tensor, Tensor> layer, Tensor input, Tensor output)
    {
        if (!is_grad_enabled())
        {
            Live(input, output);
            return;
        }
        long bytes = 0;
        if (output.requires_grad)
        {
            bool isNorm = layer is GroupNorm or LayerNorm;
            // A frozen convolution needs its kernel alone; a linear layer's input is kept by a LoRA beside it.
            if (isNorm || layer is Linear || layer.parameters(recurse: false).Any(p => p.requires_grad))
                bytes += New(input);
            // What SiLU, attention and GEGLU get. GEGLU keeps the gate's GELU too, as large as its result.
            bool gated = layer.GetName() == Gated;
            if (isNorm || gated || path[(path.LastIndexOf('.') + 1)..]
                is "to_q" or "to_k" or "to_v" or "q_proj" or "k_proj" or "v_proj" or "proj")
                bytes += gated ? Bytes(output) + New(output) : New(output);
        }
        long gradients = layer.parameters(recurse: false).Where(p => p.requires_grad && known.Add(p)).Sum(Bytes);
        Calls.Add(new LayerCall(block, false, bytes, gradients));
    }

    private long New(Tensor tensor) => kept.Add(Memory(tensor)) ? Bytes(tensor) : 0;

    private void Live(params Tensor[] tensors)
    {
        seen.RemoveAll(s => s.Tensor.IsInvalid);
        seen.AddRange(tensors.Select(t => (t, Memory(t), Bytes(t))));
        Peak = Math.Max(Peak, seen.DistinctBy(s => s.Memory).Sum(s => s.Bytes));
    }

    private static long Bytes(Tensor tensor) => tensor.NumberOfElements * tensor.ElementSize;

    // Views share the memory of what they are views of.
    private static unsafe nint Memory(Tensor tensor)
    {
        // The first element of the memory, as a tensor of its own: TorchSharp shows the address of whole tensors alone.
        using var plain = tensor.detach();
        using var first = plain.as_strided([1], [1], 0);
        return (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }
}
