// What a ControlNet sees that does not see the satellite image: a class map, or a picture, of the same ground.
using SarSynth.Diffusion.Tiling;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>The condition of a ControlNet instead of the satellite image.</summary>
/// <param name="Net">Which ControlNet, from 1: the model's own first, then those of the recipe.</param>
/// <param name="File">
/// A raster that covers the part of the satellite image that is translated, with a whole number of pixels for each of
/// its pixels: one band of class codes, each of which becomes a channel, or as many bands of 0 to 255 as the net has
/// channels.
/// </param>
public sealed record ConditionRecipe(int Net, string File)
{
    /// <summary>The codes of the channels; null for 0, 1, 2, ... Other codes are no class.</summary>
    public IReadOnlyList<int>? Classes { get; init; }
}

/// <summary>A condition as a network sees it.</summary>
internal sealed class ConditionImage
{
    private readonly List<float[]> bands = [];
    private readonly IReadOnlyList<int>? classes;
    private readonly int rows, columns;

    /// <summary>Reads it.</summary>
    /// <param name="recipe">File and codes.</param>
    /// <param name="channels">Channels of the net.</param>
    /// <param name="sceneRows">Rows of the satellite image.</param>
    /// <param name="sceneColumns">Its columns.</param>
    /// <exception cref="RasterException">Not a raster.</exception>
    /// <exception cref="InvalidDataException">Neither one band nor as many as channels, another number of codes than
    /// channels, or it does not lie on the satellite image's grid.</exception>
    public ConditionImage(ConditionRecipe recipe, int channels, int sceneRows, int sceneColumns)
    {
        IReadOnlyList<string> names;
        using (var raster = SarRaster.Open(recipe.File))
        {
            (rows, columns, names) = (raster.Rows, raster.Columns, raster.Channels);
            if (rows < sceneRows || rows % sceneRows != 0 || columns != (long)sceneColumns * (rows / sceneRows))
            {
                throw new InvalidDataException($"{recipe.File}: found {rows} x {columns} pixels, expected a whole "
                    + $"number for each of the satellite image's {sceneRows} x {sceneColumns}.");
            }
        }
        if (names.Count <= 1)
        {
            classes = recipe.Classes ?? [.. Enumerable.Range(0, channels)];
            if (classes.Count != channels)
            {
                throw new InvalidDataException($"{recipe.File}: found {classes.Count} class codes, expected "
                    + $"{channels}: one for each channel of ControlNet {recipe.Net}.");
            }
        }
        else if (names.Count != channels)
        {
            throw new InvalidDataException($"{recipe.File}: found {names.Count} bands, expected one of class codes, or "
                + $"{channels} as ControlNet {recipe.Net} has channels.");
        }
        foreach (var name in names.DefaultIfEmpty())
        {
            using var band = SarRaster.Open(recipe.File, new() { Channel = name, Kind = PixelKind.Amplitude });
            bands.Add(band.Read().ToAmplitude().Pixels);
        }
    }

    /// <summary>On the grid of a network: the pixel that lies there.</summary>
    /// <param name="height">Rows of the grid; beyond the image its border goes on.</param>
    /// <param name="width">Columns of the grid.</param>
    /// <param name="scale">Pixels of the grid per satellite pixel.</param>
    /// <param name="sceneRows">Rows of the satellite image.</param>
    /// <param name="device">Where windows go.</param>
    public WindowedImage On(int height, int width, double scale, int sceneRows, Device device)
    {
        var finer = rows / sceneRows / scale;
        return new(height, width, window =>
        {
            var channels = classes?.Count ?? bands.Count;
            var values = new float[channels * window.Height * window.Width];
            for (var r = 0; r < window.Height; r++)
            {
                var from = At(window.Top + r, rows) * columns;
                for (var c = 0; c < window.Width; c++)
                {
                    var at = from + At(window.Left + c, columns);
                    for (var k = 0; k < channels; k++)
                        values[(k * window.Height + r) * window.Width + c] = Value(k, at);
                }
            }
            return tensor(values, device: device).reshape(1, channels, window.Height, window.Width);
        });

        int At(int index, int count) => Math.Clamp((int)((index + 0.5) * finer), 0, count - 1);
    }

    private float Value(int channel, int at) => classes is not null ? bands[0][at] == classes[channel] ? 1 : 0
        : float.IsNaN(bands[channel][at]) ? 0 : bands[channel][at] / 255;
}
