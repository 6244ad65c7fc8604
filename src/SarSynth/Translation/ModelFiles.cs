// Which files a translation computes with, by their checksums: a path alone does not say what lay there.
using System.Collections.Concurrent;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Translation;

/// <summary>Fingerprints of a model and of what a recipe adds to it.</summary>
public static class ModelFiles
{
    private static readonly string[] networks = ["unet", "vae", "text_encoder", "text_encoder_2", MeanField.Folder,
        ResidualField.Folder];
    private static readonly string[] settings = ["tokenizer", "tokenizer_2", "scheduler"];

    // Gigabytes are read once in a run, not once for each image.
    private static readonly ConcurrentDictionary<(string Path, long Time, long Bytes), string> known = new();

    /// <summary>SHA-256 of each file that a translation by a recipe computes with: weights, configuration and card of
    /// the model, and the recipe's scheduler, LoRAs, tokens and ControlNets.</summary>
    /// <param name="recipe">The recipe; its files must be there.</param>
    /// <returns>Lower-case hexadecimal by what the file is: "unet/config.json", "card", "adapters/0/x.safetensors".
    /// </returns>
    /// <exception cref="CheckpointException">A network without weights.</exception>
    public static IReadOnlyDictionary<string, string> Of(TranslateRecipe recipe) =>
        Joined(OfModel(recipe, withCard: true), OfAdditions(recipe));

    /// <summary>Both in one, in the order of names.</summary>
    internal static IReadOnlyDictionary<string, string> Joined(params IEnumerable<KeyValuePair<string, string>>[] parts)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, sum) in parts.SelectMany(part => part))
            all[name] = sum;
        return all;
    }

    /// <summary>The model itself and its card.</summary>
    internal static Dictionary<string, string> OfModel(TranslateRecipe recipe, bool withCard)
    {
        var found = new Dictionary<string, string>();
        var path = File.Exists(recipe.Model) ? recipe.Model : EmbeddedData.FindModel(recipe.Model);
        var card = recipe.Card ?? Path.Combine(path, ModelCard.FileName);
        if (withCard && File.Exists(card))
            found["card"] = Sum(card);
        if (File.Exists(path))
        {
            found[Path.GetFileName(path)] = Sum(path);
            return found;
        }
        foreach (var folder in networks.Select(name => Path.Combine(path, name))
            .Concat(Translator.ControlFolders(path)).Where(Directory.Exists))
            AddNetwork(found, Path.GetFileName(folder), folder, recipe.Variant);
        foreach (var folder in settings.Where(name => Directory.Exists(Path.Combine(path, name))))
            AddFiles(found, folder, Path.Combine(path, folder));
        if (Path.Combine(path, "model_index.json") is var index && File.Exists(index))
            found["model_index.json"] = Sum(index);
        return found;
    }

    /// <summary>What a recipe puts on the model.</summary>
    internal static Dictionary<string, string> OfAdditions(TranslateRecipe recipe)
    {
        var found = new Dictionary<string, string>();
        foreach (var (i, adapter) in recipe.Adapters.Index())
            AddFiles(found, $"adapters/{i}", adapter.File);
        foreach (var (i, token) in recipe.Tokens.Index())
            AddFiles(found, $"tokens/{i}", token.File);
        foreach (var (i, control) in recipe.Controls.Index())
            AddNetwork(found, $"controls/{i}", control.Net, recipe.Variant);
        foreach (var condition in recipe.Conditions)
            AddFiles(found, $"conditions/{condition.Net}", condition.File);
        if (recipe.SignalLeak is { } leak)
            AddFiles(found, "leak", leak);
        if (recipe.Scheduler is { } scheduler && Path.Exists(scheduler))
            AddFiles(found, "sampler", scheduler);
        return found;
    }

    private static void AddNetwork(Dictionary<string, string> found, string name, string folder, string? variant)
    {
        using var weights = WeightFiles.Open(folder, variant);
        foreach (var file in weights.Files.Append(Path.Combine(folder, "config.json")).Where(File.Exists))
            found[$"{name}/{Path.GetFileName(file)}"] = Sum(file);
    }

    private static void AddFiles(Dictionary<string, string> found, string name, string path)
    {
        foreach (var file in Directory.Exists(path) ? Directory.GetFiles(path) : [path])
            found[$"{name}/{Path.GetFileName(file)}"] = Sum(file);
    }

    private static string Sum(string path)
    {
        (long Time, long Bytes) state;
        // Of the file that a link leads to.
        using (var file = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete))
            state = (File.GetLastWriteTimeUtc(file).Ticks, RandomAccess.GetLength(file));
        return known.GetOrAdd((Path.GetFullPath(path), state.Time, state.Bytes), _ => FileFingerprint.Of(path).Sha256);
    }
}
