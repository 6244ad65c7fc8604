// Scenes of any size become a folder of tiles that the Hugging Face libraries and the kit read.
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>Makes folders of tiles.</summary>
public static class TileMaker
{
    private const string WorkFolder = ".work";

    /// <summary>
    /// Cuts scenes to tiles. A run that was stopped goes on where it was: what is finished is kept, and the folder is
    /// that of a run that was never stopped, byte for byte. More scenes may be added later by the same recipe.
    /// </summary>
    /// <param name="scenes">Products or rasters; their names, without extension, must differ.</param>
    /// <param name="folder">The folder; empty, or of a run by the same recipe.</param>
    /// <param name="recipe">How to cut.</param>
    /// <param name="rank">This rank, from 0: it cuts every n-th scene.</param>
    /// <param name="ranks">How many ranks share the scenes.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <returns>The set as far as it is; of the last rank that ends, the whole.</returns>
    /// <exception cref="ArgumentException">
    /// A recipe that cannot be, names that are equal, a folder with something else in it.
    /// </exception>
    /// <exception cref="RasterException">A scene cannot be read, or a tile cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; run again to go on.</exception>
    public static TileSet Run(
        IReadOnlyList<string> scenes, string folder, TilingRecipe recipe, int rank = 0, int ranks = 1,
        CancellationToken cancel = default) => Run(scenes, folder, recipe, rank, ranks, null, cancel);

    /// <summary>Cuts scenes to tiles together with other processes that know of each other.</summary>
    /// <inheritdoc cref="Run(IReadOnlyList{string}, string, TilingRecipe, int, int, CancellationToken)"/>
    /// <param name="scenes">The same on all ranks.</param>
    /// <param name="folder">A folder that all of them see.</param>
    /// <param name="recipe">How to cut.</param>
    /// <param name="together">The processes; each returns when all are done.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <returns>The whole set, on every rank.</returns>
    public static TileSet Run(
        IReadOnlyList<string> scenes, string folder, TilingRecipe recipe, Ranks together,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(together);
        return Run(scenes, folder, recipe, together.Rank, together.Count, together, cancel);
    }

