// Tiles to what the networks take: the autoencoder's pixels, the ControlNets' conditions, the captions.
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>How tiles become tensors for one base model.</summary>
/// <param name="Channels">Channels of the autoencoder's images; amplitudes are repeated over them.</param>
/// <param name="Airborne">Amplitude to the model's values; null for A / (mu + 3 sigma) of each tile.</param>
/// <param name="Satellite">Likewise for the condition "satellite".</param>
internal sealed record TileTensors(int Channels, Normalisation? Airborne, Normalisation? Satellite)
{
    // As a translation has it: values in [0, 1] are mapped to the autoencoder's -1 to 1, others are its own.
    private bool IsOfUnitInterval => Airborne is null or ClippedNormalisation or DecibelNormalisation;

    /// <summary>
    /// What the autoencoder's pixels mean. Logarithms are relative: losses look at differences alone.
    /// </summary>
    public PixelScale Scale => Airborne switch
    {
        LogNormalisation log => new(Logarithmic: true, Factor: log.StandardDeviation, Offset: 0),
        DecibelNormalisation decibels => new(Logarithmic: true,
            Factor: (decibels.High - decibels.Low) * Math.Log(10) / 40, Offset: 0),
        _ => new(),
    };

    /// <summary>Images of tiles of one size, [tiles, channels, rows, columns] in [0, 1] (with a normalisation of the
    /// model's own: half of one plus its values, so about that), float32 on the CPU.</summary>
    /// <exception cref="TileException">A tile that is normalised already and does not tell its scale, for a model with
    /// a normalisation of its own.</exception>
    public Tensor Images(IReadOnlyList<Tile> tiles)
    {
        var (rows, columns) = (tiles[0].Rows, tiles[0].Columns);
        var values = new float[(long)tiles.Count * rows * columns];
        foreach (var (i, tile) in tiles.Index())
            Values(tile).CopyTo(values.AsSpan(i * rows * columns));
        using var scope = NewDisposeScope();
        return tensor(values, device: CPU).reshape(tiles.Count, 1, rows, columns).repeat(1, Channels, 1, 1)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Amplitudes of an image as <see cref="Images"/> has them: linear ones where the model has a
    /// normalisation of its own, else those of the unit range.</summary>
    public AmplitudeImage Amplitude(float[] unit, int rows, int columns) => Airborne is null ? new(rows, columns, unit)
        : Airborne.Invert(IsOfUnitInterval ? unit : Array.ConvertAll(unit, v => 2 * v - 1), rows, columns);

    /// <summary>A decoded image as amplitudes. Only values that stand for 0 to 1 are clipped there: others are the
    /// normalisation's own, and go on beyond.</summary>
    /// <param name="decoded">[1, channels, H, W], about -1 to 1 or as the normalisation has them.</param>
    public AmplitudeImage Amplitude(Tensor decoded)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var grey = decoded.to(ScalarType.Float32).mean([1]).Over(2).Plus_(0.5);
        if (IsOfUnitInterval)
            grey = grey.Clamped_(0, 1);
        return Amplitude(grey.cpu().contiguous().data<float>().ToArray(), (int)decoded.shape[2],
            (int)decoded.shape[3]);
    }

    /// <summary>
    /// A tile's own amplitudes, as <see cref="Amplitude(float[], int, int)"/> gives them; NaN where there is no data.
    /// </summary>
    public float[] Amplitude(Tile tile)
    {
        var (values, valid) = (Values(tile), tile.Validity());
        var amplitude = Amplitude(values, tile.Rows, tile.Columns).Pixels;
        return [.. amplitude.Zip(valid, (a, v) => v == 0 ? float.NaN : a)];
    }

