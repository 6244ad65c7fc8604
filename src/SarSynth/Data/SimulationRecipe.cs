// Paired scenes as a recipe: what the simulator is asked for.
namespace SarSynth.Data;

/// <summary>Paired scenes from the simulator.</summary>
public sealed record SimulationRecipe
{
    /// <summary>Name or JSON file of the airborne sensor.</summary>
    public string Airborne { get; init; } = "airborne-x-040";

    /// <summary>Name or JSON file of the satellite sensor.</summary>
    public string Satellite { get; init; } = "satellite-x-160";

    /// <summary>How many scenes.</summary>
    public int Scenes { get; init; } = 1;

    /// <summary>Side of a scene, airborne pixels.</summary>
    public int Size { get; init; } = 512;

    /// <summary>Seed of the first scene; the next scenes take the next seeds.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Side of the squares that are captioned, airborne pixels.</summary>
    public int CaptionSize { get; init; } = 128;
}
