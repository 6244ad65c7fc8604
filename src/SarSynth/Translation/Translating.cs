// Satellite image in, airborne-like image out, on the finer grid: condition, denoise as one image, decode, stream.
using SarSynth.Data;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>What a translation of a file found out.</summary>
/// <param name="LeftOut">Satellite pixels that hold no data or are 0: they hold no data in the output.</param>
/// <param name="Remarks">Where the input is not what the model was trained on: one plain line each.</param>
public sealed record TranslationResult(long LeftOut, IReadOnlyList<string> Remarks);

public sealed partial class Translator
{
    /// <summary>Satellite pixels a side of the blocks that a file is translated in.</summary>
    public const int BlockSize = 192;

    /// <summary>Satellite pixels around a block that are denoised with it; the same noise lies under both blocks there.</summary>
    public const int Halo = 32;

    /// <summary>Translates an image in memory.</summary>
    /// <param name="satellite">The satellite image, at least 8 x 8; NaN and zero are no data and stay NaN.</param>
    /// <param name="recipe">Seed, steps, prompt, radiometry.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancel">Ends between denoising steps.</param>
    /// <returns>Amplitudes on a grid <see cref="ModelCard.Scale"/> times finer, georeference carried over.</returns>
    public AmplitudeImage Translate(
        SarImage satellite, TranslateRecipe recipe, Action<double>? progress = null, CancellationToken cancel = default)
    {
        var image = satellite.ToAmplitude();
        var gain = Gain(Card, recipe, image.Metadata, () => MeanLog(image.Pixels));
        var result = new float[(long)image.Rows * image.Columns * Card.Scale * Card.Scale];
        var blocks = RasterWindow.Cover(image.Rows, image.Columns, BlockSize, BlockSize).ToList();
        using var run = new BlockTranslator(this, recipe, gain);
        for (var i = 0; i < blocks.Count; i++)
        {
            var (window, padded) = (blocks[i], blocks[i].Grown(Halo, image.Rows, image.Columns));
            var fine = run.Translate(Cut(image, padded), padded, window, share => progress?.Invoke((i + share) / blocks.Count), cancel);
            var (scale, width) = (Card.Scale, image.Columns * Card.Scale);
            for (var r = 0; r < window.Rows * scale; r++)
                fine.AsSpan(r * window.Columns * scale, window.Columns * scale).CopyTo(result.AsSpan((window.Row * scale + r) * width + window.Column * scale));
        }
        return new(image.Rows * Card.Scale, image.Columns * Card.Scale, result, Metadata(Card, image.Metadata), image.GeoReference?.Refined(Card.Scale));
    }

    /// <summary>Translates a file of any size into a GeoTIFF, block by block, and writes the provenance beside it.</summary>
    /// <param name="input">A raster that <see cref="SarRaster"/> reads.</param>
    /// <param name="output">The GeoTIFF to write (.tif, .tiff); it appears whole or not at all.</param>
    /// <param name="recipe">Seed, steps, prompt, radiometry.</param>
    /// <param name="options">How the input is read; the product's own rules when null.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancel">Ends between denoising steps; nothing stays behind.</param>
    /// <returns>What was left out, and what the input is that the model was not trained on.</returns>
    /// <exception cref="RasterException">The input is not a raster or cannot be read, or has no valid pixel.</exception>
    public TranslationResult TranslateFile(
        string input, string output, TranslateRecipe recipe, RasterOptions? options = null, Action<double>? progress = null, CancellationToken cancel = default)
    {
        GeoTiff.RequireExtension(output);
        using var raster = SarRaster.Open(input, options);
        var scale = Card.Scale;
        var gain = Gain(Card, recipe, raster.Metadata, () => MeanLog(raster.Blocks().SelectMany(b => b.Image.ToAmplitude().Pixels)));
        if (double.IsNaN(gain))
            throw new RasterException(input, "has no pixel above 0, so there is nothing to translate");
        long leftOut;
        using (var writer = new GeoTiffWriter(
            output, raster.Rows * scale, raster.Columns * scale, PixelKind.Amplitude, Metadata(Card, raster.Metadata), raster.GeoReference?.Refined(scale)))
        using (var run = new BlockTranslator(this, recipe, gain))
        {
            var (done, total) = (0, RasterWindow.Cover(raster.Rows, raster.Columns, BlockSize, BlockSize).Count());
            foreach (var block in raster.Blocks(BlockSize, BlockSize, Halo))
            {
                var window = block.Window;
                var fine = run.Translate(block.Image.ToAmplitude().Pixels, block.Padded, window, share => progress?.Invoke((done + share) / total), cancel);
                writer.WriteWindow(window.Row * scale, window.Column * scale, new AmplitudeImage(window.Rows * scale, window.Columns * scale, fine));
                done++;
            }
            leftOut = run.LeftOut;
            writer.Complete();
        }
        var inputs = File.Exists(input) ? new[] { input } : [];
        Provenance.Of("translate", recipe, recipe.Seed, inputs, [output], Device.ToString()).Write(output + ".provenance.json");
        return new(leftOut, []);
    }

