// The index of a folder of images: one row a tile.
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SarSynth.Data;

/// <summary>A tile as the index lists it.</summary>
/// <param name="Index">The index's file, or the folder where there is none.</param>
/// <param name="Key">The image's path below the folder, without extension.</param>
/// <param name="File">The image.</param>
internal sealed record TileRow(string Index, string Key, string File)
{
    public Split? Split { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Captions { get; init; } = [];

    public IReadOnlyDictionary<string, string> Conditions { get; init; } = new Dictionary<string, string>();

    /// <summary>Conditions whose amplitudes run from 0 to 1, whatever their format.</summary>
    public IReadOnlyList<string> NormalisedConditions { get; init; } = [];

    public string? Mask { get; init; }

    public TilePlace? Place { get; init; }

    public double? Ceiling { get; init; }
}

/// <summary>Reads indices.</summary>
internal static class TileIndex
{
    public const string JsonLines = "metadata.jsonl", Csv = "metadata.csv";

    private const string FileName = "file_name", Suffix = "_file_name", MaskName = "mask";

    /// <summary>The index files of a folder: its own and those of its parts.</summary>
    public static IReadOnlyList<string> Files(string folder) => [.. Directory.GetDirectories(folder)
        .Where(part => Tiles.SplitOf(Path.GetFileName(part)) is not null).Order(StringComparer.Ordinal).Prepend(folder)
        .Select(part => Array.Find((string[])[JsonLines, Csv], name =>
            File.Exists(Path.Combine(part, name))) is { } name
            ? Path.Combine(part, name) : null).OfType<string>()];

    /// <summary>All tiles of a folder.</summary>
    /// <exception cref="TileException">An index is wrong; the message names its line and column.</exception>
    public static IReadOnlyList<TileRow> Read(string folder, string captionColumn)
    {
        var files = Files(folder);
        List<TileRow> rows = [.. files.Count > 0
            ? files.SelectMany(file => Rows(folder, file, captionColumn)) : Bare(folder)];
        var twice = rows.GroupBy(row => row.Key).FirstOrDefault(group => group.Count() > 1);
        return twice is null ? rows : throw new TileException(twice.First().Index, twice.Key,
            $"found {twice.Count()} times, expected once");
    }

    private static IEnumerable<TileRow> Rows(string root, string index, string captionColumn)
    {
        var folder = Path.GetDirectoryName(index)!;
        foreach (var (line, fields) in index.EndsWith(".csv", StringComparison.Ordinal) ? CsvRows(index)
            : JsonRows(index))
        {
            var name = Text(fields[FileName]) ?? throw new TileException(index, "",
                $"line {line}: found no column '{FileName}', expected it");
            var file = Path.GetFullPath(Path.Combine(folder, name));
            var key = Path.GetRelativePath(root, Path.ChangeExtension(file, null)).Replace('\\', '/');
            var conditions = new Dictionary<string, string>();
            foreach (var (column, value) in fields)
            {
                if (column.EndsWith(Suffix, StringComparison.Ordinal) && Text(value) is { Length: > 0 } other)
                    conditions[column[..^Suffix.Length]] = Path.GetFullPath(Path.Combine(folder, other));
            }
            if (!conditions.Remove(MaskName, out var mask) && Text(fields[MaskName]) is { Length: > 0 } told)
                mask = Path.GetFullPath(Path.Combine(folder, told));
            yield return new TileRow(index, key, file)
            {
                Split = Tiles.SplitOf(Text(fields["split"])) ?? Tiles.SplitOf(key.Contains('/')
                    ? key[..key.IndexOf('/')] : null),
                Captions = Captions(fields[captionColumn], captionColumn) is { Count: > 0 } captions ? captions
                    : Sidecar(file, captionColumn),
                Conditions = conditions,
                NormalisedConditions = [.. conditions.Keys.Where(name =>
                    Number(fields[name + "_ceiling"]) is not null)],
                Mask = mask,
                Place = Text(fields["scene"]) is { } scene && Number(fields["row"]) is { } row
                    && Number(fields["column"]) is { } column2
                    ? new TilePlace(scene, (int)row, (int)column2) : null,
                Ceiling = Number(fields["ceiling"]),
            };
        }
    }

