// Grey pictures of simulated scenes with captions: what a general model learns shapes and words from, without radar.
using SarSynth.Radar.Simulation;

namespace SarSynth.Data;

/// <summary>Rendered scenes as a recipe.</summary>
public sealed record RenderRecipe
{
    /// <summary>How many scenes.</summary>
    public int Scenes { get; init; } = 1;

    /// <summary>How many of them, at the end, are looked at and not trained on.</summary>
    public int Validation { get; init; }

    /// <summary>Side of a scene, pixels.</summary>
    public int Size { get; init; } = 512;

    /// <summary>Sizes of a pixel, metres; the scenes take turns.</summary>
    public IReadOnlyList<double> Spacings { get; init; } = [0.8];

    /// <summary>Sides of the squares that are captioned, pixels; they overlap by half.</summary>
    public IReadOnlyList<int> CaptionSizes { get; init; } = [64, 128];

    /// <summary>Phrasings of each square.</summary>
    public int Phrasings { get; init; } = 3;

    /// <summary>Seed of the first scene; the next scenes take the next seeds.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>A captioned square of a picture.</summary>
/// <param name="Row">First row.</param>
/// <param name="Column">First column.</param>
/// <param name="Size">Side, pixels.</param>
/// <param name="Texts">Its phrasings.</param>
public sealed record CaptionedSquare(int Row, int Column, int Size, IReadOnlyList<string> Texts);

/// <summary>A rendered scene.</summary>
/// <param name="Name">Name, unique in its recipe.</param>
/// <param name="Size">Side, pixels.</param>
/// <param name="Pixels">Grey levels in [0, 1], row-major.</param>
/// <param name="Squares">Its captions.</param>
public sealed record RenderedScene(string Name, int Size, float[] Pixels, IReadOnlyList<CaptionedSquare> Squares);

/// <summary>Makes rendered scenes as a recipe says.</summary>
public static class GenericRenders
{
    /// <summary>The first words of captions.</summary>
    public static IReadOnlyList<string> Openings { get; } =
    [
        "aerial photograph of", "a picture from above showing", "overhead photo of", "grey picture of",
        "a view from the air of", "bird's eye view showing", "a photo of", "black and white image of",
    ];

    /// <summary>Makes the scenes, one by one; the same recipe gives the same pixels and words.</summary>
    /// <param name="recipe">Number, size, spacings and seed.</param>
    /// <param name="cancel">Ends between scenes.</param>
    /// <exception cref="ArgumentException">A field that cannot be.</exception>
    public static IEnumerable<RenderedScene> Generate(RenderRecipe recipe, CancellationToken cancel = default)
    {
        Require(recipe.Scenes > recipe.Validation, "scenes", recipe.Scenes,
            $"more than validation, {recipe.Validation}");
        Require(recipe.Spacings.Count > 0, "spacings", "none", "one or more");
        Require(recipe.CaptionSizes.Count > 0 && recipe.CaptionSizes.All(s => s >= 8 && s <= recipe.Size),
            "captionSizes", string.Join(", ", recipe.CaptionSizes), $"one or more from 8 to {recipe.Size}");
        Require(recipe.Phrasings >= 1, "phrasings", recipe.Phrasings, "1 or more");
        return Scenes();

        IEnumerable<RenderedScene> Scenes()
        {
            var seeds = Enumerable.Range(0, recipe.Scenes).Select(i => recipe.Seed + (ulong)i).ToArray();
            foreach (var (i, seed) in Progress.Over("rendering scenes", seeds, SimulatedScenes.NameOf).Index())
            {
                cancel.ThrowIfCancellationRequested();
                yield return Render(recipe, seed, recipe.Spacings[i % recipe.Spacings.Count]);
            }
        }
    }

    private static RenderedScene Render(RenderRecipe recipe, ulong seed, double spacing)
    {
        var scene = Scene.Generate(seed,
            new SceneOptions { Rows = recipe.Size, Columns = recipe.Size, Spacing = spacing });
        var style = RenderStyle.Draw(seed);
        var squares = new List<CaptionedSquare>();
        foreach (var size in recipe.CaptionSizes)
        {
            for (var row = 0; row + size <= recipe.Size; row += size / 2)
            {
                for (var column = 0; column + size <= recipe.Size; column += size / 2)
                    squares.Add(new(row, column, size,
                        scene.Phrasings(row, column, size, size, recipe.Phrasings, Openings)));
            }
        }
        return new(SimulatedScenes.NameOf(seed), recipe.Size, ShadedRender.Of(scene, style), squares);
    }

    private static void Require(bool holds, string field, object found, string expected)
    {
        if (!holds)
            throw new ArgumentException(
                FormattableString.Invariant($"recipe field 'data.{field}': found {found}, expected {expected}."));
    }
}
