// Recorded ids of prompts: a JSON file with "prompts" and one object of results for each vocabulary; the vocabulary
// NAME lies beside the folder as FOLDER_NAME.
using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Tokenizers;

namespace SarSynth.Parity;

/// <summary>
/// How a folder of recorded token ids is run. Results of the slow tokenizer without ftfy are the reference; all others
/// are left out.
/// </summary>
internal static class TokenizerParity
{
    /// <summary>The recordings in a folder that are of transformers' slow tokenizer without ftfy.</summary>
    public static IEnumerable<string> FilesOf(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal))
        {
            if (new FileInfo(path).Length > 64 << 20)
                continue;
            bool holds;
            try
            {
                using var json = JsonDocument.Parse(File.ReadAllBytes(path));
                var root = json.RootElement;
                holds = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("prompts", out var prompts)
                    && prompts.ValueKind == JsonValueKind.Array
                    && root.TryGetProperty("ftfy", out var ftfy) && ftfy.ValueKind == JsonValueKind.False;
            }
            catch (JsonException)
            {
                // Whatever it is, it holds no recorded prompts; a case file that is broken is named by its own runner.
                holds = false;
            }
            if (holds)
                yield return path;
        }
    }

    public static IReadOnlyList<ParityResult> Run(ParityCase folder)
    {
        var results = new List<ParityResult>();
        foreach (var path in FilesOf(folder.FolderPath))
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var prompts = json.RootElement.GetProperty("prompts").EnumerateArray().Select(p => p.GetString()!)
                .ToArray();
            foreach (var section in json.RootElement.EnumerateObject()
                .Where(p => p.Value.ValueKind == JsonValueKind.Object))
            {
                var vocabulary = Vocabulary(folder.FolderPath, section.Name)
                    ?? throw new CheckpointException(path,
                        $"the vocabulary of '{section.Name}' is not beside the folder: expected vocab.json and "
                        + $"merges.txt in {folder.Name}_{section.Name}");
                results.AddRange(Section(folder.Name, $"{Path.GetFileNameWithoutExtension(path)}/{section.Name}",
                    section.Value, prompts, vocabulary));
            }
        }
        return results;
    }

    private static string? Vocabulary(string folder, string name)
    {
        var full = Path.GetFullPath(folder).TrimEnd(Path.DirectorySeparatorChar);
        return new[] { $"{full}_{name}", Path.Combine(full, name),
            Path.Combine(Path.GetDirectoryName(full)!, name) }.FirstOrDefault(p =>
            File.Exists(Path.Combine(p, "vocab.json")));
    }

    // The error of a list is the number of prompts that differ.
    private static IEnumerable<ParityResult> Section(string folder, string shown, JsonElement recorded,
        string[] prompts, string vocabulary)
    {
        foreach (var field in recorded.EnumerateObject().Where(f =>
            f.Value.ValueKind == JsonValueKind.Array && f.Value.GetArrayLength() == prompts.Length))
        {
            var style = field.Name.EndsWith("_tok2", StringComparison.Ordinal) ? "tok2" : "tok1";
            var tokenizer = ClipTokenizer.Load(vocabulary,
                Pad(recorded, style == "tok2" ? "pad2" : "pad1", vocabulary));
            tokenizer.Warn = static _ => { };
            Func<int, object>? actual = field.Name.Replace("_" + style, "", StringComparison.Ordinal) switch
            {
                "ids_raw" => i => tokenizer.Encode(prompts[i]).Select(id => (long)id),
                "ids_77" => i => tokenizer.EncodePadded(prompts[i]).Ids,
                "attention_mask" => i => tokenizer.EncodePadded(prompts[i]).AttentionMask,
                "tokens" => i => tokenizer.Tokenize(prompts[i]).Prepend(ClipTokenizer.BeginToken)
                    .Append(ClipTokenizer.EndToken),
                "decoded_skip_special" => i =>
                    tokenizer.Decode(tokenizer.EncodePadded(prompts[i]).Ids.Select(id => (int)id)),
                _ => null,
            };
            yield return actual is null
                ? new(folder, $"{shown}/{field.Name} (nothing was compared with it)", double.NaN, 0)
                : new(folder, $"{shown}/{field.Name}", Enumerable.Range(0, prompts.Length)
                    .Count(i => !Same(field.Value[i], actual(i))), 0);
        }
    }

    // Recorded as a token or its id; null (the end token) where it was not.
    private static string? Pad(JsonElement recorded, string field, string vocabulary)
    {
        if (!recorded.TryGetProperty(field, out var pad))
            return null;
        if (pad.ValueKind == JsonValueKind.String)
            return pad.GetString();
        using var words = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(vocabulary, "vocab.json")));
        return words.RootElement.EnumerateObject().FirstOrDefault(w => w.Value.GetInt32() == pad.GetInt32()).Name;
    }

    private static bool Same(JsonElement expected, object actual) => actual switch
    {
        string text => expected.GetString() == text,
        IEnumerable<string> texts => expected.EnumerateArray().Select(e => e.GetString()!).SequenceEqual(texts),
        IEnumerable<long> numbers => expected.EnumerateArray().Select(e => e.GetInt64()).SequenceEqual(numbers),
        _ => false,
    };
}