    private static IEnumerable<TileRow> Bare(string folder) =>
        from file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        where TileImages.Extensions.Contains(Path.GetExtension(file).ToLowerInvariant())
        let key = Path.GetRelativePath(folder, Path.ChangeExtension(file, null)).Replace('\\', '/')
        select new TileRow(folder, key, file)
        {
            Split = Tiles.SplitOf(key.Contains('/') ? key[..key.IndexOf('/')] : null),
            Captions = Sidecar(file, "text"),
        };

    // One caption, or a list of phrasings.
    private static IReadOnlyList<KeyValuePair<string, string>> Captions(JsonNode? node, string column) => node switch
    {
        JsonArray phrasings => [.. phrasings.Select((text, i) => KeyValuePair.Create($"{column}{i}", Text(text) ?? ""))
            .Where(c => c.Value.Length > 0)],
        _ => Text(node) is { Length: > 0 } text ? [KeyValuePair.Create(column, text)] : [],
    };

    private static IReadOnlyList<KeyValuePair<string, string>> Sidecar(string file, string column)
    {
        var beside = Path.ChangeExtension(file, ".txt");
        return File.Exists(beside) && File.ReadAllText(beside).Trim() is { Length: > 0 } text
            ? [KeyValuePair.Create(column, text)] : [];
    }

    /// <summary>The rows of a .csv or .jsonl file with the numbers of their lines.</summary>
    /// <exception cref="TileException">A line is no such row.</exception>
    public static IEnumerable<(int Line, JsonObject Fields)> RowsOf(string index) =>
        index.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? CsvRows(index) : JsonRows(index);

    /// <summary>The lines of a metadata.jsonl with their numbers.</summary>
    /// <exception cref="TileException">A line is no JSON object.</exception>
    public static IEnumerable<(int Line, JsonObject Fields)> JsonRows(string index)
    {
        var line = 0;
        foreach (var text in File.ReadLines(index))
        {
            line++;
            if (text.Length == 0)
                continue;
            JsonObject? fields;
            try
            {
                fields = JsonNode.Parse(text) as JsonObject;
            }
            catch (JsonException error)
            {
                throw new TileException(index, "", $"line {line}: found no JSON: {error.Message}", error);
            }
            yield return (line, fields ?? throw new TileException(index, "",
                $"line {line}: found '{text}', expected a JSON object"));
        }
    }

    private static IEnumerable<(int Line, JsonObject Fields)> CsvRows(string index)
    {
        string[]? columns = null;
        foreach (var (line, cells) in CsvCells(File.ReadAllText(index)))
        {
            if (columns is null)
            {
                columns = [.. cells];
                continue;
            }
            if (cells.Count != columns.Length)
                throw new TileException(index, "",
                    $"line {line}: found {cells.Count} columns, expected {columns.Length} as the first line has");
            yield return (line, new JsonObject(columns.Zip(cells, (column, cell) => KeyValuePair.Create(column,
                (JsonNode?)cell))));
        }
    }

    /// <summary>
    /// Rows of comma-separated values (RFC 4180): quoted cells may hold commas, line ends and doubled quotes.
    /// </summary>
    internal static IEnumerable<(int Line, List<string> Cells)> CsvCells(string text)
    {
        var (cells, cell, quoted, line, begun) = (new List<string>(), new StringBuilder(), false, 1, 1);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            line += c == '\n' ? 1 : 0;
            if (quoted && c == '"' && i + 1 < text.Length && text[i + 1] == '"')
                cell.Append(text[i++]);
            else if (c == '"')
                quoted = !quoted;
            else if (quoted || c is not (',' or '\n' or '\r' or '\uFEFF'))
                cell.Append(c);
            else if (c == ',')
                Take();
            else if (c == '\n' && (cells.Count > 0 || cell.Length > 0))
            {
                Take();
                yield return (begun, cells);
                (cells, begun) = ([], line);
            }
        }
        if (cells.Count > 0 || cell.Length > 0)
        {
            Take();
            yield return (begun, cells);
        }

        void Take()
        {
            cells.Add(cell.ToString());
            cell.Clear();
        }
    }

    /// <summary>A text; null for anything else.</summary>
    public static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text)
        ? text : null;

    private static double? Number(JsonNode? node) => node switch
    {
        JsonValue value when value.TryGetValue<double>(out var number) => number,
        _ => double.TryParse(Text(node), NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed) ? parsed
            : null,
    };
}
