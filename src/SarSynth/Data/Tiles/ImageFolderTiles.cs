// Folders of images as the Hugging Face libraries read them: metadata.jsonl or metadata.csv with file_name and text.
// Columns NAME_file_name are conditions; images without an index take their captions from .txt files beside them.
using System.Security.Cryptography;
using System.Text;
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>Tiles of a folder.</summary>
internal sealed class ImageFolderTiles : ITileSource
{
    private readonly TileOptions options;
    private readonly IReadOnlyList<TileRow> rows;
    private readonly string data;

    public ImageFolderTiles(string path, TileOptions options)
    {
        (Path, this.options) = (path, options);
        var all = TileIndex.Read(path, options.CaptionColumn);
        rows = [.. all.Where(row => options.Split is null || (row.Split ?? Split.Train) == options.Split)];
        if (rows.Count == 0)
            throw new TileException(path, "", all.Count == 0
                ? "found no tile, expected images with captions, shards or scenes"
                : $"found {all.Count} tiles, none of the part '{options.Split!.Value.ToString().ToLowerInvariant()}'");
        if (options.RequireCaptions && rows.FirstOrDefault(row => row.Captions.Count == 0) is { } without)
            throw new TileException(without.Index, without.Key,
                $"found no caption, expected a column '{options.CaptionColumn}' or "
                + $"{System.IO.Path.GetFileNameWithoutExtension(without.File)}.txt beside it "
                + $"({rows.Count(r => r.Captions.Count == 0)} of {rows.Count} tiles have none)");
        foreach (var name in options.Conditions ?? [])
        {
            if (rows.FirstOrDefault(row => !row.Conditions.ContainsKey(name)) is { } bare)
                throw new TileException(bare.Index, bare.Key,
                    $"found no condition '{name}', expected a column '{name}_file_name'");
        }
        data = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n',
            rows.Select(r => r.Key)))))[..16];
    }

    public string Path { get; }

    public long? Count => rows.Count;

    /// <summary>The tiles' names in the data's own order.</summary>
    public IEnumerable<string> Keys => rows.Select(row => row.Key);

    public IEnumerable<TileStep> Sequence(TileOrder order, TilePosition? from = null) =>
        Tiles.Sequence(rows.Count, data, order, from, Load);

    public Tile Load(TileReference reference)
    {
        var row = rows[checked((int)reference.Offset)];
        var (image, isPicture) = TileImages.Read(row.File, row.Index, row.Key);
        if (row.Mask is not null)
            image = Masked(image, row);
        var normalised = isPicture || row.Ceiling is not null;
        return new Tile
        {
            Key = row.Key,
            Source = row.Index,
            Image = image,
            IsNormalised = normalised,
            Ceiling = row.Ceiling,
            Split = row.Split,
            Place = row.Place,
            Captions = row.Captions,
            Conditions = [.. (options.Conditions ?? row.Conditions.Keys).Select(name =>
            {
                var condition = Condition(row, name);
                TileChecker.RequireFit(row.Index, row.Key, name, (image.Rows, image.Columns),
                    (condition.Rows, condition.Columns));
                return condition;
            })],
        };
    }

    public TileCheck Check(Action<double>? progress = null, CancellationToken cancel = default)
    {
        var check = new TileChecker();
        for (var i = 0; i < rows.Count; i++)
        {
            cancel.ThrowIfCancellationRequested();
            var row = rows[i];
            check.Try(() =>
            {
                var size = TileImages.Measure(row.File, row.Index, row.Key);
                foreach (var (name, file) in row.Conditions.Where(c => options.Conditions?.Contains(c.Key) != false))
                    TileChecker.RequireFit(row.Index, row.Key, name, size, TileImages.Measure(file, row.Index,
                        row.Key));
                if (row.Mask is { } mask && TileImages.Measure(mask, row.Index, row.Key) is var found && found != size)
                    throw new TileException(row.Index, row.Key,
                        $"found a mask of {found.Rows} x {found.Columns}, "
                        + $"expected the tile's {size.Rows} x {size.Columns}");
                check.Add(size, row.Captions.Count > 0);
            });
            progress?.Invoke((i + 1.0) / rows.Count);
        }
        return check.Result;
    }

    public void Dispose()
    {
    }

    private TileCondition Condition(TileRow row, string name)
    {
        var file = row.Conditions[name];
        if (options.ClassMaps.Contains(name))
            return TileImages.ReadClasses(file, name, row.Index, row.Key);
        var (image, isPicture) = TileImages.Read(file, row.Index, row.Key);
        return new TileCondition(
            name, ConditionKind.Amplitude, image.Rows, image.Columns, image.ToAmplitude().Pixels,
            isPicture || row.NormalisedConditions.Contains(name));
    }

    private static SarImage Masked(SarImage image, TileRow row)
    {
        var mask = TileImages.ReadClasses(row.Mask!, "mask", row.Index, row.Key);
        if (mask.Rows != image.Rows || mask.Columns != image.Columns)
            throw new TileException(row.Index, row.Key,
                $"found a mask of {mask.Rows} x {mask.Columns}, expected the tile's {image.Rows} x {image.Columns}");
        if (image is ComplexImage complex)
        {
            for (var i = 0; i < complex.Pixels.Length; i++)
            {
                if (mask.Pixels[i] == 0)
                    complex.Pixels[i] = new MathNet.Numerics.Complex32(float.NaN, float.NaN);
            }
            return complex;
        }
        var amplitude = image.ToAmplitude();
        for (var i = 0; i < amplitude.Pixels.Length; i++)
        {
            if (mask.Pixels[i] == 0)
                amplitude.Pixels[i] = float.NaN;
        }
        return amplitude;
    }
}

/// <summary>Gathers what a quick look finds.</summary>
internal sealed class TileChecker
{
    private const int MostProblems = 100;

    private readonly SortedDictionary<string, long> sizes = new(StringComparer.Ordinal);
    private readonly List<string> problems = [];
    private long tiles, captioned;

    public TileCheck Result => new(tiles, captioned, sizes, problems);

    public void Add((int Rows, int Columns) size, bool hasCaption)
    {
        tiles++;
        captioned += hasCaption ? 1 : 0;
        var name = $"{size.Rows} x {size.Columns}";
        sizes[name] = sizes.GetValueOrDefault(name) + 1;
    }

    /// <summary>Looks, and keeps what is wrong.</summary>
    public void Try(Action look)
    {
        try
        {
            look();
        }
        catch (IOException error)
        {
            if (problems.Count < MostProblems)
                problems.Add(error.Message);
        }
    }

    /// <summary>Refuses a condition whose ground cannot be the tile's.</summary>
    /// <exception cref="TileException">Its sides are no whole fraction of the tile's, or not the same one.</exception>
    public static void RequireFit(
        string source, string key, string name, (int Rows, int Columns) tile, (int Rows, int Columns) condition)
    {
        var factor = tile.Rows / Math.Max(1, condition.Rows);
        if (factor < 1 || condition.Rows * factor != tile.Rows || condition.Columns * factor != tile.Columns)
            throw new TileException(source, key,
                $"found condition '{name}' of {condition.Rows} x {condition.Columns}, expected the "
                + $"tile's {tile.Rows} x {tile.Columns} or a whole fraction of it");
    }
}
