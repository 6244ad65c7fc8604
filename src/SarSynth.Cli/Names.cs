// Names that the user gives, looked up before anything is loaded: what is not there is told with the nearest that is.
using SarSynth.Data;
using SarSynth.Radar.Simulation;
using SarSynth.Translation;

namespace SarSynth.Cli;

/// <summary>Models, recipes, sensors, manifests and files by name.</summary>
static class Names
{
    /// <summary>A model: a path that is there, or the name of one that comes with the kit.</summary>
    /// <exception cref="FileNotFoundException">Neither; the kit's models are listed.</exception>
    public static string Model(string nameOrPath) =>
        Path.Exists(nameOrPath) ? nameOrPath : OneOf("model", nameOrPath, Models, "a model's folder or file");

    /// <summary>A recipe of training: a JSON file, or the name of one of the kit's.</summary>
    /// <exception cref="FileNotFoundException">Neither; the kit's recipes are listed.</exception>
    public static string Recipe(string nameOrPath) =>
        File.Exists(nameOrPath) ? nameOrPath : OneOf("recipe", nameOrPath, Recipes, "a JSON file");

    /// <summary>A sensor: a JSON file, or the name of one of the kit's.</summary>
    /// <exception cref="FileNotFoundException">Neither; the kit's sensors are listed.</exception>
    public static string Sensor(string nameOrPath) =>
        File.Exists(nameOrPath) ? nameOrPath : OneOf("sensor", nameOrPath, Sensors.Names, "a JSON file");

    /// <summary>A manifest of the kit.</summary>
    /// <exception cref="FileNotFoundException">There is none of this name; the kit's are listed.</exception>
    public static string Manifest(string name) =>
        OneOf("manifest", name, [.. Data.Manifest.LoadAll(EmbeddedData.ManifestFolder).Select(m => m.Name)], null);

    /// <summary>What has a card.</summary>
    /// <exception cref="FileNotFoundException">There is none of this name; those there are, are listed.</exception>
    public static string Card(string name) => OneOf("card", name, Data.Card.Names, null);

    /// <summary>A file or folder that is there.</summary>
    /// <exception cref="FileNotFoundException">It is not; the nearest name in its folder is told.</exception>
    public static string ExistingPath(string path)
    {
        if (Path.Exists(path))
            return path;
        var folder = Path.GetDirectoryName(path) is { Length: > 0 } told ? told : ".";
        IEnumerable<string> beside = Directory.Exists(folder)
            ? Directory.EnumerateFileSystemEntries(folder).Take(100_000).Select(entry => Path.GetFileName(entry)!) : [];
        var hint = Nearest.To(Path.GetFileName(path), beside) is { } near
            ? $"; did you mean '{(folder == "." ? near : Path.Combine(folder, near))}'?" : "";
        throw new FileNotFoundException($"{path}: does not exist{hint}", path);
    }

    /// <summary>The models that come with the kit.</summary>
    public static IReadOnlyList<string> Models => Directory.Exists(EmbeddedData.Folder)
        ? [.. Directory.GetDirectories(EmbeddedData.Folder).Where(IsModel).Select(f =>
            Path.GetFileName(f)!).Order(StringComparer.Ordinal)]
        : [];

    private static IReadOnlyList<string> Recipes =>
        [.. Directory.GetFiles(Path.Combine(EmbeddedData.ManifestFolder, "recipes"), "*.json")
            .Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    /// <summary>Whether a folder holds a finished model.</summary>
    public static bool IsModel(string folder) => File.Exists(Path.Combine(folder, "model_index.json"));

    /// <summary>Whether a model was trained to translate satellite images: its card says from what to what.</summary>
    public static bool IsTranslator(string folder) => Path.Combine(folder, ModelCard.FileName) is var card
        && File.Exists(card) && !KitJson.Read<ModelCard>(card).ZerosAreShadow;

    private static string OneOf(string what, string name, IReadOnlyList<string> known, string? path)
    {
        if (known.Contains(name))
            return name;
        throw new FileNotFoundException($"{what} '{name}': the kit's own are {string.Join(", ", known)}"
            + (path is null ? "" : $", and {path} may be given")
                + (Nearest.Hint(name, known) is { Length: > 0 } hint ? hint : "."), name);
    }
}
