// The card of a model or of data that comes with the kit: what it is for, what it must not be used for, what it saw.
namespace SarSynth.Data;

/// <summary>Where a card's figures are read, each time it is shown: they are not written into it.</summary>
/// <param name="File">A table among the notebooks' recorded results, as translation.json.</param>
/// <param name="Candidate">The column of it.</param>
/// <param name="Beside">Columns to hold it against.</param>
/// <param name="Measures">Rows of it, by their ids.</param>
/// <param name="Command">The command that makes the table.</param>
public sealed record CardFigures(string File, string Candidate, IReadOnlyList<string> Beside,
    IReadOnlyList<string> Measures, string Command);

/// <summary>
/// A card (Mitchell et al. 2019 for models, Pushkarna et al. 2022 for data). Title, licence, duties, size and the
/// command that made it are the manifest's of the same name.
/// </summary>
/// <param name="Name">Name of the manifest.</param>
/// <param name="Summary">What it is, in two or three sentences.</param>
/// <param name="UsedFor">What it is meant for.</param>
/// <param name="NotFor">What it must not be used for.</param>
/// <param name="Data">What it was trained on, or what it holds.</param>
/// <param name="Limits">What is known to be wrong or missing.</param>
public sealed record Card(string Name, string Summary, IReadOnlyList<string> UsedFor, IReadOnlyList<string> NotFor,
    IReadOnlyList<string> Data, IReadOnlyList<string> Limits)
{
    /// <summary>Where its figures are read; null where there are none.</summary>
    public CardFigures? Figures { get; init; }

    /// <summary>The cards' folder.</summary>
    public static string Folder => Path.Combine(EmbeddedData.ManifestFolder, "cards");

    /// <summary>Names of what has a card.</summary>
    public static IReadOnlyList<string> Names => [.. Directory.GetFiles(Folder, "*.json")
        .Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal)];

    /// <summary>The card of a name.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="InvalidDataException">It is no such card.</exception>
    public static Card Load(string name) => KitJson.Read<Card>(Path.Combine(Folder, name + ".json"));
}
