// Prompts to embeddings: one text encoder (SD 1.5, 2.x), two (SDXL) or the second alone (its refiner).
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>The text encoders of a pipeline with their tokenizers.</summary>
/// <param name="Tokenizer">Tokenizer of the first encoder.</param>
/// <param name="Encoder">CLIP's text model; null in the refiner.</param>
/// <param name="Tokenizer2">Tokenizer of the second encoder.</param>
/// <param name="Encoder2">Text model with projection; null in SD 1.5 and 2.x.</param>
public sealed record PromptEncoder(ClipTokenizer? Tokenizer, CLIPTextModel? Encoder, ClipTokenizer? Tokenizer2 = null,
    CLIPTextModelWithProjection? Encoder2 = null)
{
    /// <summary>Where the encoders compute; null for where their weights are.</summary>
    public Device? Device { get; init; }

    /// <summary>Encodes a prompt.</summary>
    /// <param name="prompt">The prompt; it is cut with a warning when it is too long.</param>
    /// <param name="prompt2">Prompt for the second encoder; null for the same.</param>
    /// <param name="clipSkip">
    /// Layers to leave out at the end; null for the usual (none with one encoder, one with SDXL's).
    /// </param>
    /// <param name="gradients">Whether gradients reach the encoders' parameters: training.</param>
    /// <exception cref="InvalidOperationException">No text encoder is there.</exception>
    public PromptEmbeddings Encode(string prompt, string? prompt2 = null, int? clipSkip = null,
        bool gradients = false) => Encode([prompt], prompt2 is null ? null : [prompt2], clipSkip, gradients);

    /// <summary>Encodes several prompts in one go.</summary>
    /// <param name="prompts">The prompts; they are cut with a warning where they are too long.</param>
    /// <param name="prompts2">Prompts for the second encoder, as many; null for the same.</param>
    /// <param name="clipSkip">Layers to leave out at the end; null for the usual.</param>
    /// <param name="gradients">Whether gradients reach the encoders' parameters: training.</param>
    /// <returns>Text [prompts, T, C], pooled [prompts, P].</returns>
    /// <exception cref="InvalidOperationException">No text encoder is there.</exception>
    public PromptEmbeddings Encode(IReadOnlyList<string> prompts, IReadOnlyList<string>? prompts2 = null,
        int? clipSkip = null, bool gradients = false)
    {
        if (Encoder is null && Encoder2 is null)
            throw new InvalidOperationException(
                "the pipeline has no text encoder; give embeddings instead of a prompt");
        using var noGradients = gradients ? null : no_grad();
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        Tensor? pooled = null;
        if (Encoder is not null)
        {
            using var output = Encoder.forward(Ids(Tokenizer, prompts, Encoder.TokenEmbedding),
                output_hidden_states: true);
            // One encoder alone gives its last state normalised; SDXL takes the last but one as it is.
            parts.Add(Encoder2 is not null ? State(output, (clipSkip ?? 0) + 2).clone()
                : clipSkip is null or 0 ? output.LastHiddenState.clone()
                : Encoder.FinalLayerNorm(State(output, clipSkip.Value + 1)));
        }
        if (Encoder2 is not null)
        {
            using var output = Encoder2.forward(Ids(Tokenizer2, prompts2 ?? prompts, Encoder2.TokenEmbedding),
                output_hidden_states: true);
            parts.Add(State(output, (clipSkip ?? 0) + 2).clone());
            pooled = output.TextEmbeds!.clone();
        }
        return new PromptEmbeddings((parts.Count == 1 ? parts[0] : cat(parts, -1))
            .MoveToOuterDisposeScope(), pooled?.MoveToOuterDisposeScope());
    }

    private static Tensor State(CLIPTextOutput output, int fromEnd) =>
        output.HiddenStates is { } states && fromEnd <= states.Count ? states[^fromEnd]
        : throw new ArgumentOutOfRangeException(nameof(fromEnd),
            $"the text encoder has {(output.HiddenStates?.Count ?? 1) - 1} layers; clip skip is too large");

    private Tensor Ids(ClipTokenizer? tokenizer, IReadOnlyList<string> prompts, TorchSharp.Modules.Embedding table)
    {
        if (tokenizer is null)
            throw new InvalidOperationException("the pipeline has no tokenizer (a single file holds none);"
                + " give the folder of its vocabulary, or embeddings instead of a prompt");
        long[] all = [.. prompts.SelectMany(p => tokenizer.EncodePadded(p).Ids)];
        var ids = tensor(all, ScalarType.Int64, CPU).reshape(prompts.Count, -1);
        return ids.to(Device ?? table.weight!.device);
    }
}
