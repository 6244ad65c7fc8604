// What the residual learns from: the ground as the simulator knows it, beside what a mean network makes of it.
using SarSynth.Data;
using SarSynth.Radar.Simulation;
using SarSynth.Translation;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>One scene, row-major; on the satellite's grid or the fine one.</summary>
/// <param name="Rows">Satellite rows.</param>
/// <param name="Columns">Satellite columns.</param>
/// <param name="Satellite">As the mean network sees it.</param>
/// <param name="Mean">ln of the mean intensity with noise, as the mean network sees amplitudes; fine.</param>
/// <param name="Spread">Spread of texture; fine.</param>
/// <param name="Residual">The residual over the spread; fine.</param>
/// <param name="Told">What networks are told of the satellite.</param>
internal sealed record ResidualScene(int Rows, int Columns, float[] Satellite, float[] Mean, float[] Spread,
    float[] Residual, float[] Told)
{
    /// <summary>Simulates a scene and runs the mean network over it.</summary>
    /// <param name="scene">Which.</param>
    /// <param name="size">Side, airborne pixels.</param>
    /// <param name="field">The mean network.</param>
    /// <param name="device">Where it is.</param>
    public static ResidualScene Of(MixedScene scene, int size, MeanField field, Device device)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var ground = scene.Ground(size);
        var seen = Simulator.Observe(ground, scene.Sensors.Airborne, scene.Seed);
        var coarse = Simulator.Observe(ground, scene.Sensors.Satellite, scene.Seed).Detected;
        var multiple = field.Multiple;
        var (rows, columns, scale) = (coarse.Rows / multiple * multiple, coarse.Columns / multiple * multiple,
            scene.Sensors.Scale);
        var truth = MeanIntensity(ground, seen, rows * scale, columns * scale);
        var satellite = new float[rows * columns];
        for (var r = 0; r < rows; r++)
            coarse.Pixels.AsSpan(r * coarse.Columns, columns).CopyTo(satellite.AsSpan(r * columns));
        var told = SatelliteFacts.Of(scene.Sensors.Satellite).Values();
        var input = field.Input(satellite, 1, rows, columns, device);
        var (logMean, spread) = field.Of(input, tensor(told, device: device).reshape(1, -1));
        var noise = Math.Pow(10, scene.Sensors.Airborne.NoiseEquivalentSigmaNought / 10);
        var mean = MeanField.WithNoise(logMean, noise);
        var target = MeanField.WithNoise(tensor(truth, device: device).reshape(mean.shape)
            .Clamped(1e-12, double.PositiveInfinity).log(), noise);
        return new(rows, columns, Values(input), Values(field.OfLogIntensity(mean)), Values(spread),
            Values(target.sub(mean).div(spread).Plus(spread.Over(2))), told);

        static float[] Values(Tensor image) => image.contiguous().cpu().data<float>().ToArray();
    }

    /// <summary>
    /// Power of the ground in each fine pixel before the sensor's response, without noise: reflectivity, and the
    /// targets that are lit.
    /// </summary>
    private static float[] MeanIntensity(Scene scene, Observation seen, int rows, int columns)
    {
        var (all, across) = (seen.Detected.Rows, seen.Detected.Columns);
        var grid = seen.Truth.ToGrid(all, across);
        var (sensor, power) = (seen.Sensor, new float[rows * columns]);
        for (var r = 0; r < rows; r++)
            grid.Reflectivity.AsSpan(r * across, columns).CopyTo(power.AsSpan(r * columns));
        double down = sensor.AzimuthSpacing / scene.Spacing, right = sensor.GroundRangeSpacing / scene.Spacing,
            area = sensor.AzimuthSpacing * sensor.GroundRangeSpacing;
        var slope = 1 / Math.Tan(sensor.IncidenceAngle * Math.PI / 180) / scene.Spacing;
        foreach (var (i, target) in scene.Targets.Index())
        {
            if (!seen.Truth.LitTargets[i])
                continue;
            double row = (target.Row + 0.5) / down - 0.5,
                column = (target.Column - target.Height * slope + 0.5) / right - 0.5;
            int top = (int)Math.Floor(row), left = (int)Math.Floor(column);
            foreach (var (r, c, share) in new[]
            {
                (top, left, (1 - row + top) * (1 - column + left)), (top, left + 1, (1 - row + top) * (column - left)),
                (top + 1, left, (row - top) * (1 - column + left)), (top + 1, left + 1, (row - top) * (column - left)),
            })
            {
                if (r >= 0 && r < rows && c >= 0 && c < columns)
                    power[r * columns + c] += (float)(share * target.CrossSection / area);
            }
        }
        return power;
    }
}

/// <summary>A batch of tiles of such scenes.</summary>
/// <param name="Count">Tiles.</param>
/// <param name="Side">Their side, satellite pixels.</param>
/// <param name="Satellite">[count x side x side].</param>
/// <param name="Mean">[count x side k x side k].</param>
/// <param name="Spread">[count x side k x side k].</param>
/// <param name="Residual">[count x side k x side k].</param>
/// <param name="Told">[count x 3].</param>
internal sealed record ResidualBatch(int Count, int Side, float[] Satellite, float[] Mean, float[] Spread,
    float[] Residual, float[] Told);

/// <summary>Draws tiles; the batch of a step depends on the seed and the step alone.</summary>
internal sealed class ResidualTiles(IReadOnlyList<ResidualScene> scenes, ulong seed, int side, int scale)
{
    /// <summary>The batch of a step.</summary>
    /// <remarks>
    /// Tiles are flipped along azimuth only: a flip along range would turn shadows towards the radar.
    /// </remarks>
    public ResidualBatch Batch(long step, int count)
    {
        var (coarse, fine) = (count * side * side, count * side * side * scale * scale);
        var batch = new ResidualBatch(count, side, new float[coarse], new float[fine], new float[fine],
            new float[fine], new float[count * SatelliteFacts.Count]);
        for (var i = 0; i < count; i++)
        {
            var random = new SplitMix(seed, (ulong)step, (ulong)i);
            var scene = scenes[random.Next(scenes.Count)];
            var (row, column) = (random.Next(scene.Rows - side + 1), random.Next(scene.Columns - side + 1));
            var flip = random.Next(2) == 1;
            Copy(scene.Satellite, batch.Satellite, 1);
            Copy(scene.Mean, batch.Mean, scale);
            Copy(scene.Spread, batch.Spread, scale);
            Copy(scene.Residual, batch.Residual, scale);
            scene.Told.CopyTo(batch.Told, i * SatelliteFacts.Count);

            void Copy(float[] from, float[] to, int k)
            {
                var (height, wide) = (side * k, scene.Columns * k);
                for (var r = 0; r < height; r++)
                {
                    from.AsSpan((row * k + (flip ? height - 1 - r : r)) * wide + column * k, height)
                        .CopyTo(to.AsSpan((i * height + r) * height));
                }
            }
        }
        return batch;
    }
}
