// Batches of rendered pictures with captions and, as SDXL is told, where they were cut out of what the caption names.
using SarSynth.Data;

namespace SarSynth.FineTuning;

/// <summary>A tile: where it lies, the caption, and the captioned square that it was cut out of.</summary>
/// <param name="Scene">Which scene.</param>
/// <param name="Row">First row.</param>
/// <param name="Column">First column.</param>
/// <param name="Square">The captioned square.</param>
/// <param name="Caption">One of its phrasings.</param>
internal sealed record RenderTile(RenderedScene Scene, int Row, int Column, CaptionedSquare Square, string Caption);

/// <summary>Draws tiles; those of a step hang on the seed and the step alone.</summary>
/// <param name="scenes">One or more.</param>
/// <param name="seed">Seed of the draws.</param>
/// <param name="size">Side of the tiles, pixels.</param>
/// <param name="grid">Tiles begin at multiples of this: pixels of a latent.</param>
internal sealed class RenderTiles(IReadOnlyList<RenderedScene> scenes, ulong seed, int size, int grid)
{
    private readonly IReadOnlyList<CaptionedSquare>[] squares = [.. scenes.Select(scene =>
        scene.Squares.Where(s => s.Size >= size).ToArray() is { Length: > 0 } fitting ? fitting
            : throw new ArgumentException(FormattableString.Invariant($"tile size {size}: expected ")
                + $"at most {scene.Squares.Max(s => s.Size)}, the largest captioned square (data.captionSizes)."))];

    /// <summary>Side of the tiles, pixels.</summary>
    public int Size => size;

    /// <summary>The tiles of a step.</summary>
    public RenderTile[] Batch(long step, int count)
    {
        var tiles = new RenderTile[count];
        for (var i = 0; i < count; i++)
        {
            var random = new SplitMix(seed, (ulong)step, (ulong)i);
            var number = random.Next(scenes.Count);
            // Sizes first, as often each, then one square of that size.
            var sizes = squares[number].Select(s => s.Size).Distinct().ToArray();
            var side = sizes[random.Next(sizes.Length)];
            var of = squares[number].Where(s => s.Size == side).ToArray();
            var square = of[random.Next(of.Length)];
            var free = (side - size) / grid + 1;
            tiles[i] = new(scenes[number], square.Row + random.Next(free) * grid,
                square.Column + random.Next(free) * grid, square, square.Texts[random.Next(square.Texts.Count)]);
        }
        return tiles;
    }

    /// <summary>Grey levels of tiles, [tiles x size x size].</summary>
    public float[] Pixels(IReadOnlyList<RenderTile> tiles)
    {
        var pixels = new float[tiles.Count * size * size];
        foreach (var (i, tile) in tiles.Index())
        {
            for (var r = 0; r < size; r++)
                tile.Scene.Pixels.AsSpan((tile.Row + r) * tile.Scene.Size + tile.Column, size)
                    .CopyTo(pixels.AsSpan((i * size + r) * size));
        }
        return pixels;
    }

    /// <summary>Size before the cut, corner of the cut and size, six numbers a tile (Podell et al. 2023, section 2.2).
    /// </summary>
    public float[] Sizes(IReadOnlyList<RenderTile> tiles) => [.. tiles.SelectMany(t => new float[]
    {
        t.Square.Size, t.Square.Size, t.Row - t.Square.Row, t.Column - t.Square.Column, size, size,
    })];
}
