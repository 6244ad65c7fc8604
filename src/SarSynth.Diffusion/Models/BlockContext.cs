// What every block of one forward pass shares.
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>The conditions of one forward pass, the same for all blocks.</summary>
internal sealed class BlockContext
{
    /// <summary>A context without conditions: the VAE's.</summary>
    public static BlockContext None { get; } = new();

    /// <summary>SiLU of the time embedding, [N, E]; null in the VAE.</summary>
    public Tensor? Embedding { get; init; }

    /// <summary>Text embeddings, [N, T, C].</summary>
    public Tensor? Text { get; init; }

    /// <summary>Added to the attention scores over the text, [N, 1, T]; null where every token counts.</summary>
    public Tensor? TextBias { get; init; }

    /// <summary>Keys and values of the text, kept between steps; null where they are computed anew.</summary>
    public TextCache? Cache { get; init; }

    /// <summary>How blocks are run; null for simply so.</summary>
    public BlockRunner? Runner { get; init; }

    /// <summary>Runs one block on a tensor, through the runner where there is one.</summary>
    public Tensor Run(nn.Module<Tensor, BlockContext, Tensor> block, Tensor input)
    {
        using var marked = BackwardMarks.On(block, input);
        input = marked ?? input;
        if (Runner is null)
            return block.call(input, this);
        var inputs = new List<Tensor> { input };
        int embedding = Append(inputs, Embedding), text = Append(inputs, Text);
        return Runner(
            given => block.call(given[0], new()
            {
                Embedding = embedding < 0 ? null : given[embedding],
                Text = text < 0 ? null : given[text],
                TextBias = TextBias,
            }),
            inputs);
    }

    private static int Append(List<Tensor> inputs, Tensor? tensor)
    {
        if (tensor is null)
            return -1;
        inputs.Add(tensor);
        return inputs.Count - 1;
    }
}

/// <summary>
/// Keys and values of the text in every cross-attention, computed at the first step and used at all others: the text
/// does not change while an image is denoised. Only without gradients. Dispose it with the image.
/// </summary>
public sealed class TextCache : IDisposable
{
    private readonly Dictionary<object, (Tensor Key, Tensor Value)> entries = new(ReferenceEqualityComparer.Instance);

    internal bool TryGet(object attention, out (Tensor Key, Tensor Value) entry) =>
        entries.TryGetValue(attention, out entry);

    internal void Add(object attention, Tensor key, Tensor value) =>
        entries.Add(attention, (key.DetachFromDisposeScope(), value.DetachFromDisposeScope()));

    /// <summary>Lets go of all keys and values; call it when the text changes.</summary>
    public void Clear()
    {
        foreach (var (key, value) in entries.Values)
        {
            key.Dispose();
            value.Dispose();
        }
        entries.Clear();
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();
}
