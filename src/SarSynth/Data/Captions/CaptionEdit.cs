// Captions of a folder of tiles edited in bulk: the index is rewritten, whole or not at all, everything else stays.
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Data;

/// <summary>
/// Where the new captions come from; each takes a tile's image file, its name and its old caption (null: none).
/// </summary>
/// <param name="file">The tile's image.</param>
/// <param name="name">Its file_name in the index.</param>
/// <param name="caption">What it is captioned now; null where it is not.</param>
/// <returns>The new caption; null leaves the tile as it is.</returns>
public delegate string? CaptionSource(string file, string name, string? caption);

/// <summary>Writes captions.</summary>
public static class CaptionEdit
{
    /// <summary>Gives every tile the caption.</summary>
    public static CaptionSource Set(string text) => (_, _, _) => text;

    /// <summary>Replaces words wherever they stand, capitals as they are.</summary>
    /// <param name="old">What is looked for.</param>
    /// <param name="text">What takes its place.</param>
    public static CaptionSource Replace(string old, string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(old);
        return (_, _, caption) => caption?.Replace(old, text, StringComparison.Ordinal);
    }

    /// <summary>Puts words before every caption that does not begin with them: a learned token, say.</summary>
    /// <param name="prefix">"&lt;SAR&gt;"; a space follows it.</param>
    public static CaptionSource Prefix(string prefix)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(prefix);
        var words = prefix.TrimEnd() + " ";
        return (_, _, caption) => caption is null ? null
            : caption.StartsWith(words, StringComparison.Ordinal) ? caption : words + caption;
    }

    /// <summary>Takes captions from .txt files of the images' names.</summary>
    /// <param name="folder">Where they lie; null for beside the images.</param>
    public static CaptionSource Sidecars(string? folder = null) => (file, _, _) =>
    {
        var text = Path.ChangeExtension(folder is null ? file : Path.Combine(folder, Path.GetFileName(file)), ".txt");
        return File.Exists(text) ? File.ReadAllText(text).Trim() : null;
    };

    /// <summary>Takes captions from a column of a .jsonl or .csv file whose rows name their images.</summary>
    /// <param name="file">
    /// The file; its column file_name holds names as the index has them, or their last parts.
    /// </param>
    /// <param name="column">The column of the captions.</param>
    /// <exception cref="TileException">A row names no image or has no caption, or two rows name one image.</exception>
    public static CaptionSource Column(string file, string column = "text")
    {
        var captions = new Dictionary<string, string>();
        foreach (var (line, fields) in TileIndex.RowsOf(file))
        {
            var name = TileIndex.Text(fields["file_name"])
                ?? throw new TileException(file, "", $"line {line}: found no column 'file_name', expected it");
            var text = TileIndex.Text(fields[column])
                ?? throw new TileException(file, name,
                    $"line {line}: found no column '{column}', expected a caption in it");
            if (!captions.TryAdd(name, text))
                throw new TileException(file, name, $"line {line}: found it a second time, expected each image once");
        }
        return (_, name, _) => captions.TryGetValue(name, out var text) || captions.TryGetValue(Path.GetFileName(name),
            out text) ? text : null;
    }

    /// <summary>Writes captions from class maps of the images' names.</summary>
    /// <param name="folder">Folder of the maps: rasters, pictures or .npy whose pixels are codes.</param>
    /// <param name="legend">Words for the codes.</param>
    /// <param name="seed">Seed of the phrasings.</param>
    public static CaptionSource ClassMaps(string folder, ClassLegend legend, ulong seed = 1)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"{folder}: no such folder, expected class maps.");
        return (file, name, _) =>
        {
            var stem = Path.Combine(folder, Path.GetFileNameWithoutExtension(file));
            var map = TileImages.Extensions.Select(extension => stem + extension).FirstOrDefault(File.Exists);
            return map is null ? null
                : legend.Caption(TileImages.ReadClasses(map, "classes", map, name).Pixels, seed, name);
        };
    }

    /// <summary>Writes captions from vector layers: what of them lies in a tile.</summary>
    /// <param name="folder">A folder that <see cref="TileMaker"/> made.</param>
    /// <param name="classes">The layers; the caller's to dispose.</param>
    /// <param name="seed">Seed of the phrasings.</param>
    /// <exception cref="FileNotFoundException">The folder has no tiles.json, which tells where tiles lie.</exception>
    public static CaptionSource Vectors(string folder, VectorClasses classes, ulong seed = 1)
    {
        ArgumentNullException.ThrowIfNull(classes);
        var set = TileSet.Open(folder);
        var scenes = new Dictionary<string, VectorScene>(StringComparer.Ordinal);
        return (file, name, _) =>
        {
            var stem = Path.GetFileNameWithoutExtension(file);
            var scene = set.Scenes.Where(s => stem.StartsWith(s.Name + "_r", StringComparison.Ordinal))
                .MaxBy(s => s.Name.Length) ?? throw new TileException(folder, name,
                    $"is of no scene that {TileSet.FileName} lists, expected it there: nothing else tells its place");
            if (!scenes.TryGetValue(scene.Name, out var ground))
                ground = scenes[scene.Name] = classes.On(scene.Source, scene.Place, scene.Rows, scene.Columns);
            var numbers = stem[(scene.Name.Length + 2)..].Split("_c");
            return numbers.Length == 2 && int.TryParse(numbers[0], out var row)
                && int.TryParse(numbers[1], out var column)
                ? ground.Of(new(row, column, set.Recipe.Size, set.Recipe.Size), seed, stem).Caption
                : throw new TileException(folder, name, "found no row and column in its name, expected SCENE_rR_cC");
        };
    }

    /// <summary>Edits the captions of a folder.</summary>
    /// <param name="folder">A folder with metadata.jsonl, in it or in its parts.</param>
    /// <param name="source">The new captions.</param>
    /// <param name="column">The column of the index that holds captions.</param>
    /// <param name="preview">Whether only to count.</param>
    /// <returns>How many tiles there are, how many captions changed, and how many tiles have none even now.</returns>
    /// <exception cref="TileException">
    /// The folder has no metadata.jsonl, or a line of it is wrong; nothing is changed then.
    /// </exception>
    public static (int Tiles, int Changed, int Without) Run(
        string folder, CaptionSource source, string column = "text", bool preview = false)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"{folder}: no such folder, expected tiles.");
        var indices = TileIndex.Files(folder).Where(f => f.EndsWith(TileIndex.JsonLines, StringComparison.Ordinal))
            .ToArray();
        if (indices.Length == 0)
            throw new TileException(folder, "",
                $"found no {TileIndex.JsonLines}, expected it in the folder or in its parts "
                + "(train, validation, test)");
        using var progress = Progress.Begin("captioning");
        var edited = new List<(string Index, string Text)>();
        int tiles = 0, changed = 0, without = 0;
        foreach (var (i, index) in indices.Index())
        {
            var (lines, rows) = (new List<string>(), TileIndex.JsonRows(index).ToList());
            foreach (var (line, fields) in rows)
            {
                var name = TileIndex.Text(fields["file_name"])
                    ?? throw new TileException(index, "", $"line {line}: found no column 'file_name', expected it");
                var old = TileIndex.Text(fields[column]);
                var now = source(Path.Combine(Path.GetDirectoryName(index)!, name), name, old) ?? old;
                tiles++;
                changed += now == old ? 0 : 1;
                without += now is null or "" ? 1 : 0;
                lines.Add(TileRows.ToLine(now is null ? fields : With(fields, column, now)));
                progress.At((i + lines.Count / (double)rows.Count) / indices.Length, $"{tiles} tiles");
            }
            edited.Add((index, string.Concat(lines.Select(line => line + "\n"))));
        }
        // All are made before the first is replaced: a wrong line in one leaves the others as they were.
        if (!preview && changed > 0)
        {
            foreach (var (index, text) in edited)
                AtomicFile.WriteText(index, text);
            // What tells of the indices tells their checksums.
            if (File.Exists(Path.Combine(folder, TileSet.FileName)))
                Croissant.Write(folder, TileSet.Open(folder));
        }
        progress.At(1);
        return (tiles, changed, without);
    }

    // The caption stands behind the file's name, where a reader looks for it.
    private static JsonObject With(JsonObject fields, string column, string text)
    {
        if (fields.ContainsKey(column))
        {
            fields[column] = text;
            return fields;
        }
        var row = new JsonObject();
        foreach (var (name, value) in fields)
        {
            row[name] = value?.DeepClone();
            if (name == "file_name")
                row[column] = text;
        }
        return row;
    }
}
