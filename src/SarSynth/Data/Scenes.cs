// The door to paired scenes: those that come with the kit, those of a folder, those that the simulator makes.
namespace SarSynth.Data;

/// <summary>Paired scenes by where they come from.</summary>
public static class Scenes
{
    /// <summary>The scenes that come with the kit, verified against their checksums.</summary>
    /// <param name="split">The part; all when null.</param>
    /// <exception cref="InvalidDataException">A file differs from its checksum.</exception>
    public static IReadOnlyList<PairedScene> Embedded(Split? split = null) => Open(EmbeddedData.Scenes, split);

    /// <summary>
    /// The scenes of a folder that <see cref="PairedDataset.Write"/> made, verified against their checksums.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="split">The part; all when null.</param>
    /// <exception cref="FileNotFoundException">It has no list of scenes, or lacks a file of it.</exception>
    /// <exception cref="InvalidDataException">A file differs from its checksum, or the part has no scene.</exception>
    public static IReadOnlyList<PairedScene> Open(string folder, Split? split = null)
    {
        PairedScene[] scenes = [.. PairedDataset.Open(folder).Load(folder, split)];
        if (scenes.Length > 0)
            return scenes;
        var part = split is { } named ? $" of the part '{named.ToString().ToLowerInvariant()}'" : "";
        throw new InvalidDataException(
            $"{Path.Combine(folder, PairedDataset.FileName)}: found no scene{part}, expected one or more.");
    }

    /// <summary>Scenes from the simulator.</summary>
    /// <param name="recipe">Sensors, number, size and seed.</param>
    /// <exception cref="ArgumentException">
    /// The airborne sensor is not the finer one; the message names those that are.
    /// </exception>
    public static IReadOnlyList<PairedScene> Simulate(SimulationRecipe recipe) => [.. SimulatedScenes.Generate(recipe)];

    /// <summary>
    /// Scenes from the simulator that no recipe of the kit trains on, as the kit's model was trained for.
    /// </summary>
    /// <param name="count">How many.</param>
    /// <param name="size">Their side, airborne pixels.</param>
    /// <param name="seed">Which ones: the first of another seed are others.</param>
    public static IReadOnlyList<PairedScene> Unseen(int count, int size = 512, ulong seed = 1) =>
        Simulate(new() { Scenes = count, Size = size, Seed = SimulatedScenes.UnseenSeed + seed });
}
