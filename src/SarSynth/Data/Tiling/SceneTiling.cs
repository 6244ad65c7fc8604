// One scene becomes tiles: opened on the wanted grid, its constants measured, cut window by window with a journal.
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using MathNet.Numerics;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Data;

/// <summary>Cuts one scene.</summary>
internal sealed class SceneTiling(
    string path, string name, string folder, string work, TilingRecipe recipe, VectorClasses? vectors,
    Action<double, string> progress, CancellationToken cancel)
{
    private const string Border = "border";

    private string Journal => Path.Combine(work, name + ".jsonl");

    private string Constants => Path.Combine(work, name + ".normalisation.json");

    private string Scratch => Path.Combine(work, name + ".tif");

    /// <summary>Cuts what is not cut yet, then puts the scene's record into its place.</summary>
    public void Run()
    {
        using var scene = PreparedScene.Open(path, recipe, Scratch, share =>
            progress(0.5 * share, $"{name}: changing the grid"), cancel);
        if (scene.Rows < recipe.Size || scene.Columns < recipe.Size)
            throw new ArgumentException(
                $"{path}: found {scene.Rows} x {scene.Columns} pixels on the tiles' grid, expected {recipe.Size} x "
                    + $"{recipe.Size} or more for one tile.");
        var normalisation = Fit(scene);
        var blocks = new GroundBlocks(recipe, recipe.Block!.Value, name, scene.GeoReference, scene.Spacing ?? (1, 1));
        var ground = vectors?.On(path, scene.GeoReference, scene.Rows, scene.Columns);
        var lines = Cut(scene, normalisation, blocks, ground);
        var rows = lines.Select(line => JsonNode.Parse(line)!.AsObject()).ToArray();
        var kept = rows.Where(row => row["dropped"] is null).ToArray();
        AtomicFile.WriteText(TileMaker.SceneRows(folder, name),
            string.Concat(kept.Select(row => TileRows.ToLine(row) + "\n")));
        KitJson.Write(TileMaker.SceneFile(folder, name), new TiledScene(
            name, Path.GetFileName(Path.TrimEndingDirectorySeparator(path)), File.Exists(path)
                ? FileFingerprint.Of(path).Sha256 : null,
            scene.Rows, scene.Columns, scene.Spacing?.Row, scene.Spacing?.Column, scene.Radiometry, normalisation,
            scene.GeoReference, kept.Length,
            new SortedDictionary<string, int>(rows.Where(row => row["dropped"] is not null).GroupBy(row =>
                (string)row["dropped"]!).ToDictionary(g => g.Key, g => g.Count())),
            [.. scene.Remarks, .. RemarksOn(ground)]));
        foreach (var file in (string[])[Journal, Constants, Scratch])
            File.Delete(file);
    }

    private IEnumerable<string> RemarksOn(VectorScene? ground)
    {
        if (ground?.Count == 0)
            yield return TileSet.VectorRemark + "nothing of them lies in it.";
        if (vectors?.Left.Count > 0)
            yield return $"{TileSet.VectorRemark}left out, for the legend has no words for it: "
                + $"{string.Join(", ", vectors.Left)}.";
    }

    // Fill is no echo, and would darken the scene's mean.
    private ClippedNormalisation Fit(PreparedScene scene)
    {
        if (File.Exists(Constants))
            return (ClippedNormalisation)Normalisation.FromJson(File.ReadAllText(Constants));
        var fit = new NormalisationFit();
        foreach (var band in RasterWindow.Cover(scene.Rows, scene.Columns, Math.Clamp((4 << 20) / scene.Columns, 1,
            scene.Rows), scene.Columns))
        {
            cancel.ThrowIfCancellationRequested();
            var amplitude = scene.Read(band).ToAmplitude();
            var fill = TileStatistics.FillOf(amplitude);
            fit.Add([.. amplitude.Pixels.Select((a, i) => fill[i] ? float.NaN : a)]);
            progress(0.5 + 0.1 * (band.Row + band.Rows) / scene.Rows, $"{name}: measuring");
        }
        if (fit.Count == 0)
            throw new RasterException(path, "holds no pixel that is not fill, expected a scene");
        var constants = fit.Clipped(recipe.Deviations, NormalisationScope.Scene);
        AtomicFile.WriteText(Constants, constants.ToJson());
        return constants;
    }

    private List<string> Cut(PreparedScene scene, ClippedNormalisation normalisation, GroundBlocks blocks,
        VectorScene? ground)
    {
        var step = recipe.Size - recipe.Overlap;
        RasterWindow[] windows = [.. from row in Starts(scene.Rows, step) from column in Starts(scene.Columns, step)
                                     select new RasterWindow(row, column, recipe.Size, recipe.Size)];
        var done = ReadJournal(windows.Length);
        using var journal = new FileStream(Journal, FileMode.Create, FileAccess.Write, FileShare.Read);
        Append(journal, done);
        // A few at once, and the journal in their order.
        var at = done.Count;
        foreach (var some in windows.Skip(done.Count).Chunk(Environment.ProcessorCount))
        {
            cancel.ThrowIfCancellationRequested();
            var made = new string[some.Length];
            try
            {
                Parallel.For(0, some.Length, i => made[i] = Make(scene, normalisation, blocks, ground, some[i]));
            }
            catch (AggregateException several)
            {
                // One tile's error says what is wrong; that there were others at the same moment says nothing more.
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(several.InnerExceptions[0]);
            }
            Append(journal, made);
            done.AddRange(made);
            at += some.Length;
            progress(0.6 + 0.4 * at / windows.Length, $"{name}: {at} of {windows.Length} tiles");
        }
        return done;
    }

    private IEnumerable<int> Starts(int length, int step)
    {
        for (var at = 0; at + recipe.Size <= length; at += step)
            yield return at;
    }

    // Lines of an earlier run, up to the first that is torn or whose tile is not whole.
    private List<string> ReadJournal(int most)
    {
        var lines = new List<string>();
        foreach (var line in File.Exists(Journal) ? File.ReadLines(Journal) : [])
        {
            try
            {
                var row = JsonNode.Parse(line)!.AsObject();
                if (row["dropped"] is null && Hash(TileOf(row)) != (string?)row["sha256"])
                    break;
            }
            catch (Exception error) when (
                error is System.Text.Json.JsonException or IOException or InvalidOperationException)
            {
                break;
            }
            lines.Add(line);
            if (lines.Count == most)
                break;
        }
        return lines;
    }

    private string TileOf(JsonObject row) => Path.Combine(folder, (string)row["split"]!, (string)row["file_name"]!);

    private static void Append(FileStream journal, IEnumerable<string> lines)
    {
        journal.Write(Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n"))));
        journal.Flush(flushToDisk: true);
    }

    private string Make(PreparedScene scene, ClippedNormalisation normalisation, GroundBlocks blocks,
        VectorScene? ground, RasterWindow window)
    {
        var image = scene.Read(window);
        var amplitude = image.ToAmplitude();
        var statistics = TileStatistics.Of(amplitude, normalisation.Ceiling);
        var row = new JsonObject();
        if (statistics.Fault(recipe) is { } fault)
            return new JsonObject { ["row"] = window.Row, ["column"] = window.Column,
                ["dropped"] = fault }.ToJsonString();
        if (blocks.PartOf(window) is not { } split)
            return new JsonObject { ["row"] = window.Row, ["column"] = window.Column,
                ["dropped"] = Border }.ToJsonString();
        var part = TileSet.Parts.First(p => p.Split == split).Folder;
        var stem = $"{name}_r{window.Row}_c{window.Column}";
        var place = scene.GeoReference?.Shifted(window.Row, window.Column);
        Directory.CreateDirectory(Path.Combine(folder, part));
        var file = stem + (recipe.Format == TileFormat.Png ? ".png" : ".tif");
        Write(Path.Combine(folder, part, file), image, amplitude, normalisation, scene.Metadata, place);
        string? mask = null;
        if (recipe.Format == TileFormat.Png && statistics.NoData > 0)
            WriteMask(Path.Combine(folder, part, mask = $"../masks/{stem}.png"), amplitude);
        var (caption, classes) = (recipe.Caption, (string?)null);
        if (ground?.Of(window, recipe.Seed, stem) is var (codes, told))
        {
            WriteCodes(Path.Combine(folder, part, classes = $"../classes/{stem}.png"), codes);
            // Every row has every column: readers of tables want it so.
            caption = told ?? caption ?? "";
        }
        return TileRows.Of(file, mask, classes, part, name, window, normalisation, statistics, caption, blocks,
            Hash(Path.Combine(folder, part, file))).ToJsonString(TileRows.Options);
    }

    private void Write(string file, SarImage image, AmplitudeImage amplitude, ClippedNormalisation normalisation,
        SarMetadata facts, GeoReference? place)
    {
        if (recipe.Format == TileFormat.Complex)
        {
            var scale = (float)(1 / normalisation.Ceiling);
            GeoTiff.Write(new ComplexImage(image.Rows, image.Columns,
                Array.ConvertAll(((ComplexImage)image).Pixels, sample => sample * scale), facts, place), file);
            return;
        }
        var values = new float[amplitude.Pixels.Length];
        if (recipe.Format == TileFormat.Png)
        {
            normalisation.Apply(amplitude.Pixels, values);
            QuickLook.Write(new AmplitudeImage(image.Rows, image.Columns, values, new()
            {
                DigitalSourceType = facts.DigitalSourceType, Generator = facts.Generator,
            }), file, new FixedRemap(1), new() { Bits = 16, MaxSize = recipe.Size });
            return;
        }
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)(amplitude.Pixels[i] / normalisation.Ceiling);
        GeoTiff.Write(new AmplitudeImage(image.Rows, image.Columns, values, facts, place), file);
    }

    // Codes are grey levels: 255 times the share of white that they are.
    private void WriteCodes(string file, float[] codes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        QuickLook.Write(new AmplitudeImage(recipe.Size, recipe.Size, codes), file, new FixedRemap(byte.MaxValue),
            new() { MaxSize = recipe.Size });
    }

    private void WriteMask(string file, AmplitudeImage amplitude)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        QuickLook.Write(new AmplitudeImage(amplitude.Rows, amplitude.Columns, Array.ConvertAll(amplitude.Pixels, a =>
            float.IsNaN(a) ? 0f : 1f)),
            file, new FixedRemap(1), new() { MaxSize = recipe.Size });
    }

    private static string Hash(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