    /// <summary>Mean of ln amplitude over positive pixels; NaN when there is none.</summary>
    /// <param name="amplitudes">Linear amplitudes.</param>
    public static double MeanLog(IEnumerable<float> amplitudes)
    {
        var (sum, count) = (0.0, 0L);
        foreach (var a in amplitudes)
        {
            if (!(a > 0) || float.IsInfinity(a))
                continue;
            sum += Math.Log(a);
            count++;
        }
        return count == 0 ? double.NaN : sum / count;
    }

    /// <summary>The factor that brings the image's amplitudes to the training data's scale; NaN when the image has no valid pixel.</summary>
    private static double Gain(ModelCard card, TranslateRecipe recipe, SarMetadata metadata, Func<double> meanLog) =>
        (recipe.Radiometry ?? (metadata.Sensor == card.SatelliteSensor ? RadiometryMatch.Absolute : RadiometryMatch.Scene)) switch
        {
            RadiometryMatch.Absolute => 1,
            _ => Math.Exp(card.SatelliteMeanLog - meanLog()),
        };

    private static float[] Cut(AmplitudeImage image, RasterWindow window)
    {
        var cut = new float[window.Rows * window.Columns];
        for (var r = 0; r < window.Rows; r++)
            image.Pixels.AsSpan((window.Row + r) * image.Columns + window.Column, window.Columns).CopyTo(cut.AsSpan(r * window.Columns));
        return cut;
    }

    private static SarMetadata Metadata(ModelCard card, SarMetadata satellite) => satellite with
    {
        RangeSpacing = satellite.RangeSpacing / card.Scale,
        AzimuthSpacing = satellite.AzimuthSpacing / card.Scale,
        RangeResolution = null,
        AzimuthResolution = null,
        Looks = 1,
    };
}

