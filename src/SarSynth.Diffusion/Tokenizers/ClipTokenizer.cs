// CLIP's byte-pair tokenizer: vocab.json and merges.txt as transformers' slow CLIPTokenizer reads them.
// Sennrich et al. (2016), "Neural Machine Translation of Rare Words with Subword Units"; Radford et al. (2021), CLIP.
using System.Globalization;
using System.Text;
using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Diffusion.Tokenizers;

/// <summary>A prompt as a text encoder takes it.</summary>
/// <param name="Ids">Token ids, <see cref="ClipTokenizer.MaxLength"/> of them: begin, text, end, padding.</param>
/// <param name="AttentionMask">1 for begin, text and end, 0 for padding.</param>
/// <param name="Truncated">The end of the prompt that did not fit, or null.</param>
public sealed record TokenizedPrompt(long[] Ids, long[] AttentionMask, string? Truncated);

/// <summary>CLIP's byte-pair tokenizer.</summary>
public sealed partial class ClipTokenizer
{
    /// <summary>The begin token of CLIP.</summary>
    public const string BeginToken = "<|startoftext|>";

    /// <summary>The end token of CLIP; it stands for unknown pieces too.</summary>
    public const string EndToken = "<|endoftext|>";

    private const string WordEnd = "</w>";

    // Lines after these are left out, as by transformers.
    private const int MergesOfClip = 49152 - 256 - 2;
    private static readonly string[] ByteChars = MakeByteChars();
    private static readonly Dictionary<char, byte> CharBytes =
        ByteChars.Select((c, i) => (c, i)).ToDictionary(p => p.c[0], p => (byte)p.i);

    private readonly Dictionary<string, int> vocabulary;
    private readonly Dictionary<int, string> tokens;
    private readonly Dictionary<(string, string), int> ranks = [];
    private readonly List<(string First, string Second)> merges;
    private readonly HashSet<string> added = [BeginToken, EndToken];
    private readonly Dictionary<string, string[]> cache = [];

