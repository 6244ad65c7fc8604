// CLIP's tokenizer on disk, in the files that transformers writes.
using System.Globalization;
using System.Text;
using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Diffusion.Tokenizers;

public sealed partial class ClipTokenizer
{
    /// <summary>Reads a tokenizer folder: vocab.json, merges.txt, and where they are there tokenizer_config.json,
    /// special_tokens_map.json and added_tokens.json.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="padToken">Overrides the folder's pad token.</param>
    /// <param name="maxLength">Overrides the folder's length.</param>
    /// <exception cref="InvalidDataException">A file is missing or is not what CLIP's tokenizer writes.</exception>
    public static ClipTokenizer Load(string folder, string? padToken = null, int? maxLength = null)
    {
        var vocabulary = ReadJson(folder, "vocab.json", required: true)!.Value.EnumerateObject()
            .ToDictionary(p => p.Name, p => p.Value.GetInt32(), StringComparer.Ordinal);
        var config = ReadJson(folder, "tokenizer_config.json", required: false);
        var special = ReadJson(folder, "special_tokens_map.json", required: false);
        var extra = (ReadJson(folder, "added_tokens.json", required: false)?.EnumerateObject() ?? default)
            .Select(p => (Token: p.Name, Id: p.Value.GetInt32())).ToList();
        if (config?.TryGetProperty("added_tokens_decoder", out var decoder) == true)
            extra.AddRange(decoder.EnumerateObject().Select(p =>
                (Token: p.Value.GetProperty("content").GetString()!,
                    Id: int.Parse(p.Name, CultureInfo.InvariantCulture))));
        foreach (var (token, id) in extra)
            vocabulary[token] = id;

        padToken ??= TokenOf(special, "pad_token") ?? TokenOf(config, "pad_token") ?? EndToken;
        // transformers writes 1e30 for "no limit"; CLIP's position table has 77.
        double limit = config?.TryGetProperty("model_max_length", out var length) == true ? length.GetDouble() : 77;
        try
        {
            var tokenizer = new ClipTokenizer(vocabulary, ReadMerges(Path.Combine(folder, "merges.txt")), padToken,
                maxLength ?? (limit < 1e6 ? (int)limit : 77));
            foreach (var (token, _) in extra)
                tokenizer.added.Add(token);
            return tokenizer;
        }
        catch (ArgumentException error)
        {
            throw new InvalidDataException($"{Path.Combine(folder, "vocab.json")}: {error.Message}", error);
        }
    }

    /// <summary>Writes vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json.</summary>
    /// <param name="folder">Created when it is not there.</param>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        var json = new JsonSerializerOptions { WriteIndented = false };
        AtomicFile.WriteText(Path.Combine(folder, "vocab.json"),
            JsonSerializer.Serialize(vocabulary.OrderBy(p => p.Value).ToDictionary(p => p.Key, p => p.Value), json));
        AtomicFile.WriteText(Path.Combine(folder, "merges.txt"),
            "#version: 0.2\n" + string.Concat(merges.Select(m => $"{m.First} {m.Second}\n")));
        AtomicFile.WriteText(Path.Combine(folder, "special_tokens_map.json"),
            JsonSerializer.Serialize(new Dictionary<string, string>
        {
            ["bos_token"] = BeginToken, ["eos_token"] = EndToken, ["unk_token"] = EndToken, ["pad_token"] = PadToken,
        }, json));
        AtomicFile.WriteText(Path.Combine(folder, "tokenizer_config.json"),
            JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["tokenizer_class"] = "CLIPTokenizer", ["model_max_length"] = MaxLength, ["do_lower_case"] = true,
            ["bos_token"] = BeginToken, ["eos_token"] = EndToken, ["unk_token"] = EndToken, ["pad_token"] = PadToken,
            ["added_tokens_decoder"] = added.OrderBy(t => vocabulary[t]).ToDictionary(
                t => vocabulary[t].ToString(CultureInfo.InvariantCulture), t =>
                    new Dictionary<string, object> { ["content"] = t }),
        }, json));
    }

    private static IEnumerable<(string, string)> ReadMerges(string path)
    {
        if (!File.Exists(path))
            throw new InvalidDataException($"{path}: not found; expected CLIP's merges");
        int number = 0, count = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith('#')))
                continue;
            var pair = line.Split(' ');
            if (pair.Length != 2)
                throw new InvalidDataException($"{path}, line {number}: '{line}'; expected two pieces and one space");
            if (++count > MergesOfClip)
                yield break;
            yield return (pair[0], pair[1]);
        }
    }

    private static JsonElement? ReadJson(string folder, string name, bool required)
    {
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
            return required ? throw new InvalidDataException($"{path}: not found") : null;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{path}: not JSON: {error.Message}", error);
        }
    }

    // A token is written as a string or as an object with "content".
    private static string? TokenOf(JsonElement? json, string name) =>
        json?.TryGetProperty(name, out var value) != true ? null
        : value.ValueKind == JsonValueKind.Object ? value.GetProperty("content").GetString() : value.GetString();
}