/// <summary>Translates the blocks of one image; noise depends on the place in the image, so neighbours agree.</summary>
file sealed class BlockTranslator(Translator model, TranslateRecipe recipe, double gain) : IDisposable
{
    private readonly Tensor text = EmbedPrompt(model, recipe.Prompt);
    private readonly TextCache unetText = new(), controlText = new();
    private readonly PositionalNoise noise = new(recipe.Seed);
    private readonly TileGrid tiling = new(recipe.Tile, recipe.Overlap);

    /// <summary>Satellite pixels of the windows so far that hold no data or are 0.</summary>
    public long LeftOut { get; private set; }

    /// <summary>The fine amplitudes of <paramref name="window"/>, from the amplitudes of the padded window around it.</summary>
    public float[] Translate(float[] satellite, RasterWindow padded, RasterWindow window, Action<double> progress, CancellationToken cancel)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var scale = model.Card.Scale;
        var valid = Array.ConvertAll(satellite, a => a > 0 && float.IsFinite(a));
        var fine = new float[window.Rows * scale * window.Columns * scale];
        for (var r = window.Row - padded.Row; r < window.Row - padded.Row + window.Rows; r++)
            LeftOut += valid.AsSpan(r * padded.Columns + window.Column - padded.Column, window.Columns).Count(false);
        if (!valid.Contains(true))
        {
            Array.Fill(fine, float.NaN);
            return fine;
        }
        var latents = Denoise(Condition(satellite, valid, padded), padded, progress, cancel);
        Decode(latents, padded, window, fine);
        MaskNoData(fine, valid, padded, window);
        return fine;
    }

    public void Dispose()
    {
        text.Dispose();
        unetText.Dispose();
        controlText.Dispose();
    }

    private static Tensor EmbedPrompt(Translator model, string prompt)
    {
        using var noGradients = no_grad();
        return model.Embed([prompt]);
    }

    private Tensor Condition(float[] satellite, bool[] valid, RasterWindow padded)
    {
        // No data is told to the model as ground of mean brightness: its normalised value is 0.
        var values = new float[satellite.Length];
        model.Card.Satellite.Apply(Array.ConvertAll(satellite, a => (float)(a * gain)), values);
        for (var i = 0; i < values.Length; i++)
            if (!valid[i])
                values[i] = 0;
        return tensor(values, device: model.Device).reshape(1, 1, padded.Rows, padded.Columns);
    }

    private Tensor Denoise(Tensor condition, RasterWindow padded, Action<double> progress, CancellationToken cancel)
    {
        var plan = SamplingPlan.Create(model.Sampler, recipe.Steps);
        var denoiser = tiling.Over((input, timestep, windows) =>
        {
            using var scope = NewDisposeScope();
            var t = tensor((float)timestep, device: input.device);
            var embeddings = text.expand(input.shape[0], -1, -1);
            var local = cat([.. windows.Select(w => w.Of(condition))]);
            // The text's keys and values are those of one window: the same at every step and place.
            var alone = input.shape[0] == 1;
            using var residuals = model.ControlNet.forward(
                input, t, embeddings, local, conditioning_scale: recipe.ControlScale, cache: alone ? controlText : null);
            return model.Unet.forward(
                input, t, embeddings, down_block_additional_residuals: residuals.Down, mid_block_additional_residual: residuals.Mid,
                cache: alone ? unetText : null).MoveToOuterDisposeScope();
        });
        var start = noise.Window(PositionalNoise.InitialStep, model.Unet.Config.InChannels, padded.Row, padded.Column, padded.Rows, padded.Columns)
            .to(model.Device);
        var run = new SamplingRun
        {
            Noise = noise.Source(padded.Row, padded.Column),
            OnStep = step => progress((step.Index + 1.0) / step.Count),
            Cancellation = cancel,
        };
        return Sampler.Sample(denoiser, start.Times(plan.InitNoiseSigma), plan, run, recipe.Eta);
    }

    private void Decode(Tensor latents, RasterWindow padded, RasterWindow window, float[] fine)
    {
        var scale = model.Card.Scale;
        var width = padded.Columns * scale;
        var (top, left) = ((window.Row - padded.Row) * scale, (window.Column - padded.Column) * scale);
        var (rows, columns) = (window.Rows * scale, window.Columns * scale);
        foreach (var (first, band) in tiling.Bands(padded.Rows, padded.Columns, scale, windows => Translator.Decode(model.Vae, cat([.. windows.Select(w => w.Of(latents))]))))
        {
            using (band)
            {
                var normalised = band.contiguous().cpu().data<float>().ToArray();
                var amplitude = new float[normalised.Length];
                model.Card.Airborne.Invert(normalised, amplitude);
                for (var r = 0; r < (int)band.shape[2]; r++)
                {
                    var row = first + r - top;
                    if (row >= 0 && row < rows)
                        for (var c = 0; c < columns; c++)
                            fine[row * columns + c] = (float)(amplitude[r * width + left + c] / gain);
                }
            }
        }
    }

    private void MaskNoData(float[] fine, bool[] valid, RasterWindow padded, RasterWindow window)
    {
        var (scale, columns) = (model.Card.Scale, window.Columns * model.Card.Scale);
        for (var r = 0; r < window.Rows * scale; r++)
            for (var c = 0; c < columns; c++)
                if (!valid[(window.Row - padded.Row + r / scale) * padded.Columns + window.Column - padded.Column + c / scale])
                    fine[r * columns + c] = float.NaN;
    }
}