    private static TileSet Run(
        IReadOnlyList<string> scenes, string folder, TilingRecipe recipe, int rank, int ranks, Ranks? together,
        CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        recipe.Check();
        new TileOrder { Rank = rank, Ranks = ranks }.Check();
        if (scenes.Count == 0)
            throw new ArgumentException("scenes: found none, expected one or more.");
        var names = scenes.Select(NameOf).ToArray();
        if (names.GroupBy(n => n).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ArgumentException(
                $"scenes: found '{twice.Key}' {twice.Count()} times, expected names that differ: tiles are called by "
                    + $"them.");
        // Scenes that come later lie on the blocks of the first.
        recipe = recipe with
        {
            Block = recipe.Block ?? (File.Exists(Path.Combine(folder, TileSet.FileName))
                ? TileSet.Open(folder).Recipe.Block : null) ?? BlockOf(scenes[0], recipe),
        };
        using var vectors = recipe.Vectors is { } sources ? VectorClasses.Open(sources, recipe.Words) : null;
        if (vectors is not null)
            RequireOverlap(vectors, scenes, recipe);
        var work = Begin(folder, recipe, vectors);
        using var progress = together is { IsFirst: false } ? null : Progress.Begin("cutting tiles");
        for (var i = rank; i < scenes.Count; i += ranks)
        {
            var (from, share) = (i / (double)scenes.Count, 1.0 / scenes.Count);
            if (!File.Exists(SceneFile(folder, names[i])))
                new SceneTiling(scenes[i], names[i], folder, work, recipe, vectors,
                    (at, note) => progress?.At(from + share * at, note), cancel).Run();
            progress?.At(from + share, names[i]);
        }
        together?.Meet();
        var set = Gather(folder, recipe);
        // Of ranks that do not know of each other the last to end finds all scenes finished.
        if (together is not { IsFirst: false } && names.All(name => File.Exists(SceneFile(folder, name))))
            End(folder, work, set, scenes);
        together?.Meet();
        progress?.At(1);
        return set;
    }

    /// <summary>
    /// What a scene's tiles are called: the file's name without extension, with
    /// letters, digits, '.', '-' and '_' alone.
    /// </summary>
    internal static string NameOf(string scene)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(scene)));
        if (name.Equals("manifest.safe", StringComparison.OrdinalIgnoreCase))
            name = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(scene))!);
        if (Path.GetFileNameWithoutExtension(name) is { Length: > 0 } stem)
            name = stem;
        return string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '_'));
    }

    internal static string SceneFile(string folder, string name) => Path.Combine(folder, TileSet.SceneFolder,
        name + ".json");

    internal static string SceneRows(string folder, string name) => Path.Combine(folder, TileSet.SceneFolder,
        name + ".jsonl");

    // Eight tiles of the first scene, to three digits: the same for all scenes, so that they agree about the ground.
    private static double BlockOf(string scene, TilingRecipe recipe)
    {
        using var raster = SarRaster.Open(scene, new() { Channel = recipe.Channel, Kind = recipe.Kind });
        var spacing = recipe.Spacing ?? (PreparedScene.SpacingOf(raster) is var (row, column) ? Math.Max(row, column)
            : 1);
        var block = 8 * recipe.Size * spacing;
        var digit = Math.Pow(10, Math.Floor(Math.Log10(block)) - 2);
        return Math.Round(Math.Ceiling(block / digit - 1e-9) * digit, 9);
    }

    // Of many scenes some may lie outside of the layers, but not all.
    private static void RequireOverlap(VectorClasses vectors, IReadOnlyList<string> scenes, TilingRecipe recipe)
    {
        foreach (var scene in scenes)
        {
            using var raster = SarRaster.Open(scene, new() { Channel = recipe.Channel, Kind = recipe.Kind });
            if (vectors.On(scene, raster.GeoReference, raster.Rows, raster.Columns).Count > 0)
                return;
        }
        throw new ArgumentException(
            $"{string.Join(", ", recipe.Vectors!.Select(v => v.File))}: found nothing that lies in "
            + $"{(scenes.Count == 1 ? scenes[0] : $"one of the {scenes.Count} scenes")}, expected layers of this ground"
            + (vectors.Left.Count == 0 ? "." : $" with values of the legend; it lacks {Some(vectors.Left)}."));
    }

    private static string Some(IReadOnlyList<string> values) =>
        string.Join(", ", values.Take(8)) + (values.Count > 8 ? $" and {values.Count - 8} more" : "");

    private static string Begin(string folder, TilingRecipe recipe, VectorClasses? vectors)
    {
        var (work, index) = (Path.Combine(folder, WorkFolder), Path.Combine(folder, TileSet.FileName));
        if (File.Exists(index))
        {
            var found = TileSet.Open(folder).Recipe;
            if (Difference(found, recipe) is { Length: > 0 } difference)
                throw new ArgumentException(
                    $"{index}: found tiles of another recipe, expected {difference}; choose another folder.");
        }
        else if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any(e =>
            !Path.GetFileName(e).StartsWith('.')))
            throw new ArgumentException(
                $"{folder}: found files in it, expected an empty folder or one of tiles of the same recipe.");
        // Before anything else that is seen: another rank may look into the folder at any moment.
        Directory.CreateDirectory(work);
        if (!File.Exists(index))
            KitJson.Write(index, new TileSet(recipe, [], new Dictionary<string, int>()));
        Directory.CreateDirectory(Path.Combine(folder, TileSet.SceneFolder));
        if (vectors is not null)
            KitJson.Write(Path.Combine(folder, TileSet.ClassesFile), vectors.Legend.Names);
        return work;
    }

    private static string Difference(TilingRecipe found, TilingRecipe wanted)
    {
        var (a, b) = (System.Text.Json.JsonSerializer.SerializeToNode(found, KitJson.Options)!.AsObject(),
            System.Text.Json.JsonSerializer.SerializeToNode(wanted, KitJson.Options)!.AsObject());
        return string.Join(", ", a.Select(p => p.Key).Union(b.Select(p => p.Key))
            .Where(key => a[key]?.ToJsonString() != b[key]?.ToJsonString())
            .Select(key => $"{key} {b[key]?.ToJsonString() ?? "none"} where it has "
                + $"{a[key]?.ToJsonString() ?? "none"}"));
    }

    private static TileSet Gather(string folder, TilingRecipe recipe)
    {
        TiledScene[] done = [.. Directory.EnumerateFiles(Path.Combine(folder, TileSet.SceneFolder), "*.json")
            .Order(StringComparer.Ordinal)
            .Select(KitJson.Read<TiledScene>)];
        var counts = TileSet.Parts.ToDictionary(part => part.Folder, part =>
            done.SelectMany(scene => Rows(folder, scene, part.Folder)).Count());
        return new TileSet(recipe, done, counts);
    }

    private static IEnumerable<string> FilesOf(string scene) => Directory.Exists(scene)
        ? Directory.GetFiles(scene, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [scene];

    // Rows that are there already: captions and columns of the user's own stay with their tiles.
    private static Dictionary<(string?, string?), JsonObject> Kept(string index) => !File.Exists(index) ? []
        : TileIndex.JsonRows(index).ToDictionary(row => ((string?)row.Fields["file_name"],
            (string?)row.Fields["sha256"]), row => row.Fields);

    // Rows of a scene's index that belong to a part.
    private static IEnumerable<JsonObject> Rows(string folder, TiledScene scene, string part) =>
        TileIndex.JsonRows(SceneRows(folder, scene.Name)).Select(row => row.Fields).Where(row =>
            (string?)row["split"] == part);

    private static void End(string folder, string work, TileSet set, IReadOnlyList<string> scenes)
    {
        // What killed runs had begun to write; nobody writes any more.
        foreach (var torn in Directory.GetFiles(folder, ".*_r*", SearchOption.AllDirectories))
            File.Delete(torn);
        foreach (var (_, part) in TileSet.Parts)
        {
            var index = Path.Combine(folder, part, TileIndex.JsonLines);
            var kept = Kept(index);
            string[] lines = [.. set.Scenes.SelectMany(scene => Rows(folder, scene, part)).Select(row =>
                TileRows.ToLine(kept.GetValueOrDefault(((string?)row["file_name"], (string?)row["sha256"])) ?? row))];
            if (lines.Length > 0)
                AtomicFile.WriteText(index, string.Concat(lines.Select(line => line + "\n")));
            else if (File.Exists(index))
                File.Delete(index);
        }
        Croissant.Write(folder, set);
        // Last of the set, so that a set which lists scenes is whole.
        KitJson.Write(Path.Combine(folder, TileSet.FileName), set);
        var record = Path.Combine(folder, TileSet.FileName + ".provenance.json");
        var made = Provenance.Of("data tile", set.Recipe, set.Recipe.Seed,
            [.. scenes.SelectMany(FilesOf), .. (set.Recipe.Vectors ?? []).SelectMany(v => FilesOf(v.File)).Distinct()],
            [Path.Combine(folder, TileSet.FileName)]);
        // What scenes of earlier runs were read from was an input of the whole, too.
        var before = File.Exists(record) ? KitJson.Read<Provenance>(record).Inputs : [];
        (made with { Inputs = [.. before.Except(made.Inputs), .. made.Inputs] }).Write(record);
        try
        {
            Directory.Delete(work, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Another rank ended at the same moment.
        }
    }
}
