// Correlated texture fields: a Gaussian field of given correlation, mapped to the law's
// quantiles (the memoryless transform).
using System.Collections.Concurrent;
using System.Numerics.Tensors;
using MathNet.Numerics.Distributions;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>
/// Draws texture that belongs to the ground: every sensor sees the same, and a crop has that of its scene.
/// </summary>
internal static class TextureField
{
    private static readonly ConcurrentDictionary<(TextureLaw Law, double Shape), float[]> Tables = new();

    private const int Block = 256;
    private const int TableSize = 1024;
    private const float TableLimit = 5f;

    /// <summary>A Gaussian field of zero mean and unit variance with correlation exp(-(d / length)²).</summary>
    public static float[] Gaussian(Scene scene, double length, ParallelOptions workers)
    {
        double sigma = length / (2 * scene.Spacing);
        int reach = (int)Math.Ceiling(3 * sigma), rows = scene.Rows, columns = scene.Columns,
            wide = columns + 2 * reach, tall = rows + 2 * reach;
        var kernel = new float[2 * reach + 1];
        for (int i = -reach; i <= reach; i++)
            kernel[i + reach] = sigma > 0 ? (float)Math.Exp(-i * i / (2 * sigma * sigma)) : 1;
        float norm = 1 / TensorPrimitives.Norm<float>(kernel);
        TensorPrimitives.Multiply(kernel, norm, kernel);

        ulong stream = SeededRandom.StreamCode("texture") + (ulong)BitConverter.DoubleToInt64Bits(length);
        var alongRows = new float[tall * columns];
        Parallel.For(0, tall, workers, () => new float[wide], (r, _, noise) =>
        {
            FillNoise(scene.Seed, stream, scene.OriginRow + r - reach, scene.OriginColumn - reach, noise);
            var line = alongRows.AsSpan(r * columns, columns);
            for (int k = 0; k < kernel.Length; k++)
                TensorPrimitives.MultiplyAdd<float>(noise.AsSpan(k, columns), kernel[k], line, line);
            return noise;
        }, _ => { });
        if (reach == 0)
            return alongRows;
        var field = new float[rows * columns];
        Parallel.For(0, rows, workers, r =>
        {
            var line = field.AsSpan(r * columns, columns);
            for (int k = 0; k < kernel.Length; k++)
                TensorPrimitives.MultiplyAdd<float>(alongRows.AsSpan((r + k) * columns, columns), kernel[k], line,
                    line);
        });
        return field;
    }

    /// <summary>
    /// Multipliers of unit mean for standard normal values: index (z + 5) / 10 * 1024, linear in between.
    /// </summary>
    public static float[] Table(Texture texture) =>
        Tables.GetOrAdd((texture.Law, texture.Shape), static key => MakeTable(new Texture(key.Law, key.Shape)));

    private static float[] MakeTable(Texture texture)
    {
        var table = new float[TableSize + 1];
        for (int i = 0; i <= TableSize; i++)
        {
            double z = (2.0 * i / TableSize - 1) * TableLimit;
            table[i] = (float)(texture.Law switch
            {
                TextureLaw.K => Gamma.InvCDF(texture.Shape, texture.Shape, Normal.CDF(0, 1, z)),
                // The inverse of a Gamma variate, scaled to unit mean; a large one is a small Gamma variate, hence -z.
                TextureLaw.G0 => (texture.Shape - 1) / Math.Max(Gamma.InvCDF(texture.Shape, 1, Normal.CDF(0, 1, -z)),
                    1e-6),
                _ => 1,
            });
        }
        return table;
    }

    /// <summary>The multiplier for a standard normal value.</summary>
    public static float Lookup(float[] table, float z)
    {
        float position = (Math.Clamp(z, -TableLimit, TableLimit) + TableLimit) * (TableSize / (2 * TableLimit));
        int index = Math.Min((int)position, TableSize - 1);
        return table[index] + (position - index) * (table[index + 1] - table[index]);
    }

    // Blocks have their own streams so that a crop draws only its own.
    private static void FillNoise(ulong seed, ulong stream, int row, int firstColumn, Span<float> noise)
    {
        Span<float> values = stackalloc float[Block];
        for (int column = firstColumn; column < firstColumn + noise.Length;)
        {
            int block = (int)Math.Floor(column / (double)Block), inside = column - block * Block;
            int count = Math.Min(Block - inside, firstColumn + noise.Length - column);
            new SeededRandom(seed, stream, ((long)row << 32) ^ (uint)block).FillNormal(values);
            values.Slice(inside, count).CopyTo(noise[(column - firstColumn)..]);
            column += count;
        }
    }
}
