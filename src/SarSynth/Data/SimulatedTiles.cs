// A folder of captioned airborne tiles from the simulator: what fine-tuning and evaluation take where there is no data
// of one's own.
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;

namespace SarSynth.Data;

/// <summary>Simulated airborne tiles as a recipe; scenes, never tiles, are split.</summary>
public sealed record SimulatedTilesRecipe
{
    /// <summary>Name or JSON file of the airborne sensor.</summary>
    public string Sensor { get; init; } = "airborne-x-080";

    /// <summary>Scenes to train on.</summary>
    public int Train { get; init; } = 40;

    /// <summary>Scenes to look at while training.</summary>
    public int Validation { get; init; } = 4;

    /// <summary>Scenes of the evaluation.</summary>
    public int Test { get; init; } = 8;

    /// <summary>Side of a scene, pixels.</summary>
    public int Size { get; init; } = 512;

    /// <summary>Side of a tile, pixels; a scene is cut into as many as fit.</summary>
    public int Tile { get; init; } = 64;

    /// <summary>Phrasings of each tile.</summary>
    public int Phrasings { get; init; } = 3;

    /// <summary>Seed of the first scene; the next take the next seeds, training first.</summary>
    public ulong Seed { get; init; } = 200_000;
}

/// <summary>Writes simulated tiles.</summary>
public static class SimulatedTiles
{
    private const string ProvenanceFile = "tiles.provenance.json";

    /// <summary>Makes the tiles of a recipe: an image folder with parts train, validation and test, amplitudes
    /// A / (mu + 3 sigma) of their scene. A folder that holds the tiles of this recipe already is left as it is.
    /// </summary>
    /// <param name="recipe">Sensor, scenes, sizes and seed.</param>
    /// <param name="folder">Appears whole or not at all.</param>
    /// <param name="cancel">Ends between scenes.</param>
    /// <exception cref="ArgumentException">A field that cannot be.</exception>
    /// <exception cref="IOException">The folder holds something else.</exception>
    public static void Write(SimulatedTilesRecipe recipe, string folder, CancellationToken cancel = default)
    {
        Require(recipe.Train >= 1, "train", recipe.Train, "1 or more");
        Require(recipe.Validation >= 0, "validation", recipe.Validation, "0 or more");
        Require(recipe.Test >= 0, "test", recipe.Test, "0 or more");
        Require(recipe.Tile >= 8 && recipe.Tile <= recipe.Size, "tile", recipe.Tile, $"8 to {recipe.Size}");
        Require(recipe.Phrasings >= 1, "phrasings", recipe.Phrasings, "1 or more");
        var sensor = SimulatedScenes.FindSensor(recipe.Sensor);
        if (Directory.Exists(folder))
        {
            var made = Path.Combine(folder, ProvenanceFile);
            if (File.Exists(made) && JsonNode.DeepEquals(KitJson.Read<Provenance>(made).Recipe,
                Provenance.Of("tiles", recipe, recipe.Seed, [], []).Recipe))
                return;
            throw new IOException(
                $"{folder}: holds something else than the tiles of this recipe; give another folder.");
        }
        var beside = folder + ".new";
        if (Directory.Exists(beside))
            Directory.Delete(beside, recursive: true);
        Split[] parts = [.. Enumerable.Repeat(Split.Train, recipe.Train),
            .. Enumerable.Repeat(Split.Validation, recipe.Validation), .. Enumerable.Repeat(Split.Test, recipe.Test)];
        var rows = parts.Distinct().ToDictionary(p => p, _ => new List<string>());
        var scenes = parts.Select((part, i) => (Part: part, Seed: recipe.Seed + (ulong)i)).ToList();
        foreach (var (part, seed) in Progress.Over("simulating tiles", scenes, s => SimulatedScenes.NameOf(s.Seed)))
        {
            cancel.ThrowIfCancellationRequested();
            var at = Directory.CreateDirectory(Path.Combine(beside, part.ToString().ToLowerInvariant())).FullName;
            rows[part].AddRange(WriteScene(recipe, sensor, seed, at));
        }
        foreach (var (part, lines) in rows)
            AtomicFile.WriteText(Path.Combine(beside, part.ToString().ToLowerInvariant(), TileIndex.JsonLines),
                string.Concat(lines.Select(l => l + "\n")));
        Provenance.Of("tiles", recipe, recipe.Seed, [], []).Write(Path.Combine(beside, ProvenanceFile));
        Directory.Move(beside, folder);
    }

    private static IEnumerable<string> WriteScene(SimulatedTilesRecipe recipe, Sensor sensor, ulong seed, string folder)
    {
        var (high, wide) = (sensor.AzimuthSpacing * sensor.AzimuthLooks, sensor.GroundRangeSpacing * sensor.RangeLooks);
        var cell = Math.Min(0.4, Math.Min(sensor.AzimuthSpacing, sensor.GroundRangeSpacing));
        var scene = Scene.Generate(seed, new SceneOptions
        {
            Rows = (int)Math.Round(recipe.Size * high / cell), Columns = (int)Math.Round(recipe.Size * wide / cell),
            Spacing = cell,
        });
        var image = Simulator.Observe(scene, sensor, seed).Detected;
        var normalisation = new NormalisationFit().Add(image.Pixels).Clipped();
        var facts = SyntheticContent.MarkSimulated(image.Metadata);
        var values = new float[image.Pixels.Length];
        normalisation.Apply(image.Pixels, values);
        for (var row = 0; row + recipe.Tile <= image.Rows; row += recipe.Tile)
        {
            for (var column = 0; column + recipe.Tile <= image.Columns; column += recipe.Tile)
            {
                var name = FormattableString.Invariant($"{SimulatedScenes.NameOf(seed)}-{row:D4}-{column:D4}.tif");
                var tile = new AmplitudeImage(image.Rows, image.Columns, values, facts)
                    .Crop(new RasterWindow(row, column, recipe.Tile, recipe.Tile));
                GeoTiff.Write(tile, Path.Combine(folder, name));
                var texts = scene.Phrasings((int)(row * high / cell), (int)(column * wide / cell),
                    (int)(recipe.Tile * high / cell), (int)(recipe.Tile * wide / cell), recipe.Phrasings);
                yield return TileRows.ToLine(new JsonObject
                {
                    ["file_name"] = name, ["text"] = new JsonArray([.. texts.Select(t => (JsonNode)t)]),
                    ["scene"] = SimulatedScenes.NameOf(seed), ["row"] = row, ["column"] = column,
                    ["ceiling"] = normalisation.Ceiling,
                });
            }
        }
    }

    private static void Require(bool holds, string field, object found, string expected)
    {
        if (!holds)
            throw new ArgumentException(
                FormattableString.Invariant($"recipe field 'data.{field}': found {found}, expected {expected}."));
    }
}
