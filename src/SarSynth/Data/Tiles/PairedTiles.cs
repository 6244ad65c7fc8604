// The kit's paired scenes as tiles: airborne pixels, conditioned on the satellite's.
using System.Security.Cryptography;
using System.Text;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>Tiles cut out of paired scenes.</summary>
internal sealed class PairedTiles : ITileSource
{
    private const string Satellite = "satellite", Text = "text";

    private readonly TileOptions options;
    private readonly IReadOnlyList<(PairedSceneEntry Scene, RasterWindow Fine, RasterWindow Coarse)> tiles;
    private readonly string data;

    public PairedTiles(string path, TileOptions options)
    {
        (Path, this.options) = (path, options);
        var scenes = PairedDataset.Open(path).Scenes.Where(s => options.Split is null || s.Split == options.Split)
            .ToArray();
        tiles = [.. scenes.SelectMany(Cut)];
        if (tiles.Count == 0)
            throw new TileException(System.IO.Path.Combine(path, PairedDataset.FileName), "", options.Split is { } split
                ? $"found no scene of the part '{split.ToString().ToLowerInvariant()}', expected one"
                    : "found no scene, expected one");
        if (options.Conditions?.FirstOrDefault(name => name != Satellite) is { } unknown)
            throw new TileException(path, "", $"found condition '{Satellite}' in paired scenes, expected '{unknown}'");
        data = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            string.Join('\n', scenes.Select(s => s.Airborne.Sha256).Append($"{options.Size}")))))[..16];
    }

    public string Path { get; }

    public long? Count => tiles.Count;

    public IEnumerable<TileStep> Sequence(TileOrder order, TilePosition? from = null) =>
        Tiles.Sequence(tiles.Count, data, order, from, Load);

    public Tile Load(TileReference reference)
    {
        var (scene, fine, coarse) = tiles[checked((int)reference.Offset)];
        var key = KeyOf(scene, fine);
        var airborne = Read(scene.Airborne, fine, key);
        var wanted = options.Conditions?.Contains(Satellite) != false;
        var satellite = wanted ? Read(scene.Satellite, coarse, key) : null;
        var caption = Caption(scene, fine);
        if (options.RequireCaptions && caption.Length == 0)
            throw new TileException(FileOf(scene.Airborne), key,
                "found no caption, expected one of a square that it shares ground with");
        return new Tile
        {
            Key = key, Source = FileOf(scene.Airborne), Image = airborne, IsNormalised = false, Split = scene.Split,
            Place = new TilePlace(scene.Name, fine.Row, fine.Column),
            Captions = caption.Length > 0 ? [KeyValuePair.Create(Text, caption)] : [],
            Conditions = satellite is null ? []
                : [new TileCondition(Satellite, ConditionKind.Amplitude, satellite.Rows, satellite.Columns,
                    satellite.Pixels)],
        };
    }

    public TileCheck Check(Action<double>? progress = null, CancellationToken cancel = default)
    {
        var check = new TileChecker();
        var scenes = tiles.Select(t => t.Scene).Distinct().ToArray();
        for (var i = 0; i < scenes.Length; i++)
        {
            cancel.ThrowIfCancellationRequested();
            var scene = scenes[i];
            check.Try(() =>
            {
                foreach (var file in (FileFingerprint[])[scene.Airborne, scene.Satellite])
                {
                    var found = FileFingerprint.Of(FileOf(file));
                    if (found.Sha256 != file.Sha256)
                        throw new TileException(FileOf(file), scene.Name,
                            $"found SHA-256 {found.Sha256}, expected {file.Sha256}");
                }
                foreach (var tile in tiles.Where(t => t.Scene == scene))
                    check.Add((tile.Fine.Rows, tile.Fine.Columns), Caption(scene, tile.Fine).Length > 0);
            });
            progress?.Invoke((i + 1.0) / scenes.Length);
        }
        return check.Result;
    }

    public void Dispose()
    {
    }

    private IEnumerable<(PairedSceneEntry Scene, RasterWindow Fine, RasterWindow Coarse)> Cut(PairedSceneEntry scene)
    {
        var (rows, columns) = TileImages.Measure(FileOf(scene.Airborne), FileOf(scene.Airborne), scene.Name);
        var (coarseRows, coarseColumns) = TileImages.Measure(FileOf(scene.Satellite), FileOf(scene.Satellite),
            scene.Name);
        var scale = rows / Math.Max(1, coarseRows);
        if (scale < 1 || coarseRows * scale != rows || coarseColumns * scale != columns)
            throw new TileException(FileOf(scene.Satellite), scene.Name,
                $"found {coarseRows} x {coarseColumns} pixels, "
                + $"expected a whole fraction of the airborne {rows} x {columns}");
        if (options.Size < 0 || options.Size % scale != 0)
            throw new ArgumentException(
                $"size: found {options.Size}, expected a multiple of {scale} for scene '{scene.Name}'.");
        var (height, width) = options.Size == 0 ? (rows, columns) : (options.Size, options.Size);
        for (var row = 0; row + height <= rows; row += height)
        {
            for (var column = 0; column + width <= columns; column += width)
                yield return (scene, new RasterWindow(row, column, height, width),
                    new RasterWindow(row / scale, column / scale, height / scale, width / scale));
        }
    }

    private string FileOf(FileFingerprint file) => System.IO.Path.Combine(Path, file.Path);

    private static string KeyOf(PairedSceneEntry scene, RasterWindow fine) =>
        $"{scene.Name}_r{fine.Row}_c{fine.Column}";

    private AmplitudeImage Read(FileFingerprint file, RasterWindow window, string key)
    {
        try
        {
            using var raster = SarRaster.Open(FileOf(file));
            return raster.Read(window).ToAmplitude();
        }
        catch (RasterException error)
        {
            throw new TileException(FileOf(file), key, error.Reason, error);
        }
    }

    // The caption of the square that shares most ground with the tile.
    private static string Caption(PairedSceneEntry scene, RasterWindow fine) => scene.Captions
        .Select(c => (Shared: Overlap(fine.Row, fine.Rows, c.Row, c.Size) * Overlap(fine.Column, fine.Columns,
            c.Column, c.Size), c.Text))
        .Where(c => c.Shared > 0).OrderByDescending(c => c.Shared).Select(c => c.Text).FirstOrDefault() ?? "";

    private static long Overlap(int a, int aSize, int b, int bSize) =>
        Math.Max(0, Math.Min(a + aSize, b + bSize) - Math.Max(a, b));
}