    /// <summary>A tokenizer from its vocabulary and merges.</summary>
    /// <param name="vocabulary">Token to id; contains both of CLIP's special tokens.</param>
    /// <param name="merges">Pairs in order of priority.</param>
    /// <param name="padToken">The token that fills up; "!" in the second tokenizer of SDXL and in SD 2.</param>
    /// <param name="maxLength">Ids of a padded prompt, begin and end included; at least 2.</param>
    /// <exception cref="ArgumentException">
    /// A special token or the pad token is not in the vocabulary, or the length is under 2.
    /// </exception>
    public ClipTokenizer(IReadOnlyDictionary<string, int> vocabulary, IEnumerable<(string First, string Second)> merges,
        string padToken = EndToken, int maxLength = 77)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 2);
        this.vocabulary = new Dictionary<string, int>(vocabulary, StringComparer.Ordinal);
        this.merges = [.. merges];
        foreach (var merge in this.merges)
            ranks.TryAdd(merge, ranks.Count);
        foreach (var needed in new[] { BeginToken, EndToken, padToken })
            if (!this.vocabulary.ContainsKey(needed))
                throw new ArgumentException($"the vocabulary of {vocabulary.Count} tokens has no '{needed}'",
                    nameof(vocabulary));
        tokens = [];
        foreach (var (token, id) in this.vocabulary)
            if (!tokens.TryAdd(id, token))
                throw new ArgumentException($"tokens '{tokens[id]}' and '{token}' both have the id {id}",
                    nameof(vocabulary));
        added.Add(padToken);
        PadToken = padToken;
        MaxLength = maxLength;
    }

    /// <summary>The token that fills up a prompt.</summary>
    public string PadToken { get; }

    /// <summary>Ids of a padded prompt, begin and end included.</summary>
    public int MaxLength { get; }

    /// <summary>Id of the begin token.</summary>
    public int BeginId => vocabulary[BeginToken];

    /// <summary>Id of the end token.</summary>
    public int EndId => vocabulary[EndToken];

    /// <summary>Id of the pad token.</summary>
    public int PadId => vocabulary[PadToken];

    /// <summary>Number of tokens, added ones included.</summary>
    public int VocabularySize => vocabulary.Count;

    /// <summary>Receives a line when a prompt is cut; standard error by default.</summary>
    public Action<string> Warn { get; set; } = Console.Error.WriteLine;

    /// <summary>
    /// A small vocabulary made from captions: the 512 byte tokens, the most frequent merges, CLIP's two special tokens.
    /// </summary>
    /// <param name="captions">Texts that the model will see.</param>
    /// <param name="vocabularySize">Tokens at most (fewer when the captions have no more pairs); at least 514.</param>
    /// <param name="maxLength">Ids of a padded prompt.</param>
    /// <remarks>
    /// Sennrich et al. (2016), algorithm 1; ties go to the ordinally smaller pair, so that the result is one.
    /// </remarks>
    public static ClipTokenizer Train(IEnumerable<string> captions, int vocabularySize, int maxLength = 77)
    {
        int mergeCount = vocabularySize - 2 * ByteChars.Length - 2;
        ArgumentOutOfRangeException.ThrowIfNegative(mergeCount, nameof(vocabularySize));
        var words = captions.SelectMany(c => ClipText.Words(ClipText.Clean(c)))
            .CountBy(w => w, StringComparer.Ordinal)
            .Select(p => (Pieces: Pieces(p.Key), Count: (long)p.Value)).ToList();
        var merges = new List<(string, string)>();
        while (merges.Count < mergeCount)
        {
            var counts = new Dictionary<(string First, string Second), long>();
            foreach (var (pieces, count) in words)
                for (int i = 0; i + 1 < pieces.Count; i++)
                    counts[(pieces[i], pieces[i + 1])] = counts.GetValueOrDefault((pieces[i], pieces[i + 1])) + count;
            if (counts.Count == 0)
                break;
            long most = counts.Values.Max();
            var best = counts.Where(p => p.Value == most).Select(p => p.Key)
                .OrderBy(p => p.First, StringComparer.Ordinal).ThenBy(p => p.Second, StringComparer.Ordinal).First();
            merges.Add(best);
            foreach (var (pieces, _) in words)
                Merge(pieces, best);
        }
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var token in ByteChars.OrderBy(c => c, StringComparer.Ordinal))
            vocabulary.Add(token, vocabulary.Count);
        foreach (var token in ByteChars.OrderBy(c => c, StringComparer.Ordinal))
            vocabulary.Add(token + WordEnd, vocabulary.Count);
        // Two different pairs can join to one token; it has one id.
        foreach (var (first, second) in merges)
            vocabulary.TryAdd(first + second, vocabulary.Count);
        vocabulary.Add(BeginToken, vocabulary.Count);
        vocabulary.Add(EndToken, vocabulary.Count);
        return new ClipTokenizer(vocabulary, merges, EndToken, maxLength);
    }

    /// <summary>Whether a text is one of the vocabulary's tokens, as it stands there.</summary>
    public bool Contains(string token) => vocabulary.ContainsKey(token);

    /// <summary>Adds a token that is never split, such as a learned "&lt;sar&gt;"; a known one keeps its id.</summary>
    /// <returns>The token's id.</returns>
    public int AddToken(string token)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(token);
        if (!vocabulary.TryGetValue(token, out int id))
        {
            id = vocabulary.Values.Max() + 1;
            vocabulary.Add(token, id);
            tokens.Add(id, token);
        }
        added.Add(token);
        return id;
    }

    /// <summary>The pieces of a prompt, without begin and end.</summary>
    public IReadOnlyList<string> Tokenize(string text)
    {
        var result = new List<string>();
        foreach (var (part, isToken) in SplitAdded(text))
            if (isToken)
                result.Add(part);
            else
                foreach (var word in ClipText.Words(ClipText.Clean(part)))
                    result.AddRange(BytePairs(word));
        return result;
    }

    /// <summary>The ids of a whole prompt with begin and end, neither cut nor padded.</summary>
    public int[] Encode(string text) => [BeginId, .. Tokenize(text).Select(Id), EndId];

    /// <summary>
    /// The ids of a prompt, cut or padded to <see cref="MaxLength"/>; what was cut is told to <see cref="Warn"/>.
    /// </summary>
    public TokenizedPrompt EncodePadded(string text)
    {
        var pieces = Tokenize(text);
        int kept = Math.Min(pieces.Count, MaxLength - 2);
        var ids = new long[MaxLength];
        Array.Fill(ids, PadId);
        ids[0] = BeginId;
        for (int i = 0; i < kept; i++)
            ids[i + 1] = Id(pieces[i]);
        ids[kept + 1] = EndId;
        var mask = new long[MaxLength];
        Array.Fill(mask, 1, 0, kept + 2);
        string? cut = kept < pieces.Count ? Decode(pieces.Skip(kept).Select(Id)) : null;
        if (cut is not null)
            Warn($"the prompt has {pieces.Count} tokens, {MaxLength - 2} fit; cut off: \"{cut}\"");
        return new TokenizedPrompt(ids, mask, cut);
    }

    /// <summary>The text of ids, tidied as transformers does it.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecial">Leave begin, end and pad out.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public string Decode(IEnumerable<int> ids, bool skipSpecial = true)
    {
        var parts = new List<string>();
        var run = new StringBuilder();
        foreach (int id in ids)
        {
            if (!tokens.TryGetValue(id, out var token))
                throw new ArgumentOutOfRangeException(nameof(ids), id, $"the vocabulary has {VocabularySize} tokens");
            bool special = token is BeginToken or EndToken || token == PadToken;
            if (special && skipSpecial)
                continue;
            if (added.Contains(token) && !special)
            {
                Flush();
                parts.Add(token);
            }
            else
            {
                run.Append(token);
            }
        }
        Flush();
        return Tidy(string.Join(' ', parts));

        void Flush()
        {
            var text = Encoding.UTF8.GetString([.. run.ToString().SelectMany(Bytes)])
                .Replace(WordEnd, " ", StringComparison.Ordinal).Trim();
            if (text.Length > 0)
                parts.Add(text);
            run.Clear();
        }
    }

    private int Id(string token) => vocabulary.TryGetValue(token, out int id) ? id : EndId;

    private IEnumerable<(string Part, bool IsToken)> SplitAdded(string text)
    {
        int from = 0;
        for (int at = 0; at < text.Length; at++)
        {
            // Of added tokens that begin here the longest one counts.
            var found = added.Where(t => string.CompareOrdinal(text, at, t, 0, t.Length) == 0).MaxBy(t => t.Length);
            if (found is null)
                continue;
            if (at > from)
                yield return (text[from..at], false);
            yield return (found, true);
            from = at + found.Length;
            at = from - 1;
        }
        if (from < text.Length)
            yield return (text[from..], false);
    }

    private string[] BytePairs(string word)
    {
        if (cache.TryGetValue(word, out var known))
            return known;
        var pieces = Pieces(word);
        while (pieces.Count > 1)
        {
            var best = (Rank: int.MaxValue, Pair: default((string, string)));
            for (int i = 0; i + 1 < pieces.Count; i++)
                if (ranks.TryGetValue((pieces[i], pieces[i + 1]), out int rank) && rank < best.Rank)
                    best = (rank, (pieces[i], pieces[i + 1]));
            if (best.Rank == int.MaxValue)
                break;
            Merge(pieces, best.Pair);
        }
        return cache[word] = [.. pieces];
    }

    private static List<string> Pieces(string word)
    {
        var pieces = Encoding.UTF8.GetBytes(word).Select(b => ByteChars[b]).ToList();
        pieces[^1] += WordEnd;
        return pieces;
    }

    private static void Merge(List<string> pieces, (string First, string Second) pair)
    {
        for (int i = 0; i + 1 < pieces.Count; i++)
            if (pieces[i] == pair.First && pieces[i + 1] == pair.Second)
            {
                pieces[i] += pieces[i + 1];
                pieces.RemoveAt(i + 1);
            }
    }

    // Printable Latin-1 stands for itself; the other bytes get code points from 256 on (Radford et al. 2019, GPT-2).
    private static string[] MakeByteChars()
    {
        int next = 256;
        return [.. Enumerable.Range(0, 256).Select(b =>
            ((char)(b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? b : next++))
                .ToString())];
    }

    private static byte[] Bytes(char c) => CharBytes.TryGetValue(c, out byte b) ? [b] : Encoding.UTF8.GetBytes([c]);

    private static string Tidy(string text)
    {
        foreach (var (from, to) in new[] { (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
            (" n't", "n't"),
                     (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re") })
            text = text.Replace(from, to, StringComparison.Ordinal);
        return text;
    }
}
