// Learned tokens: words whose embeddings were found by training. Gal et al. (2023), textual inversion.
using System.Globalization;
using System.Text.RegularExpressions;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Tokenizers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Adapters;

/// <summary>A word of one or more learned embeddings in a tokenizer and a text encoder.</summary>
/// <remarks>While it is there, the word's rows of the encoder's table are <see cref="Vectors"/>, which may be trained
/// alone:
/// give them to the trainer and freeze the rest. <see cref="Bake"/> writes them into the table.</remarks>
public sealed class LearnedToken : IDisposable
{
    private readonly Embedding table;
    private readonly int[] ids;
    private readonly Action removeHook;

    private LearnedToken(string word, Parameter vectors, ClipTokenizer tokenizer, Embedding table)
    {
        Word = word;
        Vectors = vectors;
        this.table = table;
        // Several vectors are several tokens, word, word_1, word_2, as in diffusers.
        ids = [.. Enumerable.Range(0, (int)vectors.shape[0]).Select(i => tokenizer.AddToken(Name(i)))];
        Grow(table, ids.Max() + 1);
        removeHook = table.register_forward_hook((_, tokens, embedded) => Replace(tokens, embedded)).remove;
    }

    /// <summary>The word as it stands in prompts.</summary>
    public string Word { get; }

    /// <summary>The embeddings, [vectors, width], float32.</summary>
    public Parameter Vectors { get; }

    /// <summary>A new word that starts as a known one.</summary>
    /// <param name="word">The word; must not be a token yet.</param>
    /// <param name="tokenizer">Gets the word.</param>
    /// <param name="table">Token table of the text encoder that goes with the tokenizer.</param>
    /// <param name="like">A word that the new one starts as; its first token counts.</param>
    /// <param name="vectors">Number of embeddings.</param>
    /// <exception cref="ArgumentException">
    /// The word, or one that its further embeddings would have, is a token already.
    /// </exception>
    public static LearnedToken Create(string word, ClipTokenizer tokenizer, Embedding table, string like,
        int vectors = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vectors, 1);
        if (Enumerable.Range(0, vectors).Select(i => Name(word, i)).FirstOrDefault(tokenizer.Contains) is { } known)
        {
            throw new ArgumentException($"'{known}' is a token of the tokenizer already; give another word",
                nameof(word));
        }
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var start = table.weight!.select(0, tokenizer.Encode(like)[1]).to(ScalarType.Float32)
            .unsqueeze(0).repeat(vectors, 1).clone().DetachFromDisposeScope();
        return new LearnedToken(word, (Parameter)new Parameter(start).DetachFromDisposeScope(), tokenizer, table);
    }

    /// <summary>Reads a word's embeddings.</summary>
    /// <param name="path">A safetensors file with one tensor for each encoder: named by the word, or clip_l and
    /// clip_g in SDXL's files.</param>
    /// <param name="tokenizer">Gets the word.</param>
    /// <param name="table">
    /// Token table of the text encoder; its width says which tensor is meant where there are several.
    /// </param>
    /// <param name="word">The word; null for the name in the file: its metadata's "word", or the tensor's.</param>
    /// <exception cref="CheckpointException">No tensor of the encoder's width, or no name for the word.</exception>
    public static LearnedToken Load(string path, ClipTokenizer tokenizer, Embedding table, string? word = null)
    {
        using var scope = NewDisposeScope();
        using var file = SafeTensorsFile.Open(path);
        long width = table.weight!.shape[1];
        var entry = file.Header.Entries.FirstOrDefault(e => e.Shape.Count is 1 or 2 && e.Shape[^1] == width)
            ?? throw new CheckpointException(path,
                $"no embedding of width {width} among "
                + $"{string.Join(", ", file.Header.Entries.Select(e => $"{e.Name} [{string.Join(", ", e.Shape)}]"))}");
        bool named = entry.Name is not ("clip_l" or "clip_g" or "emb_params");
        word ??= file.Header.Metadata.TryGetValue("word", out var told) && told.Length > 0 ? told
            : named ? entry.Name
            : throw new CheckpointException(path, $"tensor '{entry.Name}' does not name the word; give one");
        using var noGradients = no_grad();
        var vectors = file.Read(entry.Name, ScalarType.Float32, table.weight!.device).reshape(-1, width);
        var own = (Parameter)new Parameter(vectors, requires_grad: false).DetachFromDisposeScope();
        return new LearnedToken(word, own, tokenizer, table);
    }

    /// <summary>Writes the embeddings under the word's name.</summary>
    public void Save(string path) => SafeTensors.Save(path, new Dictionary<string, Tensor> { [Word] = Vectors });

    /// <summary>The prompt with the word as all of its tokens.</summary>
    public string Expand(string prompt) => ids.Length == 1 ? prompt
        : Regex.Replace(prompt, Regex.Escape(Word) + @"(?!_\d)", string.Join(' ',
            Enumerable.Range(0, ids.Length).Select(Name)).Replace("$", "$$", StringComparison.Ordinal));

    /// <summary>Writes the embeddings into the encoder's table, so that a saved encoder knows the word.</summary>
    public void Bake()
    {
        using var noGradients = no_grad();
        for (int i = 0; i < ids.Length; i++)
        {
            using var scope = NewDisposeScope();
            table.weight!.select(0, ids[i]).copy_(Vectors.select(0, i));
        }
    }

    /// <summary>Takes the vectors off the encoder; what was baked stays.</summary>
    public void Dispose()
    {
        removeHook();
        Vectors.Dispose();
    }

    private string Name(int index) => Name(Word, index);

    private static string Name(string word, int index) =>
        index == 0 ? word : word + "_" + index.ToString(CultureInfo.InvariantCulture);

    private Tensor Replace(Tensor tokens, Tensor embedded)
    {
        using var scope = NewDisposeScope();
        var result = embedded;
        for (int i = 0; i < ids.Length; i++)
        {
            var here = tokens.EqualTo(ids[i]).unsqueeze(-1);
            result = where(here, Vectors.select(0, i).to(embedded.dtype), result);
        }
        return result.MoveToOuterDisposeScope();
    }

    private static void Grow(Embedding table, int rows)
    {
        long missing = rows - table.Rows();
        if (missing <= 0)
            return;
        using var noGradients = no_grad();
        using var old = table.weight!;
        using var more = zeros([missing, old.shape[1]], old.dtype, old.device);
        using var whole = cat([old, more]);
        ModuleWeights.Replace(table, "weight", new Parameter(whole.clone(), old.requires_grad), nameof(LearnedToken));
    }
}
