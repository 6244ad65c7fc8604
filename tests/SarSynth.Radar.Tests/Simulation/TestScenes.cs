// Plain scenes whose image is known in closed form.
using SarSynth.Radar.Simulation;

namespace SarSynth.Radar.Tests.Simulation;

internal static class TestScenes
{
    /// <summary>Flat ground with sigma nought = gamma cos(incidence).</summary>
    public static Scene Flat(int size, double spacing = 0.4, Texture? texture = null, double gamma = 0.1,
        ulong seed = 1, IReadOnlyList<Target>? targets = null) =>
        Scene.FromMaps(new byte[size * size], new float[size * size], size, size, spacing, targets, seed,
            Ground(gamma, texture));

    /// <summary>Flat ground with a box on it across all rows.</summary>
    public static Scene Wall(int rows, int columns, double spacing, int first, int width, float height)
    {
        byte[] classes = new byte[rows * columns];
        float[] heights = new float[rows * columns];
        for (int r = 0; r < rows; r++)
        {
            for (int c = first; c < first + width; c++)
                (classes[r * columns + c], heights[r * columns + c]) = ((byte)LandCover.Roof, height);
        }
        return Scene.FromMaps(classes, heights, rows, columns, spacing, surfaces: Ground(0.1, null));
    }

    private static Dictionary<LandCover, Surface> Ground(double gamma, Texture? texture) => new()
    {
        [LandCover.BareSoil] = new() { DiffuseGamma = gamma, Texture = texture ?? Texture.None },
        [LandCover.Roof] = new() { DiffuseGamma = 0.02 },
    };
}
