// Where the data and the model that come with the kit lie: data-manifests/embedded of the checkout.
using System.Reflection;

namespace SarSynth.Data;

/// <summary>The small data set and the small model that come with the kit.</summary>
public static class EmbeddedData
{
    /// <summary>Folder of the embedded files.</summary>
    /// <exception cref="DirectoryNotFoundException">
    /// The kit's folder data-manifests is not beside or above the program.
    /// </exception>
    public static string Folder => Path.Combine(ManifestFolder, "embedded");

    /// <summary>The embedded paired scenes.</summary>
    public static string Scenes => Path.Combine(Folder, "paired-scenes");

    /// <summary>A satellite image that comes with the kit, as a file: that of the first test scene.</summary>
    public static string SatelliteFile =>
        Path.Combine(Scenes, PairedDataset.Open(Scenes).Scenes.First(s => s.Split == Split.Test).Satellite.Path);

    /// <summary>
    /// The kit's data-manifests folder: SARSYNTH_DATA_MANIFESTS, or the first found
    /// upwards from the program and the current folder.
    /// </summary>
    /// <exception cref="DirectoryNotFoundException">There is none.</exception>
    public static string ManifestFolder
    {
        get
        {
            if (Environment.GetEnvironmentVariable("SARSYNTH_DATA_MANIFESTS") is { Length: > 0 } told)
                return told;
            foreach (var start in new[] { Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location)
                ?? "", Environment.CurrentDirectory })
                for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                    if (Path.Combine(folder.FullName, "data-manifests") is var path && Directory.Exists(path))
                        return path;
            throw new DirectoryNotFoundException(
                "the kit's folder data-manifests was found neither above the program nor above the current folder; set "
                    + "SARSYNTH_DATA_MANIFESTS to it.");
        }
    }

    /// <summary>A model folder: the path itself, or the embedded model of that name.</summary>
    /// <param name="nameOrFolder">A folder, or "sarsynth-mini", "sarsynth-small".</param>
    /// <exception cref="FileNotFoundException">Neither; the message lists the embedded ones.</exception>
    public static string FindModel(string nameOrFolder) => Find(nameOrFolder, Directory.Exists, Folder, "", "model");

    /// <summary>A recipe file: the path itself, or the kit's recipe of that name.</summary>
    /// <param name="nameOrFile">A JSON file, or "smoke", "small", "foundation".</param>
    /// <exception cref="FileNotFoundException">Neither; the message lists the kit's own.</exception>
    public static string FindRecipe(string nameOrFile) =>
        Find(nameOrFile, File.Exists, Path.Combine(ManifestFolder, "recipes"), ".json", "recipe");

    private static string Find(string name, Func<string, bool> exists, string own, string extension, string what)
    {
        if (exists(name))
            return name;
        var embedded = Path.Combine(own, name + extension);
        if (exists(embedded))
            return embedded;
        IEnumerable<string?> known = Directory.Exists(own) ? Directory.GetFileSystemEntries(own)
            .Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal) : [];
        throw new FileNotFoundException($"{what} '{name}': no such path, and the kit's own are "
            + $"{string.Join(", ", known)}.", name);
    }
}
