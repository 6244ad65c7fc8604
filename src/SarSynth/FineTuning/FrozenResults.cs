// What the frozen autoencoder and the frozen text encoders make of tiles and captions, from the disk where it is kept.
using System.Runtime.InteropServices;
using SarSynth.Data;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>Latents and embeddings of a base.</summary>
internal sealed class FrozenResults
{
    private readonly LatentDiffusion model;
    private readonly Lazy<LatentCache>? latents, embeddings;

    /// <param name="folder">Where they are kept; null keeps none.</param>
    /// <param name="model">The base. Its weights are looked at when the first result is asked for: after the
    /// autoencoder's own training.</param>
    /// <param name="warn">Told of damaged files, and of a full disk.</param>
    public FrozenResults(string? folder, LatentDiffusion model, Action<string> warn)
    {
        this.model = model;
        if (folder is null)
            return;
        latents = new(() => new(folder, LatentCache.HashOf(model.Vae.named_parameters()
            .Where(p => p.name.StartsWith("encoder.", StringComparison.Ordinal)
                || p.name.StartsWith("quant_conv.", StringComparison.Ordinal))
            .Select(p => KeyValuePair.Create(p.name, (Tensor)p.parameter))), warn));
        embeddings = new(() => new(folder, LatentCache.HashOf(new (string Name, nn.Module? Encoder)[]
            { ("text_encoder", model.Prompts.Encoder), ("text_encoder_2", model.Prompts.Encoder2) }
            .Where(e => e.Encoder is not null).SelectMany(e => e.Encoder!.named_parameters()
                .Select(p => KeyValuePair.Create($"{e.Name}.{p.name}", (Tensor)p.parameter)))), warn));
    }

    /// <summary>Results that were read, and results that were made and kept.</summary>
    public (long Read, long Made) Counts => (Sum(c => c.Read), Sum(c => c.Made));

    /// <summary>Scaled latents of an image.</summary>
    /// <param name="image">[1, channels, H, W] in [0, 1], on the CPU.</param>
    /// <param name="noise">Standard normal of the latents' shape, where the model computes.</param>
    /// <param name="keep">Whether the same image will come again.</param>
    public Tensor Latents(Tensor image, Tensor noise, bool keep)
    {
        if (latents is null || !keep)
            return model.Encode(image, noise);
        using var scope = NewDisposeScope();
        var first = image.select(1, 0).contiguous();
        var (kept, _) = latents.Value.Of(
            LatentCache.KeyOf($"moments {string.Join(' ', image.shape)}", first.bytes), () =>
        {
            using var posterior = model.Vae.encode(image.to(ScalarType.Float32, model.Device).Times(2).Minus_(1));
            return (cat([posterior.Mean, posterior.LogVar], 1), null);
        });
        using var again = new DiagonalGaussian(kept.to(model.Device));
        return LatentScaling.Scaled(model.Vae.Config, again.Sample(noise)).MoveToOuterDisposeScope();
    }

    /// <summary>Embeddings of a prompt, where the model computes.</summary>
    public PromptEmbeddings Embeddings(string prompt)
    {
        if (embeddings is null)
            return model.Prompts.Encode(prompt);
        var prompts = model.Prompts;
        // The tokens, and not the words: they are what the encoders see.
        long[] ids = [.. new[] { prompts.Tokenizer, prompts.Tokenizer2 }.Where(t => t is not null)
            .SelectMany(t => t!.EncodePadded(prompt).Ids.Select(id => (long)id).Append(-1))];
        var (text, pooled) = embeddings.Value.Of(
            LatentCache.KeyOf("embeddings", MemoryMarshal.AsBytes<long>(ids)), () =>
        {
            var made = prompts.Encode(prompt);
            return (made.Text, made.Pooled);
        });
        return new PromptEmbeddings(text.to(model.Device), pooled?.to(model.Device));
    }

    private long Sum(Func<LatentCache, long> of) => new[] { latents, embeddings }
        .Where(c => c is { IsValueCreated: true }).Sum(c => of(c!.Value));
}
