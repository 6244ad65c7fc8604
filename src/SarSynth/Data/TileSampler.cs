// Random registered tiles of paired scenes, reproducible from a seed: what training eats.
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>A batch of registered tiles, plain arrays: normalisation and tensors come after.</summary>
/// <param name="Airborne">Amplitudes [batch x size x size].</param>
/// <param name="Satellite">Amplitudes [batch x size/scale x size/scale].</param>
/// <param name="Captions">One a tile.</param>
/// <param name="Size">Side of the airborne tiles, pixels.</param>
/// <param name="Scale">Airborne pixels per satellite pixel.</param>
public sealed record TileBatch(float[] Airborne, float[] Satellite, string[] Captions, int Size, int Scale)
{
    /// <summary>Number of tiles.</summary>
    public int Count => Captions.Length;

    /// <summary>The tiles as small scenes, each with its caption.</summary>
    public IReadOnlyList<PairedScene> ToScenes() => [.. Captions.Select((caption, i) => new PairedScene($"tile {i + 1}",
        Image(Airborne, i, Size), Image(Satellite, i, Size / Scale), [new TileCaption(0, 0, Size, caption)]))];

    private static AmplitudeImage Image(float[] pixels, int index, int side) =>
        new(side, side, pixels[(index * side * side)..((index + 1) * side * side)]);
}

/// <summary>
/// Draws batches of tiles; the batch of a step depends on the seed and the step alone, so a resumed
/// run sees what the whole run would have seen.
/// </summary>
public sealed class TileSampler
{
    // Draws after which a scene's gaps are taken to leave no room for a tile.
    private const int MostDraws = 10_000;

    private readonly IReadOnlyList<PairedScene> scenes;
    private readonly HashSet<PairedScene> withGaps;
    private readonly ulong seed;

    /// <summary>Prepares sampling.</summary>
    /// <param name="scenes">At least one; all of one scale.</param>
    /// <param name="seed">Seed of positions and flips.</param>
    /// <param name="size">Side of the airborne tiles: a multiple of the scale, no larger than any scene.</param>
    /// <exception cref="ArgumentException">No scene, mixed scales, or a size that does not fit.</exception>
    public TileSampler(IReadOnlyList<PairedScene> scenes, ulong seed, int size)
    {
        if (scenes.Count == 0)
            throw new ArgumentException("no scene to draw tiles from.");
        foreach (var s in scenes)
        {
            if (s.Scale != scenes[0].Scale)
                throw new ArgumentException($"scene '{s.Name}' has scale {s.Scale}, scene '{scenes[0].Name}' has "
                    + $"{scenes[0].Scale}; expected one scale.");
            if (size % s.Scale != 0 || size > s.Airborne.Rows || size > s.Airborne.Columns)
                throw new ArgumentException(
                    $"tile size {size}: expected a multiple of {s.Scale} that fits scene '{s.Name}' of "
                        + $"{s.Airborne.Rows} x {s.Airborne.Columns}.");
        }
        (this.scenes, this.seed, Size) = (scenes, seed, size);
        withGaps = [.. scenes.Where(s => s.Airborne.CountNoData() + s.Satellite.CountNoData() > 0)];
    }

    /// <summary>Side of the airborne tiles, pixels.</summary>
    public int Size { get; }

    /// <summary>The batch of a step.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="count">Tiles in the batch.</param>
    /// <exception cref="InvalidDataException">Pixels without data leave no place for a tile.</exception>
    /// <remarks>
    /// A place with a pixel without data is drawn again. Tiles are flipped along azimuth only: a flip along range would
    /// turn shadows towards the radar.
    /// </remarks>
    public TileBatch Batch(int step, int count)
    {
        var scale = scenes[0].Scale;
        var coarse = Size / scale;
        var batch = new TileBatch(new float[count * Size * Size], new float[count * coarse * coarse], new string[count],
            Size, scale);
        for (var i = 0; i < count; i++)
        {
            var random = new SplitMix(seed, (ulong)step, (ulong)i);
            var (scene, row, column) = Draw(ref random, coarse);
            for (var draws = 1; withGaps.Contains(scene) && HasGap(scene, row, column, coarse); draws++)
            {
                if (draws == MostDraws)
                    throw new InvalidDataException($"scene '{scene.Name}': found no tile of {Size} "
                        + $"x {Size} without a pixel "
                        + $"without data in {MostDraws} draws, expected room for one.");
                (scene, row, column) = Draw(ref random, coarse);
            }
            var flip = random.Next(2) == 1;
            Copy(scene.Airborne.Pixels, scene.Airborne.Columns, row * scale, column * scale, Size, flip,
                batch.Airborne.AsSpan(i * Size * Size));
            Copy(scene.Satellite.Pixels, scene.Satellite.Columns, row, column, coarse, flip,
                batch.Satellite.AsSpan(i * coarse * coarse));
            batch.Captions[i] = scene.CaptionAt(row * scale, column * scale, Size);
        }
        return batch;
    }

    private (PairedScene Scene, int Row, int Column) Draw(ref SplitMix random, int coarse)
    {
        var scene = scenes[random.Next(scenes.Count)];
        return (scene, random.Next(scene.Satellite.Rows - coarse + 1),
            random.Next(scene.Satellite.Columns - coarse + 1));
    }

    private static bool HasGap(PairedScene scene, int row, int column, int coarse)
    {
        var scale = scene.Scale;
        return Any(scene.Satellite.Pixels, scene.Satellite.Columns, row, column, coarse)
            || Any(scene.Airborne.Pixels, scene.Airborne.Columns, row * scale, column * scale, coarse * scale);

        static bool Any(float[] pixels, int columns, int row, int column, int size)
        {
            for (var r = row; r < row + size; r++)
            {
                foreach (var pixel in pixels.AsSpan(r * columns + column, size))
                {
                    if (float.IsNaN(pixel))
                        return true;
                }
            }
            return false;
        }
    }

    private static void Copy(float[] pixels, int columns, int row, int column, int size, bool flip, Span<float> to)
    {
        for (var r = 0; r < size; r++)
        {
            var from = row + (flip ? size - 1 - r : r);
            pixels.AsSpan(from * columns + column, size).CopyTo(to[(r * size)..]);
        }
    }
}

/// <summary>
/// SplitMix64 (Steele, Lea, Flood 2014) keyed by several numbers: a generator for each tile costs nothing.
/// </summary>
struct SplitMix
{
    private ulong state;

    public SplitMix(params ReadOnlySpan<ulong> keys)
    {
        foreach (var key in keys)
            state = Mix(state ^ key) + 0x9E3779B97F4A7C15;
    }

    /// <summary>Uniform in [0, bound).</summary>
    public int Next(int bound)
    {
        state += 0x9E3779B97F4A7C15;
        return (int)((UInt128)Mix(state) * (ulong)bound >> 64);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
