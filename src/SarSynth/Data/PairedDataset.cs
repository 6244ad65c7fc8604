// Paired scenes on disk: GeoTIFFs, their captions and checksums, and the recipe that made them.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Data;

/// <summary>One scene of a data set on disk.</summary>
/// <param name="Name">Name, unique in the set.</param>
/// <param name="Split">Which part it belongs to.</param>
/// <param name="Airborne">The fine image's file.</param>
/// <param name="Satellite">The coarse image's file.</param>
/// <param name="Captions">Captions of squares of the airborne image.</param>
public sealed record PairedSceneEntry(string Name, Split Split, FileFingerprint Airborne, FileFingerprint Satellite,
    IReadOnlyList<TileCaption> Captions);

/// <summary>A folder of paired scenes: scenes.json and the rasters that it lists.</summary>
/// <param name="Description">What it shows, in a sentence.</param>
/// <param name="Licence">SPDX identifier.</param>
/// <param name="Scenes">The scenes.</param>
public sealed record PairedDataset(string Description, string Licence, IReadOnlyList<PairedSceneEntry> Scenes)
{
    /// <summary>Name of the list in the folder.</summary>
    public const string FileName = "scenes.json";

    /// <summary>Reads the list of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="FileNotFoundException">It has no scenes.json.</exception>
    /// <exception cref="InvalidDataException">scenes.json is not such a list.</exception>
    public static PairedDataset Open(string folder) => KitJson.Read<PairedDataset>(Path.Combine(folder, FileName));

    /// <summary>Reads the scenes of one part, each verified against its checksum.</summary>
    /// <param name="folder">The folder that the list was read from.</param>
    /// <param name="split">The part; all when null.</param>
    /// <exception cref="InvalidDataException">A file differs from its checksum.</exception>
    public IEnumerable<PairedScene> Load(string folder, Split? split = null)
    {
        foreach (var scene in Scenes.Where(s => split is null || s.Split == split))
            yield return new(scene.Name, ReadImage(folder, scene.Airborne), ReadImage(folder, scene.Satellite),
                scene.Captions);
    }

    /// <summary>
    /// Adds scenes to a folder: the rasters first, the list after them, so that a listed scene is always
    /// whole, and what describes it to other tools (croissant.json). A scene of the same name is replaced.
    /// </summary>
    /// <param name="folder">Created when it is not there.</param>
    /// <param name="description">What the set shows.</param>
    /// <param name="licence">SPDX identifier.</param>
    /// <param name="scenes">The scenes and their parts.</param>
    public static PairedDataset Write(string folder, string description, string licence,
        IEnumerable<(PairedScene Scene, Split Split)> scenes)
    {
        Directory.CreateDirectory(folder);
        var entries = File.Exists(Path.Combine(folder, FileName)) ? [.. Open(folder).Scenes]
            : new List<PairedSceneEntry>();
        var isSimulated = IsSimulated(folder, entries);
        foreach (var (scene, split) in scenes)
        {
            var airborne = Path.Combine(folder, $"{scene.Name}.airborne.tif");
            var satellite = Path.Combine(folder, $"{scene.Name}.satellite.tif");
            isSimulated &= scene.Airborne.SimulatedSensor() is not null
                && scene.Satellite.SimulatedSensor() is not null;
            GeoTiff.Write(scene.Airborne, airborne);
            GeoTiff.Write(scene.Satellite, satellite);
            entries.RemoveAll(e => e.Name == scene.Name);
            entries.Add(new(scene.Name, split, FileFingerprint.Of(airborne), FileFingerprint.Of(satellite),
                scene.Captions));
        }
        var dataset = new PairedDataset(description, licence, entries);
        KitJson.Write(Path.Combine(folder, FileName), dataset);
        PairedCroissant.Write(folder, dataset, isSimulated);
        return dataset;
    }

    private static bool IsSimulated(string folder, List<PairedSceneEntry> entries) => entries.All(entry =>
    {
        using var airborne = SarRaster.Open(Path.Combine(folder, entry.Airborne.Path));
        return airborne.Metadata.Sensor is { } name && Sensors.Names.Contains(name);
    });

    private static AmplitudeImage ReadImage(string folder, FileFingerprint file)
    {
        var path = Path.Combine(folder, file.Path);
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path}: no such file, though {FileName} lists it.", path);
        var found = FileFingerprint.Of(path);
        if (found.Sha256 != file.Sha256)
            throw new InvalidDataException(
                $"{path}: found SHA-256 {found.Sha256} ({found.Bytes} bytes), expected {file.Sha256} ({file.Bytes} "
                    + $"bytes) as {FileName} says.");
        using var raster = SarRaster.Open(path);
        return raster.Read().ToAmplitude();
    }
}