    private float[] Values(Tile tile)
    {
        if (Airborne is null)
            return tile.ToUnitRange();
        var amplitude = tile.Image.ToAmplitude().Pixels;
        if (tile.IsNormalised)
        {
            var ceiling = tile.Ceiling ?? throw new TileException(tile.Source, tile.Key,
                "found a normalised picture that does not tell what its white stands for, expected linear amplitude "
                + "or a ceiling: the base model has a normalisation of its own");
            amplitude = Array.ConvertAll(amplitude, a => (float)(a * ceiling));
        }
        var values = new float[amplitude.Length];
        Airborne.Apply(amplitude, values);
        for (var i = 0; i < values.Length; i++)
            values[i] = float.IsNaN(values[i]) ? 0.5f : IsOfUnitInterval ? values[i] : (values[i] + 1) / 2;
        return values;
    }

    /// <summary>The condition that a ControlNet takes, [tiles, channels, rows, columns], float32 on the CPU.</summary>
    /// <param name="tiles">Tiles of one size.</param>
    /// <param name="strategy">Which condition, and its classes.</param>
    /// <param name="net">Says the grid: latents times a power of two.</param>
    /// <param name="factor">Pixels of the autoencoder per latent.</param>
    /// <exception cref="TileException">A tile without it, or whose grid does not fit.</exception>
    public Tensor Conditions(IReadOnlyList<Tile> tiles, ControlStrategy strategy, ControlNetConfig net,
        int factor)
    {
        using var scope = NewDisposeScope();
        var finer = 1 << (net.ConditioningEmbeddingOutChannels.Length - 1);
        long rows = tiles[0].Rows / factor * finer, columns = tiles[0].Columns / factor * finer;
        var parts = tiles.Select(tile =>
        {
            var condition = tile.Condition(strategy.Condition);
            var own = condition is { Name: "satellite", IsNormalised: false } ? Satellite : null;
            var image = condition.Kind == ConditionKind.Classes
                ? OneHot(tile, condition, strategy) : Amplitudes(condition, own);
            if (condition.Rows == rows && condition.Columns == columns)
                return image;
            if (condition.Kind == ConditionKind.Classes)
                return nn.functional.interpolate(image, size: [rows, columns], mode: InterpolationMode.Nearest);
            var fine = nn.functional.interpolate(
                image, size: [rows, columns], mode: InterpolationMode.Bicubic, align_corners: false);
            return own is null ? fine.Clamped_(0, 1) : fine;
        });
        return cat([.. parts]).MoveToOuterDisposeScope();
    }

    // By the model's own normalisation, else as airborne ones, A / (mu + 3 sigma); no data as 0.
    private static Tensor Amplitudes(TileCondition condition, Normalisation? own)
    {
        var values = new float[condition.Pixels.Length];
        if (condition.IsNormalised)
            condition.Pixels.CopyTo(values, 0);
        else if (own is not null)
            own.Apply(condition.Pixels, values);
        else if (condition.Pixels.Any(a => a > 0))
            new NormalisationFit().Add(condition.Pixels).Clipped(scope: NormalisationScope.Tile)
                .Apply(condition.Pixels, values);
        for (var i = 0; i < values.Length; i++)
            values[i] = float.IsNaN(condition.Pixels[i]) ? 0 : own is not null ? values[i]
                : Math.Clamp(values[i], 0, 1);
        return tensor(values, device: CPU).reshape(1, 1, condition.Rows, condition.Columns);
    }

    private static Tensor OneHot(Tile tile, TileCondition condition, ControlStrategy strategy)
    {
        var codes = strategy.Classes ?? throw new TileException(tile.Source, tile.Key,
            $"condition '{condition.Name}' is a class map: recipe field 'strategy.classes' found none, expected "
            + "its codes");
        var values = new float[codes.Count * condition.Pixels.Length];
        for (var c = 0; c < codes.Count; c++)
        {
            for (var i = 0; i < condition.Pixels.Length; i++)
                values[c * condition.Pixels.Length + i] = condition.Pixels[i] == codes[c] ? 1 : 0;
        }
        return tensor(values, device: CPU).reshape(1, codes.Count, condition.Rows, condition.Columns);
    }
}
